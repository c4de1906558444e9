"""What a candidate may be: one beyond a limit is refused before it is scored, with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from snnplug.recipe.section import Table, uses

__all__ = ["Limits"]

_at_least_1: Any = attrs.validators.optional(attrs.validators.ge(1))
_WORDS = {"parameters": "parameters", "neurons": "neurons", "memory": "MiB of memory"}
_SIZES = tuple(_WORDS)


@attrs.frozen(kw_only=True)
class Limits:
    """`[search] limits`: what a candidate may have at most; None for any.

    Attributes:
        parameters: trainable weights and biases.
        neurons: what all layers of neurons send in one step for one sample.
        memory: MiB of weights, buffers and what all layers put out for one sample, as
            `snnplug.engine.scoring.sizes` counts it.
        chip: table: a chip that it has to fit, as `snnplug lint` says.
    """

    parameters: int | None = attrs.field(default=None, validator=_at_least_1)
    neurons: int | None = attrs.field(default=None, validator=_at_least_1)
    memory: float | None = attrs.field(default=None, validator=_at_least_1)
    chip: Table | None = uses("chip", default=None)

    @property
    def any(self) -> bool:
        """Whether there are limits."""
        return bool(self.given) or self.chip is not None

    @property
    def given(self) -> dict[str, float]:
        """The limits of sizes that there are, by name."""
        return {name: size for name in _SIZES if (size := getattr(self, name)) is not None}

    def beyond(self, sizes: Mapping[str, float]) -> dict[str, float]:
        """Return the sizes that are beyond a limit, by name."""
        limits = self.given
        return {name: size for name, size in sizes.items() if size > limits.get(name, size)}

    def reason(self, beyond: Mapping[str, float]) -> str:
        """Return why a candidate is refused."""
        return "; ".join(
            _words(name, size, self.given[name]) if name in _WORDS else _of_chip(size)
            for name, size in beyond.items()
        )

    def all_refused(self, refused: Iterable[Mapping[str, float]]) -> str:
        """Return what to do where nothing is left: what the smallest candidate has, and what to raise."""
        limits, refused = self.given, list(refused)
        smallest = min(
            refused,
            key=lambda beyond: max(
                size / limits[name] if name in limits else 1 + size for name, size in beyond.items()
            ),
        )
        which = " and ".join(f"search.limits.{name}" for name in smallest)
        said = f"choose another {which}" if "chip" in smallest else f"raise {which}"
        return (
            f"all {len(refused)} candidates were refused by search.limits; the smallest has "
            f"{self.reason(smallest)}: {said}, or choose another search space"
        )


def _of_chip(beyond: float) -> str:
    return f"{beyond:,.3g} times a limit of the chip too much, all limits together"


def _words(name: str, size: float, limit: float) -> str:
    digits = 0 if size == int(size) else 1
    while (text := f"{size:,.{digits}f}") == f"{limit:,.{digits}f}":  # it is beyond, and has to look so
        digits += 1
    return f"{text} {_WORDS[name]}, the limit is {int(limit) if limit == int(limit) else limit:,}"
