"""What every model asks of an activity before it counts: that there is one, and what nobody counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from snnplug.errors import ContractError

if TYPE_CHECKING:
    from snnplug.nn import Activity

__all__ = ["require_layouts", "require_samples", "require_sizes", "uncovered"]


def require_samples(activity: Activity) -> None:
    """Raise `ContractError` if nothing was recorded."""
    if not activity.samples:
        raise ContractError("the activity holds no samples; run the network inside snnplug.nn.record first")


def require_sizes(activity: Activity, model: str) -> None:
    """Raise `ContractError` if nothing was recorded, or by a version that did not record sizes."""
    require_samples(activity)
    if any(not s.inputs for s in activity.synapses.values()):
        raise ContractError(
            f"{model} needs the size of every layer, which an earlier snnplug did not record; "
            "run the recipe again"
        )


def require_layouts(activity: Activity, model: str) -> None:
    """Raise `ContractError` unless every layer is a convolution or fully connected, and its size is known."""
    require_samples(activity)
    unknown = [f"{s.name} ({s.layer})" for s in activity.synapses.values() if not s.fan_in or not s.inputs]
    if unknown:
        raise ContractError(
            f"{model} counts convolutions and fully connected layers whose size is recorded, and has no "
            f"formula for {', '.join(unknown)}; leave {model} out here, or, if an earlier snnplug recorded "
            "the activity, run the recipe again"
        )


def uncovered(activity: Activity, *, inside_neurons: bool = False) -> Iterator[str]:
    """Yield a warning for each sort of work that is in no count.

    Args:
        activity: of at least one sample.
        inside_neurons: the model bills the products that neurons make themselves.
    """
    if activity.uncounted:
        names = ", ".join(f"{name} ({layer})" for name, layer in activity.uncounted.items())
        yield f"not counted, so the estimate is too low: {names}"
    inside = [n.name for n in activity.neurons.values() if n.macs or n.operations]
    if inside and not inside_neurons:
        names = ", ".join(inside)
        yield f"products inside the neurons of {names} are not counted, so the estimate is too low"
