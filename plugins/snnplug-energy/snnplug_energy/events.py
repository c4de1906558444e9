"""A table of what each event of a network costs, as chips are described.

    E = sum over events of count * J per event + static power * seconds per step * steps

The tables of `loihi`, `keras_spiking` and `table` are made of it. An event that the network makes and the
table has no price for is refused: it would pass for free.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from snnplug import EnergyEstimate, EnergyItem
from snnplug.errors import ContractError
from snnplug_energy.baselines import Ann, ann_baselines, crossover
from snnplug_energy.checks import require_samples, require_sizes, uncovered

if TYPE_CHECKING:
    from snnplug.nn import Activity, SynapseActivity

__all__ = ["EventTable", "Prices"]


@attrs.frozen(kw_only=True)
class Prices:
    """J of one event each; None: the table does not know it.

    Attributes:
        synaptic_operation: an accumulate that a spike causes.
        convolution: the same in a convolution, where that differs.
        mac: a multiply-accumulate of a layer with analog input.
        quantised_mac: the same with few bits, for the quantised ANN alone.
        neuron_update: a neuron in a step, whether it spikes or not.
        spike: a spike that a neuron sends.
        step: a time step of the whole chip.
    """

    synaptic_operation: float | None = None
    convolution: float | None = None
    mac: float | None = None
    quantised_mac: float | None = None
    neuron_update: float | None = None
    spike: float | None = None
    step: float | None = None


@attrs.frozen(kw_only=True)
class EventTable:
    """Energy in J of one inference of one sample, by a table of prices.

    Attributes:
        name: of the table, for messages.
        prices: what the events cost.
        reference, node: source of the prices, and their process node.
        static_power: W that flow whatever happens, for `step_seconds` each step.
        step_seconds: how long a step takes.
        assumptions: what has to be true for the prices to hold.
        ann: the table that the baselines are computed by, of a device that can run an ANN; None: this one.
        analog_as_spikes: bill a multiply-accumulate as a synaptic operation where `mac` is not known, with a
            warning, as a chip without analog input would have to run it in another way.
    """

    name: str
    prices: Prices
    reference: str
    node: str
    static_power: float = 0.0
    step_seconds: float = 0.0
    assumptions: tuple[str, ...] = ()
    ann: EventTable | None = None
    analog_as_spikes: bool = False

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate.

        Raises:
            ContractError: nothing was recorded, or events were met that the table has no price for.
        """
        if self.prices.convolution is None:
            require_samples(activity)
        else:
            require_sizes(activity, self.name)
        layers = activity.synapses.values()
        items = [
            *self._synapses([s for s in layers if not s.analog], activity),
            *self._macs(sum(s.macs for s in layers if s.analog) / activity.samples),
            *self._inside_neurons(activity),
            *self._optional("neuron updates", activity.neuron_updates, self.prices.neuron_update, "neurons"),
            *self._optional("spikes", activity.spikes_per_sample, self.prices.spike, "communication"),
            *self._optional("time steps", activity.latency_steps, self.prices.step, "static"),
        ]
        if self.static_power:
            seconds = activity.latency_steps * self.step_seconds
            items.append(EnergyItem("seconds of static power", seconds, self.static_power, "static"))
        return EnergyEstimate(
            unit="J",
            items=tuple(items),
            reference=self.reference,
            node=self.node,
            assumptions=(*self.assumptions, *self._not_counted(), *crossover(activity)),
            warnings=tuple(self._warnings(activity)),
            baselines=ann_baselines(activity, lambda bits: self.dense_pass(activity, bits)),
        )

    def _synapses(self, layers: list[SynapseActivity], activity: Activity) -> Iterable[EnergyItem]:
        apart = self.prices.convolution is not None
        for convolution in (False, True) if apart else (False,):
            chosen = [s for s in layers if not apart or bool(s.kernel) == convolution]
            count = sum(sum(s.operations) for s in chosen) / activity.samples
            name = "synaptic operations" + (" of convolutions" if convolution else "")
            price = self.prices.convolution if convolution else self.prices.synaptic_operation
            if price is None and count:
                raise self._unknown("synaptic_operation", f"{count:.6g} synaptic operations")
            if price is not None:
                yield EnergyItem(name, count, price, "compute")

    def _macs(self, count: float) -> Iterable[EnergyItem]:
        if count:
            yield EnergyItem("MACs of layers with analog input", count, self._mac(count), "compute")

    def _mac(self, count: float) -> float:
        price = self.prices.mac
        if price is None and self.analog_as_spikes:
            price = self.prices.synaptic_operation
        if price is None:
            raise self._unknown("mac", f"{count:.6g} MACs of layers with analog input")
        return price

    def _inside_neurons(self, activity: Activity) -> Iterable[EnergyItem]:
        if count := activity.neuron_macs:
            yield EnergyItem("MACs inside neurons", count, self._mac(count), "neurons")
        if count := activity.neuron_operations:
            if self.prices.synaptic_operation is None:
                raise self._unknown("synaptic_operation", f"{count:.6g} synaptic operations inside neurons")
            price = self.prices.synaptic_operation
            yield EnergyItem("synaptic operations inside neurons", count, price, "neurons")

    @staticmethod
    def _optional(name: str, count: float, price: float | None, term: str) -> Iterable[EnergyItem]:
        if price is not None:
            yield EnergyItem(name, count, price, term)

    def _unknown(self, key: str, met: str) -> ContractError:
        return ContractError(
            f"{self.name} has no price for {met}: give it {key}, in J, or leave the model out"
        )

    def dense_pass(self, activity: Activity, bits: int | None) -> Ann:
        """Return a dense pass; where the chip has no MAC, every input counts as one spike."""
        if self.ann is not None:
            return self.ann.dense_pass(activity, bits)
        prices = self.prices
        price, kind = prices.mac, "MACs"
        if price is None:
            price, kind = prices.synaptic_operation, "synaptic operations, one for each MAC"
        how = f"one dense pass of the same layers at the prices of {self.name}"
        upper_bound = bits is not None and None in (prices.mac, prices.quantised_mac)
        if upper_bound:
            how += f"; it has none for {bits} bit, so this is an upper bound"
        elif bits is not None:
            price, how = prices.quantised_mac, f"{how}, a MAC at that of few bits"
        items = [EnergyItem(kind, activity.one_pass_macs, price or 0.0, "compute")]
        units = sum(neuron.size for neuron in activity.neurons.values())
        items += self._optional("activations", units, prices.neuron_update, "neurons")
        items += self._optional("time steps", 1, prices.step, "static")
        if self.static_power:
            items.append(
                EnergyItem("seconds of static power", self.step_seconds, self.static_power, "static")
            )
        return Ann(tuple(items), how, upper_bound)

    def _not_counted(self) -> Iterable[str]:
        named = {
            "neuron updates": self.prices.neuron_update,
            "spikes on their way": self.prices.spike,
            "static energy": self.prices.step if self.prices.step is not None else self.static_power or None,
        }
        if free := [name for name, price in named.items() if price is None]:
            yield f"{self.name} has no price for {', '.join(free)}: they are not in the sum"

    def _warnings(self, activity: Activity) -> Iterable[str]:
        yield from uncovered(activity, inside_neurons=True)
        analog = [s.name for s in activity.synapses.values() if s.analog]
        if analog and self.prices.mac is None:
            yield (
                f"{self.name} takes spikes, and {', '.join(analog)} got analog input: billed as one synaptic "
                "operation for each MAC, although the chip cannot run it so"
            )
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            names = ", ".join(graded)
            yield f"graded spikes from {names} cost what others do: the table has no price by payload"
