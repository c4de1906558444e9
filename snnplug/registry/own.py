"""What every installation has, whatever is disabled: the core's own things."""

from __future__ import annotations

from snnplug.registry.kinds import ExecutorSpec
from snnplug.registry.registration import Registration
from snnplug.version import __version__

__all__ = ["OWN"]

OWN = (
    Registration(
        "snnplug",
        __version__,
        ExecutorSpec(
            name="processes",
            target="snnplug.engine.execution.processes:Processes",
            summary="Processes of this machine; what is used where no executor is named.",
        ),
    ),
)
