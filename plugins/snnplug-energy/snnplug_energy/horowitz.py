"""Energy of the arithmetic alone, in 45 nm CMOS at 0.9 V.

    E = (E_add + E_mul) MACs of layers with analog input + E_add synaptic operations

Energies per operation: M. Horowitz, "Computing's energy problem (and what we can do about
it)", ISSCC 2014, doi:10.1109/ISSCC.2014.6757323. In fp32 a MAC takes 4.6 pJ and an
accumulate 0.9 pJ. Two things differ from what most papers do with these constants: a
synaptic operation is counted with its true fan-out, not as firing rate times dense MACs,
so spikes at the border of a padded image cost less; and a layer before the first neuron
is counted as often as it really ran, which is once for an input that is constant in time.
Products that neurons make themselves, such as those of recurrent weights, stand on lines of their own.
The baselines are one dense pass of the same layers, in the model's precision and quantised to as many levels
as the neurons have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from snnplug import EnergyEstimate, EnergyItem
from snnplug_energy.baselines import Ann, ann_baselines, crossover
from snnplug_energy.checks import require_samples, uncovered

if TYPE_CHECKING:
    from snnplug.nn import Activity, SynapseActivity

__all__ = [
    "CONSTANTS",
    "NODE",
    "REFERENCE",
    "Horowitz45nm",
    "Operation",
    "Precision",
    "integer_of",
    "narrowest",
]


@attrs.frozen
class Operation:
    """Energy of one addition and one multiplication, in J."""

    add: float
    multiply: float

    @property
    def mac(self) -> float:
        """Energy of one multiply-accumulate."""
        return self.add + self.multiply


CONSTANTS: Mapping[str, Operation] = {
    "fp32": Operation(0.9e-12, 3.7e-12),
    "fp16": Operation(0.4e-12, 1.1e-12),
    "int32": Operation(0.1e-12, 3.1e-12),
    "int8": Operation(0.03e-12, 0.2e-12),
}


NODE = "45 nm, 0.9 V"
REFERENCE = "Horowitz, ISSCC 2014, 45 nm, doi:10.1109/ISSCC.2014.6757323"
Precision = Literal["fp32", "fp16", "int32", "int8"]


def integer_of(bits: int) -> Precision:
    """Return the narrowest integers with constants that hold so many bits: no narrower are published."""
    return "int8" if bits <= 8 else "int32"


def narrowest(bits: int, precision: Precision) -> str:
    """Return why a quantised ANN is billed as it is, after "in int8"."""
    why = f", the narrowest with published constants that holds the {bits} bit of as many levels"
    if precision != integer_of(bits):
        why += f"; the SNN is billed in {precision}: precision = {integer_of(bits)!r} compares like with like"
    return why


class Horowitz45nm:
    """Energy in J of one inference of one sample.

    Args:
        precision: number format of weights and sums.
        static_layers: what to do with layers whose input is constant in time: "once" bills the
            one pass that was made, "every_step" bills it for each time step, for hardware that
            does not keep the result.
        neuron_updates: also bill one MAC (a decay and an addition) for every neuron and step.
    """

    def __init__(
        self,
        *,
        precision: Precision = "fp32",
        static_layers: Literal["once", "every_step"] = "once",
        neuron_updates: bool = False,
    ) -> None:
        self.precision, self.static_layers, self.neuron_updates = precision, static_layers, neuron_updates
        self.energy = CONSTANTS[precision]

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate.

        Args:
            activity: of at least one sample.

        Raises:
            ContractError: nothing was recorded.
        """
        require_samples(activity)
        layers = activity.synapses.values()
        macs = sum(s.macs * self._passes(s, activity) for s in layers if s.analog) / activity.samples
        operations = sum(sum(s.operations) * self._passes(s, activity) for s in layers if not s.analog)
        in_precision, energy = f"({self.precision})", self.energy
        items = [
            EnergyItem(f"MACs of layers with analog input {in_precision}", macs, energy.mac, "compute"),
            EnergyItem(
                f"synaptic operations {in_precision}", operations / activity.samples, energy.add, "compute"
            ),
        ]
        if activity.neuron_macs:
            name = f"MACs inside neurons {in_precision}"
            items.append(EnergyItem(name, activity.neuron_macs, energy.mac, "neurons"))
        if activity.neuron_operations:
            name = f"synaptic operations inside neurons {in_precision}"
            items.append(EnergyItem(name, activity.neuron_operations, energy.add, "neurons"))
        if self.neuron_updates:
            name = "neuron updates, one MAC each"
            items.append(EnergyItem(name, activity.neuron_updates, energy.mac, "neurons"))
        return EnergyEstimate(
            unit="J",
            items=tuple(items),
            reference=REFERENCE,
            node=NODE,
            assumptions=tuple(self._assumptions(activity)),
            warnings=tuple(self._warnings(activity)),
            baselines=ann_baselines(activity, lambda bits: self._ann(activity, bits)),
        )

    def _ann(self, activity: Activity, bits: int | None) -> Ann:
        precision = self.precision if bits is None else integer_of(bits)
        item = EnergyItem(f"MACs ({precision})", activity.one_pass_macs, CONSTANTS[precision].mac, "compute")
        how = f"one dense pass of the same layers in {precision}"
        if bits is None:
            return Ann((item,), how)
        return Ann((item,), f"{how}{narrowest(bits, self.precision)}", upper_bound=True)

    def _passes(self, layer: SynapseActivity, activity: Activity) -> float:
        """Return by how much the recorded counts of a layer are multiplied."""
        if self.static_layers == "once":
            return 1.0
        return max(activity.steps / max(len(layer.events), 1), 1.0)

    def _assumptions(self, activity: Activity) -> list[str]:
        analog = [s.name for s in activity.synapses.values() if s.analog]
        static = [s.name for s in activity.synapses.values() if len(s.events) < activity.steps]
        lines = [
            "arithmetic only: memory traffic, addressing, routing, clock and leakage are not counted "
            "and usually cost more",
            "the hardware skips what no spike reaches and spends nothing on silence",
            "biases, normalisation (folded into the weights), pooling and the encoder are not counted",
        ]
        if not self.neuron_updates:
            lines.append("updates of membrane potentials are not counted (neuron_updates = true counts them)")
        if analog:
            lines.append(f"billed as MACs because their input is analog: {', '.join(analog)}")
        if static:
            how = "once" if self.static_layers == "once" else f"{activity.steps} times"
            lines.append(f"input constant in time, billed {how}: {', '.join(static)}")
        return [*lines, *crossover(activity)]

    @staticmethod
    def _warnings(activity: Activity) -> list[str]:
        lines = list(uncovered(activity, inside_neurons=True))
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            lines.append(
                f"graded spikes from {', '.join(graded)}: an accumulate per spike does not cover a payload; "
                "a layer that gets values mixed from them is billed as dense MACs"
            )
        return lines
