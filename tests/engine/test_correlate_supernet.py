"""Scorers of inherited weights against accuracies, with the supernet of another run."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import attrs
import inheriting
import pytest
import torch
import toys

import snnplug
from snnplug import Benchmark, BenchmarkSpec, DatasetSpec, Registry, Splits, TrainedNetwork
from snnplug.engine.correlate import correlate
from snnplug.engine.parts import make_parts
from snnplug.engine.supernet import Shared, shared_network
from snnplug.errors import ContractError, RecipeError, RunDirectoryError
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.testing.candidates import TinySpace

CHECKPOINT = "checkpoint-search.supernet.pt"
LAYERS = (["conv3", "conv1"], ["conv1", "conv3"], ["conv3", "none"], ["conv1", "none"], ["none", "none"])


def layers(*, channels: int = 4) -> Benchmark:
    """Five networks of the tiny space, with accuracies that nobody has measured."""
    genotypes = [{"layers": one} for one in LAYERS]
    networks = tuple(
        TrainedNetwork(id=str(i), genotype=g, key=TinySpace().key(g), accuracy=0.9 - i / 10)
        for i, g in enumerate(genotypes)
    )
    tables = {key: inheriting.RECIPE[key] for key in ("dataset", "encoder", "neuron", "loss")}
    return Benchmark(
        networks=networks,
        recipe={**tables, "search": {"space": {"use": "tiny", "channels": channels}}},
        note="5 networks",
    )


def nothing_held_out() -> Splits:
    """The toy's data without its validation split."""
    return attrs.evolve(toys.toy_data(), val=None)


def registry() -> Registry:
    found = inheriting.registry()
    found.register(DatasetSpec(name="unheld", target=nothing_held_out, summary="Nothing held out."))
    found.register(BenchmarkSpec(name="layers", target=layers, summary="Layers."))
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = copy.deepcopy(inheriting.RECIPE)
    del recipe["train"]
    recipe["search"]["strategy"]["draws"] = 1
    return snnplug.run(recipe, out=tmp_path_factory.mktemp("runs") / "first", registry=registry()).directory


def run(out: Path, *overrides: str, **options: Any) -> Any:
    options = {"scorers": ["inherited"], "device": "cpu", **options}
    return correlate("layers", out=out, overrides=overrides, registry=registry(), **options)


def values(found: Any) -> dict[str, tuple[float, ...]]:
    return {predictor.name: predictor.values for predictor in found.predictors}


def test_networks_are_scored_with_the_weights_of_the_supernet(trained: Path, tmp_path: Path) -> None:
    found = run(tmp_path / "out", f"search.supernet.from={trained}")
    parts = make_parts(make_plan(Recipe.from_dict(inheriting.RECIPE), registry()), torch.device("cpu"))
    shared = Shared(trained, CHECKPOINT)
    supernet = shared.load(parts)
    val = parts.splits.val
    assert val is not None
    for i, network in enumerate(found.networks):
        alone = shared_network(parts, supernet, network.genotype, network.key)
        right = [
            int(parts.readout(alone(parts.encode(x[None], "test"))).argmax(1)[0]) == y
            for x, y in (val[n] for n in range(len(val)))
        ]
        assert values(found)["inherited: accuracy"][i] == pytest.approx(sum(right) / len(right))
    kinds = [(p.name, p.kind) for p in found.predictors[:3]]
    assert kinds == [("inherited", "scorer"), ("inherited: accuracy", "part"), ("inherited: spikes", "part")]
    facts = snnplug.load(trained, registry=registry()).summary["supernet"]["facts"]
    for score, accuracy, spikes in zip(*list(values(found).values())[:3], strict=True):
        assert score == pytest.approx(accuracy - 0.01 * spikes / facts["spikes"])
    content = (trained / CHECKPOINT).read_bytes()
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert settings["supernet"] == hashlib.sha256(content).hexdigest()
    assert settings["loss"] == {"use": "local:toy"}  # its readout decides


def test_what_was_scored_is_read_with_its_parts_and_workers_do_not_matter(
    trained: Path, tmp_path: Path
) -> None:
    given = f"search.supernet.from={trained}"
    alone = values(run(tmp_path / "one", given))
    several = values(run(tmp_path / "two", given, "search.workers=2"))
    assert several == alone
    lines = (tmp_path / "one" / "scores.jsonl").read_text()
    assert values(run(tmp_path / "one", given)) == alone
    assert (tmp_path / "one" / "scores.jsonl").read_text() == lines


def test_scores_of_another_supernet_are_not_mixed(trained: Path, tmp_path: Path) -> None:
    recipe = copy.deepcopy(inheriting.RECIPE)
    del recipe["train"]
    recipe["seed"] = 5
    recipe["search"]["strategy"]["draws"] = 1
    snnplug.run(recipe, out=tmp_path / "other", registry=registry())
    run(tmp_path / "out", f"search.supernet.from={trained}")
    for overrides, options in (
        ([f"search.supernet.from={tmp_path / 'other'}"], {}),
        ([], {"scorers": ["toy"]}),
    ):
        with pytest.raises(RunDirectoryError, match=r"with another .*supernet; choose another --out"):
            run(tmp_path / "out", *overrides, **options)


def test_without_a_supernet_scorers_that_inherit_are_left_out_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path / "out", scorers=[], quiet=False)
    said = capsys.readouterr().err
    assert "note: without search.supernet.from left out, as they inherit: inherited" in said
    assert {name for name in values(found) if "inherited" in name} == set()
    assert not any(math.isnan(value) for value in values(found)["toy_size"])


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (
            [],
            RecipeError,
            r"scorers.inherited: inherited looks at inherited weights; add \[search.supernet\]",
        ),
        (["search.supernet.epochs=3"], RecipeError, r"train it first: .* -s search.supernet.from=DIR"),
        (["search.supernet.from=nowhere"], RunDirectoryError, "no run directory nowhere"),
        (["search.supernet.from={trained}", "dataset.use=unheld"], RecipeError, "no validation split"),
        (
            ["search.supernet.from={trained}", "benchmark.channels=3"],
            ContractError,
            "is not that of this search space",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_start(
    overrides: list[str], error: Any, message: str, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        run(tmp_path / "out", *(override.format(trained=trained) for override in overrides))
    assert not (tmp_path / "out").exists()
