"""A spec with where it comes from."""

from __future__ import annotations

from typing import Any

import attrs

from snnplug.registry.kinds import Spec

__all__ = ["Registration"]


@attrs.frozen
class Registration:
    """What a plugin has registered."""

    plugin: str
    version: str
    spec: Spec

    @property
    def kind(self) -> str:
        """Kind of the spec."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """Bare name."""
        return self.spec.name

    @property
    def qualified(self) -> str:
        """Name that stays unique whatever else is installed, such as `acme-neurons:my_neuron`."""
        return f"{self.plugin}:{self.spec.name}"

    def load(self) -> Any:
        """Import the target.

        Raises:
            TargetError: it cannot be imported, has no such attribute, or cannot be called.
        """
        from snnplug.registry.component import load_target  # listings need none of it
        from snnplug.registry.contain import title

        return load_target(self.spec.target, title(self))
