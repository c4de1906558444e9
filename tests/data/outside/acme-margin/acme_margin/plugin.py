"""What acme-margin offers. Imports no torch."""

from collections.abc import Iterable

from snnplug import LossSpec, hookimpl


@hookimpl
def snnplug_losses() -> Iterable[LossSpec]:
    """Return the loss."""
    yield LossSpec(
        name="margin",
        target="acme_margin.loss:Margin",
        summary="Margin loss of the mean output over time.",
        reference="Weston and Watkins, ESANN 1999",
    )
