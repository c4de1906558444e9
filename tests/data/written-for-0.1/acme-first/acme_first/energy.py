"""A price for each synaptic operation, layer by layer, beside the dense ANN."""

from __future__ import annotations

from snnplug import Activity, Baseline, EnergyEstimate, EnergyItem


class FirstEnergy:
    """Energy of synaptic operations and multiply-accumulates.

    Args:
        picojoule: of an accumulate.
    """

    def __init__(self, *, picojoule: float = 0.9) -> None:
        self.joule = picojoule * 1e-12

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample."""
        items = []
        for name, layer in activity.synapses.items():
            count = layer.macs if layer.analog else sum(layer.operations)
            items.append(EnergyItem(f"layer {name}", count / activity.samples, self.joule, "compute"))
        dense = EnergyItem("multiply-accumulates", activity.one_pass_macs, 5 * self.joule, "compute")
        return EnergyEstimate(
            unit="J",
            items=tuple(items),
            reference="Horowitz, ISSCC 2014",
            node="45 nm, 0.9 V",
            assumptions=("memory is free",),
            warnings=tuple(f"{name} was not counted" for name in activity.uncounted),
            baselines=(Baseline("dense ANN", (dense,), "each layer once, dense"),),
            facts={"spikes": activity.spikes_per_sample},
        )
