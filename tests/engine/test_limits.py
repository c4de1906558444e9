"""Limits of a search: a candidate beyond one is refused before it is scored, and counts as none."""

from __future__ import annotations

import copy
import json
import math
import shutil
import tomllib
from pathlib import Path
from typing import Any

import handmade
import pytest
import torch
import toys
from handmade import parameters, recipe
from stopping import stopped_after
from torch import nn

import snnplug
from snnplug import Candidate
from snnplug.engine.parts import Parts, make_parts
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.sizes import sizes_beyond
from snnplug.errors import RecipeError, RunDirectoryError, RunFailed
from snnplug.nn import StepwiseBatchNorm2d, TimeModule, TimeSequential, channels_last, record
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import to_toml
from snnplug.recipe.recipe import Recipe
from snnplug.runs.journal import TrialJournal

SIX = {"parameters": parameters(6)}


def parts_of(data: dict[str, Any]) -> Parts:
    plan = make_plan(Recipe.from_dict(data), handmade.registry())
    return make_parts(plan, torch.device("cpu"))


def beyond(network: nn.Module, **limits: Any) -> dict[str, float]:
    never: Any = None
    candidate = Candidate(genotype=1, key="k", build=lambda repeat=0: network, batch=never, seed=0)
    return sizes_beyond(Limits(**limits), parts_of(recipe(1)), candidate)


def wide_net(width: int = 100_000) -> nn.Module:
    return TimeSequential(nn.Flatten(), nn.Linear(16, width), toys.ToyNeuron(), nn.Linear(width, 2))


def test_what_is_beyond_a_limit_is_refused_and_cannot_win(tmp_path: Path) -> None:
    done = snnplug.run(recipe(3, 11, 6, 7, limits=SIX), out=tmp_path / "run", registry=handmade.registry())
    assert handmade.asked == [3, 6]
    search = done.summary["search"]
    assert (search["best"], search["score"]) == (6, 6.0)
    assert (search["draws"], search["distinct"], search["evaluated"], search["refused"]) == (4, 4, 2, 2)
    assert [math.isnan(trial.score) for trial in handmade.told] == [False, True, False, True]
    refused = [trial for trial in done.trials if trial.beyond]
    assert [trial.genotype for trial in refused] == [11, 7]
    assert [trial.score for trial in refused] == [None, None]
    assert refused[0].beyond == {"parameters": 211}
    assert refused[0].reason == "211 parameters, the limit is 116"
    assert done.summary["notes"] == ["search.limits refused 2 of 4 candidates"]
    page = " ".join((tmp_path / "run" / "report.html").read_text("utf-8").split())
    assert "2 refused by search.limits." in page
    assert "got no score and cannot win" not in page


def test_refused_ones_are_no_failures(tmp_path: Path) -> None:
    done = snnplug.run(
        recipe(3, 11, 5, 7, bad=[5], limits=SIX), out=tmp_path / "run", registry=handmade.registry()
    )
    assert done.summary["notes"] == [
        "search.limits refused 2 of 4 candidates",
        "scorer local:wide has no finite score for 1 of 2 candidates",
    ]
    page = " ".join((tmp_path / "run" / "report.html").read_text("utf-8").split())
    assert "1 of 2 got no score and cannot win: " in page and ". 2 refused by search.limits." in page
    handmade.asked.clear()
    snnplug.resume(tmp_path / "run", registry=handmade.registry(), retry_failed=True)
    assert handmade.asked == [5]
    lines = TrialJournal(tmp_path / "run" / "trials.journal").trials
    assert [trial.genotype for trial in lines] == [3, 11, 5, 7, 5]


def test_five_refused_in_a_row_do_not_end_a_search(tmp_path: Path) -> None:
    data = recipe(12, 10, 9, 8, 7, 11, 3, limits=SIX, round_size=1)
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert (done.summary["search"]["best"], done.summary["search"]["refused"]) == (3, 5)


