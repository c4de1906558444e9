"""The counts of NeuroBench: effective and dense synaptic operations, and sparsities; no joules.

    effective = pairs of an input value and a weight, neither of them zero, that meet in any step
    dense     = pairs that meet whatever their values, padding excluded

Effective operations are ACs where the input of a layer is 0, 1 and -1 alone, and MACs elsewhere; biases are
in neither. Yik et al., "The NeuroBench framework for benchmarking neuromorphic computing algorithms and
systems", Nature Communications 16:1545, 2025, arXiv:2304.04640, as its harness 2.3.0 counts. Four things
differ. A layer whose input is constant in time runs once here and is counted once, where a network that
NeuroBench wraps computes it at every step. Functional calls and products of activations count too, which its
hooks do not see. A layer whose values are signs in some steps only is judged for all steps of a call
together. Membrane updates and operations per neuron, which it knows of snnTorch's classes, are not counted.
`Activity.effective_operations` is another number: it bills a value of 2 as two spikes, as hardware that
sends spikes does, and analog input not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnplug import Baseline, EnergyEstimate, EnergyItem
from snnplug_energy.baselines import DENSE
from snnplug_energy.checks import require_sizes, uncovered

if TYPE_CHECKING:
    from snnplug.nn import Activity

__all__ = ["NeuroBench"]


class NeuroBench:
    """Effective synaptic operations of one inference of one sample; all else in the estimate's facts."""

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the counts; the unit is "operations".

        Raises:
            ContractError: nothing was recorded, or by an earlier version, which counted less.
        """
        require_sizes(activity, "neurobench")
        layers = activity.synapses.values()
        macs = sum(s.effective_macs for s in layers) / activity.samples
        acs = sum(s.effective_acs for s in layers) / activity.samples
        once = EnergyItem("dense operations of one pass", activity.one_pass_macs, 1.0, "compute")
        return EnergyEstimate(
            unit="operations",
            items=(
                EnergyItem("effective MACs", macs, 1.0, "compute"),
                EnergyItem("effective ACs", acs, 1.0, "compute"),
            ),
            reference="Yik et al., NeuroBench, arXiv:2304.04640; counts as of its harness 2.3.0",
            assumptions=(
                "a MAC and an AC count alike in the sum: these are operations and no energy",
                "biases, normalisation, pooling and neurons are not counted",
                "a layer whose input is constant in time is counted for the passes that were made",
            ),
            warnings=tuple(self._warnings(activity)),
            baselines=(Baseline(DENSE, (once,), "one dense pass of the same layers, all of it MACs"),),
            facts=_facts(activity),
        )

    @staticmethod
    def _warnings(activity: Activity) -> list[str]:
        lines = list(uncovered(activity))
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            lines.append(
                f"graded neurons {', '.join(graded)}: the activation sparsity takes each of their spikes "
                "for a value, and their layers count as MACs"
            )
        return lines


def _facts(activity: Activity) -> dict[str, float]:
    layers, neurons = activity.synapses.values(), activity.neurons.values()
    weights, zeros = sum(s.weights for s in layers), sum(s.zeros for s in layers)
    sent, slots = sum(sum(n.spikes) for n in neurons), sum(n.updates for n in neurons)
    return {
        "dense operations": activity.dense_macs,
        "connection sparsity": round(zeros / weights, 4) if weights else 0.0,
        "activation sparsity": 1 - sent / slots if slots else 0.0,
        "footprint (bytes)": float(activity.footprint),
        "parameters": float(activity.parameters),
        "neuron updates": activity.neuron_updates,
    }
