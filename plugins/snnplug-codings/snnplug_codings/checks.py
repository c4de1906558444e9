"""What the parameters of these neurons have in common, checked in the same words."""

from __future__ import annotations

import math

from snnplug.errors import ParameterError, did_you_mean

__all__ = ["check_above_zero", "check_choice", "check_percentile"]


def check_above_zero(name: str, value: float) -> None:
    """Refuse a number that is not above 0 and finite.

    Raises:
        ValueError: it is not.
    """
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be above 0, got {value}")


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is not one of those allowed.

    Raises:
        ParameterError: it is none of them.
    """
    if value not in allowed:
        raise ParameterError(
            f"{name} must be one of {', '.join(allowed)}, got {value!r}.{did_you_mean(value, allowed)}"
        )


def check_percentile(percentile: float) -> None:
    """Refuse a percentile out of its range.

    Raises:
        ValueError: it is.
    """
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, got {percentile}")
