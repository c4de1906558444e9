"""The built-in recipes on embedded events: what they say, and a run of each in small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("snnplug_datasets", reason="the recipes need the first plugins")

from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from snnplug import Registry, load, run
from snnplug.nn import StepwiseBatchNorm2d
from snnplug.recipe.plan import make_plan
from snnplug.recipe.read import read_recipe

REGISTRY = Registry.from_installed(quiet=True)


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_digits()
    few = Bunch(images=data.images[:200], target=data.target[:200])
    monkeypatch.setattr("snnplug_datasets.digits.load_digits", lambda: few)


@pytest.mark.parametrize("name", ["events", "events_search"])
def test_they_are_about_order(name: str) -> None:
    plan = make_plan(read_recipe(name), REGISTRY)
    assert plan["dataset"].name == "ordered_digits"
    assert not plan["dataset"].parameters.get("shuffle_time", False)


@pytest.mark.usefixtures("few_digits")
@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("events", ["architecture.layers=[4, 'M']"]),
        pytest.param(
            "events_search",
            ["search.strategy.draws=3", "search.space.channels=4"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "autosnn_events",
            [
                "search.strategy.draws=4",
                "search.supernet.epochs=1",
                "search.space.channels=4",
                "search.space.macro=[4, 'm', 4]",
                "search.space.batch_norm=per_step",
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_in_small(name: str, small: list[str], tmp_path: Path) -> None:
    done = run(name, out=tmp_path / "run", overrides=["train.epochs=1", *small], registry=REGISTRY)
    assert done.summary["latency_steps"] == 10
    if name == "events":
        assert done.summary["macs"] == 0  # counts are spikes
    else:
        norms = [part for part in done.model().modules() if isinstance(part, StepwiseBatchNorm2d)]
        assert norms
        assert all(norm.steps == 10 and bool((norm.num_batches_tracked > 0).all()) for norm in norms)
    again = load(tmp_path / "run", registry=REGISTRY)
    frames, _ = make_plan(read_recipe(name), REGISTRY)["dataset"].build().test.batch(torch.arange(4))
    assert torch.equal(again.predict(frames).labels, done.predict(frames).labels)
