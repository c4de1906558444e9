"""What networks that were trained alike have come to, in summary.json."""

from __future__ import annotations

from typing import Any

import attrs

from snnplug.runs.energy_records import Energy
from snnplug.runs.schema import Number

__all__ = ["BESIDE", "DRAWN", "Comparison", "Rival"]

BESIDE = "train.compare."
"""How the stages of their trainings begin, in metrics.jsonl and in the names of checkpoints."""

DRAWN = "drawn by chance"
"""How networks of the search's space came to be that nobody searched for."""


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

    @property
    def drawn(self) -> tuple[Rival, ...]:
        """Those drawn by chance."""
        return tuple(rival for rival in self.rivals if rival.how.startswith(DRAWN))

    @property
    def random_search(self) -> Rival | None:
        """What a random search that trains all those drawn would find: the first with the best validation
        accuracy; None for fewer than two, or without validation.
        """
        judged = [rival for rival in self.drawn if rival.val is not None]
        if len(judged) < 2:
            return None
        return max(judged, key=lambda rival: rival.val or 0.0)
