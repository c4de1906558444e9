"""A supernet of another run: taken whole, and only where it is that of this run's networks."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import inheriting
import pytest

import snnplug
from snnplug import NeuronSpec, Registry
from snnplug.engine.supernet import Paths
from snnplug.errors import ContractError, RunDirectoryError
from snnplug.testing.candidates import TinyNeuron

CHECKPOINT = "checkpoint-search.supernet.pt"


def new_registry() -> Registry:
    registry = inheriting.registry()
    registry.register(NeuronSpec(name="leak", target=TinyNeuron, summary="Another neuron."))
    return registry


@pytest.fixture
def recipe() -> dict[str, Any]:
    return copy.deepcopy({k: v for k, v in inheriting.RECIPE.items() if k != "train"})


@pytest.fixture
def first(recipe: Any, tmp_path: Path) -> Path:
    snnplug.run(recipe, out=tmp_path / "first", registry=new_registry())
    return tmp_path / "first"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["search"]["space"].update(channels=3), "search.space.channels is 4 there and 3 here"),
        (lambda r: r["neuron"].update(tau=4.0), "neuron.tau is 2.0 there and 4.0 here"),
        (lambda r: r.update(neuron={"use": "leak"}), "neuron.use is 'local:toy' there and 'local:leak' here"),
    ],
)
def test_one_of_other_networks_is_refused_before_the_start(
    change: Any, message: str, recipe: Any, first: Path, tmp_path: Path
) -> None:
    recipe["search"]["supernet"]["from"] = str(first)
    change(recipe)
    with pytest.raises(ContractError, match=message) as refused:
        snnplug.run(recipe, out=tmp_path / "second", registry=new_registry())
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "second").exists()


def test_defaults_written_out_make_no_other_networks(recipe: Any, first: Path, tmp_path: Path) -> None:
    recipe["search"]["supernet"]["from"] = str(first)
    recipe["search"]["space"]["channels"] = 4
    recipe["neuron"]["tau"] = 2
    done = snnplug.run(recipe, out=tmp_path / "second", registry=new_registry())
    assert done.summary["supernet"]["from"] == str(first)


def test_one_that_was_stopped_is_refused_until_it_is_finished(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Paths.before_batch

    def stop(self: Any, epoch: int, index: int) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        original(self, epoch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Paths, "before_batch", stop)
        with pytest.raises(KeyboardInterrupt):
            snnplug.run(recipe, out=tmp_path / "first", registry=new_registry())
    second = copy.deepcopy(recipe)
    second["search"]["supernet"]["from"] = str(tmp_path / "first")
    with pytest.raises(RunDirectoryError, match=r"stopped after 2 epochs; finish it with: .*--resume"):
        snnplug.run(second, out=tmp_path / "second", registry=new_registry())
    assert not (tmp_path / "second").exists()
    snnplug.resume(tmp_path / "first", registry=new_registry())
    snnplug.run(second, out=tmp_path / "second", registry=new_registry())


def test_what_was_taken_once_stays(recipe: Any, first: Path, tmp_path: Path) -> None:
    other = copy.deepcopy(recipe)
    recipe["search"]["supernet"]["from"] = str(first)
    done = snnplug.run(recipe, out=tmp_path / "second", registry=new_registry())
    taken = hashlib.sha256((first / CHECKPOINT).read_bytes()).hexdigest()
    assert done.summary["supernet"]["sha256"] == taken
    first.rename(tmp_path / "away")
    other["seed"] = 9
    snnplug.run(other, out=first, registry=new_registry())
    assert hashlib.sha256((first / CHECKPOINT).read_bytes()).hexdigest() != taken
    again = snnplug.resume(tmp_path / "second", registry=new_registry())
    assert again.summary["supernet"] == done.summary["supernet"]
    assert [t.score for t in again.trials] == [t.score for t in done.trials]
