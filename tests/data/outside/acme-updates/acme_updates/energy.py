"""A price for operations and for each update of a membrane potential.

    energy = accumulates x accumulate + multiply-accumulates x multiply + updates x (accumulate + multiply)

An update leaks and adds: one multiply-accumulate and one comparison, which costs as much as an addition.
Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323.
"""

from __future__ import annotations

from snnplug import Activity, EnergyEstimate, EnergyItem

__all__ = ["PerUpdate"]


class PerUpdate:
    """Energy of arithmetic, membrane potentials included, from measured activity.

    Args:
        accumulate: energy of a 32-bit floating-point addition, in picojoules.
        multiply: energy of a 32-bit floating-point multiply-accumulate, in picojoules.

    Raises:
        ValueError: a price is not greater than 0.
    """

    def __init__(self, *, accumulate: float = 0.9, multiply: float = 4.6) -> None:
        for name, price in (("accumulate", accumulate), ("multiply", multiply)):
            if not price > 0:
                raise ValueError(f"{name} must be greater than 0, got {price}")
        self.accumulate, self.multiply = accumulate * 1e-12, multiply * 1e-12

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample."""
        accumulates = activity.synaptic_operations + activity.neuron_operations
        products = activity.macs + activity.neuron_macs
        update = self.accumulate + self.multiply
        return EnergyEstimate(
            unit="J",
            items=(
                EnergyItem("accumulates", accumulates, self.accumulate, "compute"),
                EnergyItem("multiply-accumulates", products, self.multiply, "compute"),
                EnergyItem("updates of neurons", activity.neuron_updates, update, "neurons"),
            ),
            reference="Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323",
            node="45 nm, 0.9 V",
            assumptions=("memory and addressing are free",),
            warnings=tuple(
                f"{name} ({what}) was not counted: the estimate is too low"
                for name, what in activity.uncounted.items()
            ),
        )
