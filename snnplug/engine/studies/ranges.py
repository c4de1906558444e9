"""What the file of a study says of a sampler: its settings, and the ranges that it draws from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

__all__ = ["SAMPLING", "Range", "read_ranges", "sampling_problems"]

_SAMPLERS = ("tpe", "random")


@attrs.frozen
class Range:
    """Numbers from `low` to `high`, both of them too; whole ones where both are; `log` for a log scale."""

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


SAMPLING: dict[str, tuple[Callable[[Any], bool], str]] = {
    "samples": (_is_count, "a whole number of at least 1"),
    "sampler": (lambda value: value in _SAMPLERS, f"one of {', '.join(_SAMPLERS)}"),
    "sampler_seed": (lambda value: _is_count(value) or value == 0, "a whole number of at least 0"),
    "round_size": (_is_count, "a whole number of at least 1"),
    "prune": (lambda value: isinstance(value, bool), "true or false"),
}
"""Keys of a sampler, each with what it has to be."""


def read_ranges(table: Mapping[str, Any], axes: Mapping[str, Any]) -> tuple[dict[str, Range], list[str]]:
    """Return the ranges, and a line for each that is none."""
    found, problems = {}, []
    for key, span in _spans(table):
        numbers = [span.get("low"), span.get("high")]
        good = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
        if set(span) - {"low", "high", "log"} or not good or not isinstance(span.get("log", False), bool):
            problems.append(
                f"ranges.{key} must be {{ low = ..., high = ..., log = true or false }}, got {span!r}"
            )
        elif not span["low"] < span["high"] or (span.get("log") and span["low"] <= 0):
            problems.append(
                f"ranges.{key}: low must be below high, and above 0 with log = true; got {span!r}"
            )
        elif key in axes:
            problems.append(f"ranges.{key}: it is an axis already")
        else:
            found[key] = Range(**span)
    return found, problems


def _spans(table: Mapping[str, Any], around: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in table.items():
        if isinstance(value, dict) and value and all(isinstance(part, dict) for part in value.values()):
            yield from _spans(value, f"{around}{name}.")
        else:
            yield f"{around}{name}", value if isinstance(value, dict) else {"low": value}


def sampling_problems(
    data: Mapping[str, Any], ranges: Mapping[str, Range], measures: Mapping[str, str]
) -> list[str]:
    """Return a line for each mistake in what the file of a study says of its sampler."""
    problems = [
        f"{name} must be {wanted}, got {data[name]!r}"
        for name, (is_right, wanted) in SAMPLING.items()
        if name in data and not is_right(data[name])
    ]
    samples = data.get("samples", 0)
    if ranges and not samples:
        problems.append("ranges are drawn from: say how often by samples = 40")
    if not samples and (given := [name for name in SAMPLING if name in data and name != "samples"]):
        problems.append(f"{given[0]} is of a sampler; add samples = 40, or leave it out")
    if samples and data.get("leave_out"):
        problems.append(
            "leave_out is for all combinations, and a sampler draws some: leave it or samples out"
        )
    if data.get("prune") and len(measures) > 1:
        problems.append(f"prune goes by one measure, and there are {len(measures)}; give one in [measures]")
    return problems
