"""Running statistics of batch norm: one set for all steps as published, or a set for each."""

from __future__ import annotations

import pytest

from snnplug import Registry, Task
from snnplug.nn import StepwiseBatchNorm2d

IMAGES = Task(input_shape=(1, 8, 8), classes=10, steps=4)
EVENTS = Task(input_shape=(2, 8, 8), classes=10, steps=4, events=True, values="counts")


@pytest.mark.parametrize(
    ("task", "statistics", "kept"),
    [
        (IMAGES, "auto", None),
        (IMAGES, "shared", None),
        (IMAGES, "per_step", 4),
        (EVENTS, "auto", 4),
        (EVENTS, "shared", None),
    ],
)
@pytest.mark.parametrize("kind", ["search_space", "architecture", "supernet"])
def test_statistics(kind: str, task: Task, statistics: str, kept: int | None) -> None:
    pytest.importorskip("snnplug_lif")
    registry = Registry.from_installed()
    given = {"neuron": "lif", "channels": 4, "statistics": statistics}
    if kind == "architecture":
        network = registry.create("architecture", "snasnet_cell", task, **given)
    else:
        space = registry.create("search_space", "snasnet", task, **given)
        network = space.build("0303 0030 2002 0200") if kind == "search_space" else space.supernet()
    norms = [part for part in network.modules() if isinstance(part, StepwiseBatchNorm2d)]
    assert norms and {part.steps for part in norms} == {kept}
