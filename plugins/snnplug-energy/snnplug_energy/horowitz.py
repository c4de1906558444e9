"""Energy of the arithmetic alone, in 45 nm CMOS at 0.9 V.

    E = (E_add + E_mul) MACs of layers with analog input + E_add synaptic operations

Energies per operation: M. Horowitz, "Computing's energy problem (and what we can do about
it)", ISSCC 2014, doi:10.1109/ISSCC.2014.6757323. In fp32 a MAC takes 4.6 pJ and an
accumulate 0.9 pJ. Two things differ from what most papers do with these constants: a
synaptic operation is counted with its true fan-out, not as firing rate times dense MACs,
so spikes at the border of a padded image cost less; and a layer before the first neuron
is counted as often as it really ran, which is once for an input that is constant in time.
Products that neurons make themselves, such as those of recurrent weights, stand on lines of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from snnplug import EnergyEstimate, EnergyItem
from snnplug.errors import ContractError

if TYPE_CHECKING:
    from snnplug.nn import Activity, SynapseActivity

__all__ = ["CONSTANTS", "Horowitz45nm", "Operation"]


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
        precision: Literal["fp32", "fp16", "int32", "int8"] = "fp32",
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
        if not activity.samples:
            raise ContractError(
                "the activity holds no samples; run the network inside snnplug.nn.record first"
            )
        layers = activity.synapses.values()
        macs = sum(s.macs * self._passes(s, activity) for s in layers if s.analog) / activity.samples
        operations = sum(sum(s.operations) * self._passes(s, activity) for s in layers if not s.analog)
        items = [
            EnergyItem(f"MACs of layers with analog input ({self.precision})", macs, self.energy.mac),
            EnergyItem(
                f"synaptic operations ({self.precision})", operations / activity.samples, self.energy.add
            ),
        ]
        if activity.neuron_macs:
            items.append(
                EnergyItem(f"MACs inside neurons ({self.precision})", activity.neuron_macs, self.energy.mac)
            )
        if activity.neuron_operations:
            items.append(
                EnergyItem(
                    f"synaptic operations inside neurons ({self.precision})",
                    activity.neuron_operations,
                    self.energy.add,
                )
            )
        if self.neuron_updates:
            items.append(EnergyItem("neuron updates, one MAC each", activity.neuron_updates, self.energy.mac))
        return EnergyEstimate(
            unit="J",
            items=tuple(items),
            reference="Horowitz, ISSCC 2014, 45 nm, doi:10.1109/ISSCC.2014.6757323",
            assumptions=tuple(self._assumptions(activity)),
            warnings=tuple(self._warnings(activity)),
        )

    def _passes(self, layer: SynapseActivity, activity: Activity) -> float:
        """Return by how much the recorded counts of a layer are multiplied."""
        if self.static_layers == "once":
            return 1.0
        return max(activity.steps / max(len(layer.events), 1), 1.0)

    def _assumptions(self, activity: Activity) -> list[str]:
        dense = sum(s.macs / max(len(s.events), 1) for s in activity.synapses.values()) / activity.samples
        analog = [s.name for s in activity.synapses.values() if s.analog]
        static = [s.name for s in activity.synapses.values() if len(s.events) < activity.steps]
        lines = [
            "arithmetic only: memory traffic, addressing, routing, clock and leakage are not counted "
            "and usually cost more",
            "the hardware skips what no spike reaches and spends nothing on silence",
            "biases, normalisation (folded into the weights), pooling and the encoder are not counted",
            f"for comparison, one dense pass of the same layers takes {dense:.0f} MACs, "
            f"{dense * self.energy.mac:.4g} J",
        ]
        if not self.neuron_updates:
            lines.append("updates of membrane potentials are not counted (neuron_updates = true counts them)")
        if analog:
            lines.append(f"billed as MACs because their input is analog: {', '.join(analog)}")
        if static:
            how = "once" if self.static_layers == "once" else f"{activity.steps} times"
            lines.append(f"input constant in time, billed {how}: {', '.join(static)}")
        return lines

    @staticmethod
    def _warnings(activity: Activity) -> list[str]:
        lines = []
        if activity.uncounted:
            names = ", ".join(f"{name} ({layer})" for name, layer in activity.uncounted.items())
            lines.append(f"not counted, so the estimate is too low: {names}")
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            lines.append(
                f"graded spikes from {', '.join(graded)}: an accumulate per spike does not cover a payload; "
                "a layer that gets values mixed from them is billed as dense MACs"
            )
        return lines
