"""Energy with memory and addressing, layer by layer, as Lemaire et al. count it.

    E = E_ops + E_addr + E_mem,   E_mem = sum over memories of accesses * E_access(size)

For a layer with N_out outputs, C_out channels and kernel k that gets theta spikes, and neurons that send
theta_out in T steps:

    operations  ACC  theta ceil(k/s)^2 C_out + T N_out + theta_out     fully connected: theta N_out + ...
    addressing  MAC  2 theta, ACC theta C_out k^2                      fully connected: ACC theta N_out
    reads       theta inputs, theta C_out k^2 weights, T N_out biases  fully connected: theta N_out weights
    potentials  theta C_out k^2 + T N_out, each read and written       fully connected: theta N_out + T N_out
    writes      theta_out outputs

A layer with analog input is billed as a layer of an ANN: MAC N_out C_in k^2, ACC N_out, addressing C_in H W +
N_out + C_out k^2, reads N_out C_in k^2 inputs and as many weights, N_out biases, N_out writes. E. Lemaire,
L. Cordone, A. Castagnetti, P.-E. Novac, J. Courtois, B. Miramond, "An analytical estimation of spiking neural
networks energy efficiency", ICONIP 2022, arXiv:2210.13107; energies of operations after Horowitz.

The two public implementations, of the authors' laboratory (qualia-plugin-snn) and of SpikingJelly, disagree
with the article and with each other; every such choice is a parameter here, and the defaults are the
article's. What differs: spikes that a neuron sends are billed with the neuron and not with the layer before
it, because several layers may lead to it; borders are counted in full, as the article does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import attrs

from snnplug import EnergyEstimate, EnergyItem
from snnplug_energy.baselines import Ann, ann_baselines, crossover
from snnplug_energy.checks import require_layouts, uncovered
from snnplug_energy.horowitz import CONSTANTS, NODE, Operation, Precision, integer_of, narrowest
from snnplug_energy.memory import AccessPrice, Model, access_price

if TYPE_CHECKING:
    from snnplug.nn import Activity, SynapseActivity

__all__ = ["Lemaire"]

_BITS = {"fp32": 32, "fp16": 16, "int32": 32, "int8": 8}
_Name = tuple[str, str]


@attrs.frozen(kw_only=True)
class Lemaire:
    """Energy in J of one inference of one sample.

    Attributes:
        precision: number format of weights, potentials and sums.
        memory: how the price of an access follows from the size of a memory: "interpolated", "linear" or
            "constant"; see `snnplug_energy.memory`.
        bytes_per_access: that a price of Horowitz's pays for, in "interpolated": 8, or 4 as in SpikingJelly.
        conv_addressing: "taps_and_channels" for theta C_out k^2; "taps" without C_out, as qualia computes.
        fc_addressing: "spikes" for theta N_out; "rate" for theta / N_in N_out, as qualia computes.
        ann_fc_addressing: "weights" for N_in N_out, as qualia; "inputs_and_outputs" for N_in + N_out, as
            SpikingJelly.
        biases: "every_layer", as after batch norm is folded, or "recorded", of layers that have them.
        bias_steps: biases are added at "every_step", T N_out, or "once", N_out.
        leak: bill one MAC for every neuron and step.
        reset: bill theta_out accumulates for the reset, which the article leaves out elsewhere.
    """

    precision: Precision = "int32"
    memory: Model = "interpolated"
    bytes_per_access: Literal[8, 4] = 8
    conv_addressing: Literal["taps_and_channels", "taps"] = "taps_and_channels"
    fc_addressing: Literal["spikes", "rate"] = "spikes"
    ann_fc_addressing: Literal["weights", "inputs_and_outputs"] = "weights"
    biases: Literal["every_layer", "recorded"] = "every_layer"
    bias_steps: Literal["every_step", "once"] = "every_step"
    leak: bool = False
    reset: bool = True

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate.

        Raises:
            ContractError: nothing was recorded, or a layer is neither a convolution nor fully connected.
        """
        require_layouts(activity, "lemaire")
        bill = self._bill(self.precision, _BITS[self.precision])
        for layer in activity.synapses.values():
            if layer.analog:
                self._ann_layer(bill, layer, activity.samples, layer.passes, "layers with analog input: ")
            else:
                self._spiking_layer(bill, layer, activity.samples)
        for neuron in activity.neurons.values():
            sent = sum(neuron.spikes) / activity.samples
            bill.access("outputs written", sent, neuron.size)
            if self.reset:
                bill.accumulate("resets", sent, "neurons")
            if self.leak:
                bill.mac("leaks", neuron.updates / activity.samples, "neurons")
        return EnergyEstimate(
            unit="J",
            items=bill.items(),
            reference="Lemaire et al., ICONIP 2022, arXiv:2210.13107; Horowitz, ISSCC 2014",
            node=NODE,
            assumptions=(*self._assumptions(), *crossover(activity)),
            warnings=tuple(self._warnings(activity)),
            baselines=ann_baselines(activity, lambda bits: self._ann(activity, bits)),
        )

    def _bill(self, precision: Precision, bits: int) -> _Bill:
        return _Bill(CONSTANTS[precision], access_price(self.memory, bits, self.bytes_per_access))

    def _has_bias(self, layer: SynapseActivity) -> bool:
        return self.biases == "every_layer" or layer.parameters > layer.weights

    def _spiking_layer(self, bill: _Bill, layer: SynapseActivity, samples: int) -> None:
        spikes, outputs = sum(layer.events) / samples, layer.outputs / samples / layer.passes
        taps = math.prod(layer.kernel)
        reached = spikes * taps * layer.filters
        if layer.kernel:
            places = math.prod(math.ceil(k / s) for k, s in zip(layer.kernel, layer.stride, strict=True))
            bill.accumulate("accumulates of spikes", spikes * places * layer.filters)
            bill.mac("addresses of spikes", 2 * spikes, "addressing")
            addresses = reached if self.conv_addressing == "taps_and_channels" else spikes * taps
        else:
            bill.accumulate("accumulates of spikes", reached)
            inputs = layer.inputs / samples / layer.passes
            addresses = reached if self.fc_addressing == "spikes" else reached / inputs
        bill.accumulate("addresses of weights and potentials", addresses, "addressing")
        bill.access("spikes read", spikes, layer.inputs / samples / layer.passes)
        bill.access("weights read", reached, layer.weights)
        bill.access("potentials read", reached, outputs)
        bill.access("potentials written", reached, outputs)
        if self._has_bias(layer):
            added = outputs * (layer.passes if self.bias_steps == "every_step" else 1)
            bill.accumulate("biases added", added)
            bill.access("biases read", added, _channels(layer))
            bill.access("potentials read for biases", added, outputs)
            bill.access("potentials written for biases", added, outputs)

    def _ann_layer(
        self, bill: _Bill, layer: SynapseActivity, samples: int, passes: float, prefix: str = ""
    ) -> None:
        inputs = layer.inputs / samples / layer.passes * passes
        outputs = layer.outputs / samples / layer.passes * passes
        macs = outputs * layer.fan_in
        bill.mac(f"{prefix}MACs", macs)
        if layer.kernel:
            addresses = inputs + outputs + _channels(layer) * math.prod(layer.kernel) * passes
        elif self.ann_fc_addressing == "weights":
            addresses = macs
        else:
            addresses = inputs + outputs
        bill.accumulate(f"{prefix}addresses", addresses, "addressing")
        bill.access(f"{prefix}inputs read", macs if layer.kernel else inputs, inputs / passes)
        bill.access(f"{prefix}weights read", macs, layer.weights)
        if self._has_bias(layer):
            bill.accumulate(f"{prefix}biases added", outputs)
            bill.access(f"{prefix}biases read", outputs, _channels(layer))
        bill.access(f"{prefix}outputs written", outputs, outputs / passes)

    def _ann(self, activity: Activity, bits: int | None) -> Ann:
        precision = self.precision if bits is None else integer_of(bits)
        bill = self._bill(precision, bits or _BITS[precision])
        for layer in activity.synapses.values():
            self._ann_layer(bill, layer, activity.samples, 1)
        how = f"one dense pass of the same layers by the formulas for an ANN, in {precision}"
        if bits is None:
            return Ann(bill.items(), how)
        how += f"{narrowest(bits, self.precision)}; words in memory have just these bits"
        return Ann(bill.items(), how, upper_bound=True)

    def _assumptions(self) -> Iterable[str]:
        yield f"memory: {self.memory}" + (
            f", {self.bytes_per_access} bytes for a price of Horowitz's"
            if self.memory == "interpolated"
            else ""
        )
        yield (
            f"addressing: {self.conv_addressing} in convolutions, {self.fc_addressing} in fully connected "
            f"layers, {self.ann_fc_addressing} in those of an ANN"
        )
        yield f"biases: {self.biases}, {self.bias_steps}; leak: {_yes(self.leak)}; reset: {_yes(self.reset)}"
        yield "every layer has memories of its own, of just its size; nothing is reused once read"
        yield "a spike at the border costs as any other does; routing, clock, leakage and pools cost nothing"
        yield "an item's price is its mean over the layers: memories differ in size"

    @staticmethod
    def _warnings(activity: Activity) -> Iterable[str]:
        yield from uncovered(activity)
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            names = ", ".join(graded)
            yield f"graded spikes from {names}: a value that is not zero is billed as a spike without payload"


def _channels(layer: SynapseActivity) -> int:
    return layer.weights // layer.fan_in


def _yes(value: bool) -> str:
    return "billed" if value else "not billed"


class _Bill:
    """Items by name; memories of different size are added up."""

    def __init__(self, energy: Operation, price: AccessPrice) -> None:
        self.energy, self.price = energy, price
        self.lines: dict[_Name, tuple[float, float]] = {}

    def accumulate(self, name: str, count: float, term: str = "compute") -> None:
        self._add((name, term), count, self.energy.add)

    def mac(self, name: str, count: float, term: str = "compute") -> None:
        self._add((name, term), count, self.energy.mac)

    def access(self, name: str, count: float, words: float) -> None:
        """Add accesses to a memory of so many words."""
        self._add((name, "memory"), count, self.price(words))

    def _add(self, line: _Name, count: float, each: float) -> None:
        before, value = self.lines.get(line, (0.0, 0.0))
        self.lines[line] = before + count, value + count * each

    def items(self) -> tuple[EnergyItem, ...]:
        return tuple(
            EnergyItem(name, count, value / count if count else 0.0, term)
            for (name, term), (count, value) in self.lines.items()
        )
