"""What networks that were trained alike have come to, in summary.json."""

from __future__ import annotations

from typing import Any

import attrs

from snnplug.runs.energy_records import Energy
from snnplug.runs.schema import Number

__all__ = ["BESIDE", "Comparison", "Rival"]

BESIDE = "train.compare."
"""How the stages of their trainings begin, in metrics.jsonl and in the names of checkpoints."""


@attrs.frozen(kw_only=True)
class Rival:
    """A network that was trained as the run's own was; the first of a comparison is the run's own.

    `how` says where it comes from; `difference` is the accuracy of the run's own less its own, over the
    same samples, with a 95 % interval from `low` to `high`.
    """

    name: str
    how: str = ""
    genotype: Any = None
    parameters: Number = None
    val: Number = None
    accuracy: Number = None
    difference: Number = None
    low: Number = None
    high: Number = None
    spikes: Number = None
    operations: Number = None
    macs: Number = None
    energy: tuple[Energy, ...] = ()
    seconds: Number = None


@attrs.frozen(kw_only=True)
class Comparison:
    """The run's own network, then every other, over so many samples of a split."""

    rivals: tuple[Rival, ...] = ()
    split: str = "test"
    samples: int = 0
