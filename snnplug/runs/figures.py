"""The figures of a summary that are worth a line."""

from __future__ import annotations

import json
from typing import Any

import attrs

from snnplug.runs.records import Summary

__all__ = ["Figure", "figures"]

_LONGEST = 60  # letters of a genotype


@attrs.frozen
class Figure:
    """A value with the format it is shown in."""

    value: Any
    form: str
    more: str = ""

    def __str__(self) -> str:
        return f"{self.value:{self.form}}{self.more}"


def figures(summary: Summary) -> dict[str, Figure]:
    """Return the figures of a summary by name."""
    found: dict[str, Figure] = {}
    if summary.accuracy is not None:
        interval = _interval(summary)
        for split, value in attrs.asdict(summary.accuracy).items():
            _add(found, f"{split} accuracy", value, ".4f", interval if split == "test" else "")
    for name, value, form in (
        ("spikes per sample", summary.spikes_per_sample, ",.1f"),
        ("synaptic operations per sample", summary.synaptic_operations, ",.0f"),
        ("MACs per sample", summary.macs, ",.0f"),
        ("latency in steps", summary.latency_steps, ".0f"),
        ("parameters", summary.parameters, ",.0f"),
        ("epochs", summary.epochs, "d"),
    ):
        _add(found, name, value, form)
    for estimate in summary.energy or ():
        unit = "" if estimate.unit == "relative" else f" in {estimate.unit}"
        _add(found, f"energy, {estimate.model.rpartition(':')[2]}{unit}", estimate.value, ".3e")
    if (search := summary.search) is not None:
        if search.best is not None:
            _add(found, "found", _short(search.best), "")
        _add(found, "candidates drawn", search.draws, "d")
        _add(found, "candidates scored", search.evaluated, "d")
        _add(found, "candidates refused", search.refused, "d")
        _add(found, "best score", search.score, ".4f")
        _add(found, "seconds per candidate", search.seconds_per_candidate, ".3f")
    for rival in summary.comparison.rivals[1:] if summary.comparison is not None else ():
        _add(found, f"accuracy, {rival.how}", rival.accuracy, ".4f")
    if summary.comparison is not None and (chosen := summary.comparison.random_search) is not None:
        _add(
            found, f"accuracy, best of {len(summary.comparison.drawn)} by validation", chosen.accuracy, ".4f"
        )
    for stage, seconds in summary.seconds.items():
        _add(found, f"{stage} seconds", seconds, ".1f")
    return found


def _add(found: dict[str, Figure], name: str, value: Any, form: str, more: str = "") -> None:
    if value is not None:
        found[name] = Figure(value, form, more)


def _interval(summary: Summary) -> str:
    if summary.interval is None or None in summary.interval:
        return ""
    low, high = summary.interval
    return f" ({low:.3f} to {high:.3f})"


def _short(genotype: Any) -> str:
    text = genotype if isinstance(genotype, str) else json.dumps(genotype)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."
