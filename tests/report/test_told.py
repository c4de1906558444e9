"""What the section on a training says of its steps, in words."""

from __future__ import annotations

from typing import Any

from snnplug.report.sections.train import _told
from snnplug.runs.records import Epoch


def epoch(number: int, **more: Any) -> Epoch:
    return Epoch(epoch=number, loss=1.0, accuracy=0.5, **more)


def test_numbers_of_callbacks_are_told_from_first_to_last() -> None:
    first = epoch(1, facts={"pruned.share": 0.0, "pruned.operations": 5_200_000.0, "spikes": 3.0})
    last = epoch(2, facts={"pruned.share": 0.5, "pruned.operations": 3_150_000.0, "spikes": 2.0})
    assert _told([first, last]) == (
        "pruned.share went from 0 to 0.5. pruned.operations went from 5,200,000 to 3,150,000."
    )
    assert _told([last]) == "pruned.share is 0.5. pruned.operations is 3,150,000."


def test_the_memory_of_a_step_is_told() -> None:
    said = _told([epoch(1, memory="compress", kept_bytes=157_100_000)])
    assert said == 'For its backward pass a step keeps 157 MB (memory = "compress").'
    assert _told([epoch(1)]) == ""
