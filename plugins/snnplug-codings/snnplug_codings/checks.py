"""A choice that differs from neuron to neuron, so that no type can say it."""

from __future__ import annotations

from snnplug.errors import ParameterError, did_you_mean

__all__ = ["check_choice"]


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those allowed.

    Raises:
        ParameterError: it is none of them.
    """
    if value not in allowed:
        raise ParameterError(
            f"{name} must be one of {', '.join(allowed)}, got {value!r}.{did_you_mean(value, allowed)}"
        )