def test_five_failures_in_a_row_do_whatever_was_refused_between(tmp_path: Path) -> None:
    data = recipe(12, 1, 2, 10, 3, 4, 5, 6, bad=range(6), limits=SIX, round_size=1)
    with pytest.raises(RunFailed, match="the first 5 candidates could not be scored; one of them failed: "):
        snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert handmade.asked == [1, 2, 3, 4, 5]


def test_where_all_are_refused_the_smallest_and_the_limit_are_named(tmp_path: Path) -> None:
    data = recipe(11, 8, 10, limits={"parameters": 100, "neurons": 4})
    words = (
        "all 3 candidates were refused by search.limits; the smallest has 154 parameters, the limit is 100: "
        "raise search.limits.parameters, or choose another search space"
    )
    with pytest.raises(RunFailed) as failed:
        snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert str(failed.value) == words
    with pytest.raises(RunFailed) as failed:
        snnplug.resume(tmp_path / "run", registry=handmade.registry())
    assert str(failed.value) == words
    assert handmade.asked == []


def test_where_the_rest_fails_both_are_counted(tmp_path: Path) -> None:
    data = recipe(11, 2, 10, bad=[2], limits=SIX)
    with pytest.raises(RunFailed, match=r"none of 1 candidates .* scored, 2 others were refused by search"):
        snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())


