"""What acme-updates offers. Imports no torch."""

from collections.abc import Iterable

from snnplug import EnergyModelSpec, hookimpl


@hookimpl
def snnplug_energy_models() -> Iterable[EnergyModelSpec]:
    """Return the energy model."""
    yield EnergyModelSpec(
        name="per_update",
        target="acme_updates.energy:PerUpdate",
        summary="A price for operations and for each update of a membrane potential.",
        reference="Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323",
        unit="J",
    )
