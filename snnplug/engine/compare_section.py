"""The settings of `[convert.compare]`."""

from __future__ import annotations

from typing import Any

import attrs

from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import Table, uses_each

__all__ = ["CompareSection", "compare_section"]

_at_least_1: Any = attrs.validators.deep_iterable(attrs.validators.ge(1))
_at_least_0: Any = attrs.validators.deep_iterable(attrs.validators.ge(0))


@attrs.frozen(kw_only=True)
class CompareSection:
    """`[convert.compare]`: what the converted network stands beside.

    Attributes:
        neurons: other codings of the same trained network, each calibrated, none tuned.
        steps: time steps of those that run step by step, a row each.
        calibration: training samples that they are calibrated by; 0 leaves them as they are.
        noise: standard deviations of noise on the images, whose values are in [0, 1]; accuracies with it.
        samples: test samples of the layer-wise trace; 0 for none.
        test_samples: test samples of the accuracies; 0 for all.
    """

    neurons: list[str | Table] = uses_each("neuron")
    steps: tuple[int, ...] = attrs.field(default=(8, 16, 32), validator=_at_least_1)
    calibration: int = attrs.field(default=1024, validator=attrs.validators.ge(0))
    noise: tuple[float, ...] = attrs.field(default=(), validator=_at_least_0)
    samples: int = attrs.field(default=256, validator=attrs.validators.ge(0))
    test_samples: int = attrs.field(default=0, validator=attrs.validators.ge(0))


def compare_section(recipe: Recipe) -> CompareSection:
    """Return the section of a recipe, with its defaults where there is none."""
    return recipe.sections.get("convert.compare") or CompareSection()