@pytest.mark.parametrize(
    "changes", [{"workers": 2}, pytest.param({"timeout": 300.0}, marks=pytest.mark.slow)], ids=str
)
def test_the_journal_is_the_same_with_workers_and_a_time_limit(
    changes: dict[str, Any], toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    toy_recipe["search"] |= {"limits": {"neurons": 6}}
    snnplug.run(toy_recipe, out=tmp_path / "one", registry=toy_registry)
    toy_recipe["search"] |= changes
    snnplug.run(toy_recipe, out=tmp_path / "many", registry=toy_registry)
    one, many = handmade.journal(tmp_path / "one"), handmade.journal(tmp_path / "many")
    assert one == many
    assert {width for width, score, *_ in one[0].values() if score == "nan"} >= {7, 9, 10}


def test_killed_and_resumed_equals_unbroken(tmp_path: Path) -> None:
    data = recipe(12, 3, 10, 5, 4, 9, 2, limits={"neurons": 6}, round_size=2)
    whole = snnplug.run(data, out=tmp_path / "whole", registry=handmade.registry())
    for stop in range(1, 6):
        with stopped_after(stop):
            snnplug.run(data, out=tmp_path / f"{stop}", registry=handmade.registry())
        again = snnplug.resume(tmp_path / f"{stop}", registry=handmade.registry())
        assert handmade.journal(tmp_path / f"{stop}") == handmade.journal(tmp_path / "whole")
        assert again.summary["search"]["refused"] == whole.summary["search"]["refused"] == 3


def test_a_changed_limit_is_a_changed_recipe(tmp_path: Path) -> None:
    for name, most in (("six", 6), ("seven", 7)):
        data = recipe(3, 7, limits={"neurons": most})
        snnplug.run(data, out=tmp_path / name, registry=handmade.registry())
    shutil.copy(tmp_path / "six" / "trials.journal", tmp_path / "seven" / "trials.journal")
    with pytest.raises(RunDirectoryError, match="belongs to a run of another recipe"):
        snnplug.resume(tmp_path / "seven", registry=handmade.registry())


def test_limits_that_none_is_beyond_change_no_score(
    toy_registry: Any, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    del toy_recipe["train"]
    snnplug.run(toy_recipe, out=tmp_path / "without", registry=toy_registry)
    toy_recipe["search"]["limits"] = {"parameters": 10**6, "neurons": 10**6, "memory": 100}
    done = snnplug.run(toy_recipe, out=tmp_path / "with", registry=toy_registry)
    assert handmade.journal(tmp_path / "with") == handmade.journal(tmp_path / "without")
    assert done.summary["search"]["refused"] == 0
    assert "refused" not in json.loads((tmp_path / "without" / "summary.json").read_text())["search"]


def test_a_network_that_cannot_be_built_costs_its_candidate_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = toys.ToySpace.build

    def picky(space: toys.ToySpace, genotype: int) -> nn.Module:
        if genotype == 5:
            raise RuntimeError("no five")
        return build(space, genotype)

    data = recipe(3, 5, 4, limits={"neurons": 6})
    monkeypatch.setattr(toys.ToySpace, "sample", lambda space, rng: 1)  # what is tried before the start
    monkeypatch.setattr(toys.ToySpace, "build", picky)
    done = snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert done.summary["search"]["best"] == 4
    (lost,) = [trial for trial in done.trials if trial.score is None]
    assert (lost.genotype, lost.beyond) == (5, None)
    assert "search space local:toy raised RuntimeError: no five" in str(lost.reason)


def test_the_network_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []
    build = toys.ToySpace.build

    def counted(space: toys.ToySpace, genotype: int) -> nn.Module:
        built.append(genotype)
        return build(space, genotype)

    data = recipe(11, 3, limits={"neurons": 6})
    monkeypatch.setattr(toys.ToySpace, "sample", lambda space, rng: 1)
    monkeypatch.setattr(toys.ToySpace, "build", counted)
    snnplug.run(data, out=tmp_path / "run", registry=handmade.registry())
    assert (built.count(11), built.count(3) > 0) == (1, True)


def test_sizes_by_hand() -> None:
    weights = 16 * 100_000 + 100_000 + 2 * 100_000 + 2
    # the input is constant, so the first layer runs once; neurons and readout at each of 3 steps
    outputs = 100_000 + 3 * 100_000 + 3 * 2
    assert beyond(wide_net(), parameters=10) == {"parameters": weights}
    found = beyond(wide_net(), neurons=99_999, memory=1)
    assert found == {"neurons": 100_000, "memory": 4 * (weights + outputs) / 2**20}
    assert beyond(wide_net(), parameters=weights, neurons=100_000, memory=found["memory"]) == {}


def test_another_shape_or_the_same_memory_counts_as_none() -> None:
    convolution = nn.Conv2d(1, 8, 3, padding=1)
    plain = TimeSequential(convolution, nn.Flatten(), nn.Linear(8 * 16, 3000))
    layers = [convolution, nn.Identity(), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten()]
    more = TimeSequential(*layers, nn.Linear(8 * 16, 3000))
    assert beyond(more, memory=1) == beyond(plain, memory=1) != {}
    copied = channels_last(TimeSequential(*copy.deepcopy(layers), nn.Linear(8 * 16, 3000)))
    assert beyond(copied, memory=1) == beyond(plain, memory=1)


def test_neurons_are_those_that_the_recorder_sees() -> None:
    network = TimeSequential(
        nn.Conv2d(1, 3, 3, padding=1), toys.ToyNeuron(), nn.Flatten(), nn.Linear(48, 5), toys.ToyNeuron()
    )
    layers = TimeSequential(network, nn.Linear(5, 2))
    with torch.no_grad(), record(layers) as activity:
        layers(torch.rand(3, 2, 1, 4, 4))
    size = sum(layer.size for layer in activity.neurons.values())
    assert beyond(layers, neurons=1) == {"neurons": size} == {"neurons": 53}


class ByStep(TimeModule):
    """A convolution, batch norm and neurons, run step by step or over all steps at once."""

    def __init__(self, *, stepwise: bool) -> None:
        super().__init__()
        self.stepwise = stepwise
        self.conv, self.norm = nn.Conv2d(1, 64, 3, padding=1), StepwiseBatchNorm2d(64)
        self.neuron, self.readout = toys.ToyNeuron(), nn.Linear(64 * 16, 300)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.stepwise:
            spikes = self.neuron(self.norm(torch.stack([self.conv(x_t) for x_t in x])))
            return torch.stack([self.readout(s.flatten(1)) for s in spikes])[:, :, :2]
        outputs, state = [], self.neuron.initial_state(self.conv(x[0]))
        for x_t in x:
            spikes, state = self.neuron.step(self.norm.step(self.conv(x_t)), state)
            outputs.append(self.readout(spikes.flatten(1)))
        return torch.stack(outputs)[:, :, :2]


def test_a_layer_that_is_called_step_by_step_counts_as_one_that_is_not() -> None:
    outputs = 3 * (64 * 16 + 64 * 16 + 64 * 16 + 300)
    held = sum(p.numel() for p in ByStep(stepwise=True).state_dict().values())
    once = beyond(ByStep(stepwise=False), memory=1)
    steps = beyond(ByStep(stepwise=True), memory=1)
    assert once == {"memory": 4 * (held + outputs) / 2**20}
    assert steps["memory"] == once["memory"] + 4 * 64 * 16 / 2**20  # the convolution that shapes the state


def test_measuring_leaves_a_network_as_it_was() -> None:
    network = ByStep(stepwise=True)
    network.norm.eval()
    before, attributes = copy.deepcopy(network.state_dict()), set(network.norm.__dict__)
    state = torch.get_rng_state()
    assert beyond(network, neurons=1)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [part.training for part in (network, network.conv, network.norm)] == [True, True, False]
    assert set(network.norm.__dict__) == attributes
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("limits", "sizes", "words"),
    [
        ({"parameters": 10**6}, {"parameters": 2131456}, "2,131,456 parameters, the limit is 1,000,000"),
        ({"neurons": 10}, {"neurons": 65536}, "65,536 neurons, the limit is 10"),
        ({"memory": 8}, {"memory": 12.34}, "12.3 MiB of memory, the limit is 8"),
        ({"memory": 8.5}, {"memory": 1012.3}, "1,012.3 MiB of memory, the limit is 8.5"),
        ({"memory": 8}, {"memory": 8.004}, "8.004 MiB of memory, the limit is 8"),
        (
            {"neurons": 1, "memory": 2},
            {"neurons": 2, "memory": 3.0},
            "2 neurons, the limit is 1; 3 MiB of memory, the limit is 2",
        ),
    ],
)
def test_the_reason(limits: dict[str, Any], sizes: dict[str, float], words: str) -> None:
    assert Limits(**limits).beyond(sizes) == sizes
    assert Limits(**limits).reason(sizes) == words


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "search.limits.parameter=5",
            "search.limits: unknown key 'parameter'. Did you mean 'parameters'? Keys: ",
        ),
        ("search.limits.parameters=0", "search.limits.parameters: must be >= 1, got 0"),
        ("search.limits.neurons=-3", "search.limits.neurons: must be >= 1, got -3"),
        ("search.limits.memory=0.5", "search.limits.memory: must be >= 1, got 0.5"),
        ("search.limits.neurons=1.5", "search.limits.neurons: 1.5 is not a whole number"),
        ("search.limits.memory='much'", "search.limits.memory: 'much' is not a number"),
        ("search.limits.memory=inf", "search.limits.memory: inf is not a finite number"),
        ("search.limits=7", "search.limits: a table of keys and values is expected"),
    ],
)
def test_what_is_no_limit_is_refused(override: str, message: str) -> None:
    data, _ = apply_overrides(recipe(1), [override])
    with pytest.raises(RecipeError) as refused:
        Recipe.from_dict(data)
    assert message in str(refused.value)


def test_a_recipe_survives_its_text() -> None:
    for limits in ({}, {"memory": 8.5}):
        made = Recipe.from_dict(recipe(1, limits=limits))
        assert Recipe.from_dict(tomllib.loads(to_toml(made))) == made
        assert made.to_dict()["search"]["limits"] == limits
