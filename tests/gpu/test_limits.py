"""Limits of a search: a network has the same sizes on the GPU as on the CPU, and is measured where it is."""

from __future__ import annotations

import copy
import random

import pytest
import torch

from snnplug import Candidate
from snnplug.engine.parts import make_parts
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.sizes import sizes_beyond
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

RECIPE = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 4},
    "neuron": {"use": "lif"},
    "search": {"strategy": {"use": "random", "draws": 1}, "scorer": {"use": "parameters"}},
}
SPACES = [
    {"use": "autosnn", "channels": 64},
    {"use": "snasnet", "channels": 128, "backward": True},
    {"use": "snasnet", "channels": 128, "backward": False},
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_sizes_do_not_depend_on_the_device(registry, space) -> None:
    found = []
    for device in ("cpu", "cuda"):
        recipe = copy.deepcopy(RECIPE)
        recipe["search"]["space"] = space
        parts = make_parts(make_plan(Recipe.from_dict(recipe), registry), torch.device(device))
        genotype = parts.space.sample(random.Random(0))
        candidate = Candidate(
            genotype=genotype,
            key="k",
            build=lambda repeat=0, parts=parts, genotype=genotype: parts.network(genotype, "k", repeat),
            batch=None,
            seed=0,
        )
        found.append(sizes_beyond(Limits(neurons=1, memory=1), parts, candidate))
        assert next(candidate.network.parameters()).device.type == device
    assert found[0] == found[1]
    assert set(found[0]) == {"neurons", "memory"}
