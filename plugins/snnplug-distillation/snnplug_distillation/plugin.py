"""What snnplug-distillation offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import CallbackSpec, hookimpl


@hookimpl
def snnplug_callbacks() -> Iterable[CallbackSpec]:
    """Return the callbacks."""
    yield CallbackSpec(
        name="teacher",
        target="snnplug_distillation.teacher:Teacher",
        summary="Train a network to say what the trained network of another run says.",
        reference="Hinton et al., 2015, arXiv:1503.02531",
    )
