"""Objects of a program in place of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import snnplug
from snnplug.engine.given import register_objects
from snnplug.errors import RecipeError
from snnplug.nn import MembraneState, SpikingNeuron, spike

pytest.importorskip("snnplug_lif")

QUICK = {"dataset": {"use": "digits"}, "train": {"epochs": 1}, "measure": {"samples": 16}}


class MyNeuron(SpikingNeuron):
    """Integrate-and-fire."""

    def __init__(self, *, threshold: float = 1.0) -> None:
        super().__init__()
        self.threshold = threshold

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = state.v + x
        s = spike(v - self.threshold, "atan")
        return s, MembraneState(v - s * self.threshold)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.neuron, self.out = nn.Linear(64, 16), MyNeuron(), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.neuron(self.layer(x.flatten(2))))


def parameters(candidate: snnplug.Candidate, *, sign: float = 1.0) -> float:
    """Score a candidate by its number of parameters."""
    return sign * sum(p.numel() for p in candidate.build().parameters())


def run(recipe: dict[str, Any], out: Path) -> snnplug.Run:
    return snnplug.run({**QUICK, **recipe}, out=out, device="cpu")


def test_module_and_neuron_objects_are_trained_and_the_run_says_that_it_cannot_be_replayed(
    tmp_path: Path,
) -> None:
    given = Net()
    before = {name: value.clone() for name, value in given.state_dict().items()}
    done = run({"architecture": given, "neuron": MyNeuron(threshold=0.5)}, tmp_path / "run")
    assert done.result is not None and done.result.parameters == 64 * 16 + 16 + 16 * 10 + 10
    assert done.result.notes is not None and "given from Python" in done.result.notes[0]
    assert all(torch.equal(value, before[name]) for name, value in given.state_dict().items())
    with pytest.raises(RecipeError, match="given from Python"):
        snnplug.replay(done.directory)


def test_class_takes_the_parameters_of_its_table(tmp_path: Path) -> None:
    dense = {"use": "dense", "hidden": [8]}
    done = run({"architecture": dense, "neuron": {"use": MyNeuron, "threshold": 0.7}}, tmp_path / "run")
    model = done.model()
    assert [m.threshold for m in model.modules() if isinstance(m, MyNeuron)] == [0.7]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_plain_function_is_a_scorer(tmp_path: Path, sign: float) -> None:
    scorer = {"use": parameters, "sign": sign}
    search = {
        "space": {"use": "snasnet", "channels": 4},
        "strategy": {"use": "random", "draws": 6},
        "scorer": scorer,
    }
    data = {"dataset": {"use": "digits"}, "search": search}
    done = snnplug.run(data, out=tmp_path / "run", device="cpu")
    scores = [trial.score for trial in done.trials]
    assert done.result is not None and done.result.search is not None
    assert done.result.search.score == max(scores)
    assert (max(scores) > 0) == (sign > 0)


def test_components_are_written_as_tables_and_equal_names_are_numbered() -> None:
    registry = snnplug.Registry.from_installed()
    lif = registry.use("neuron", "lif", tau=3.0)
    data, extended, _ = register_objects({"neuron": lif, "architecture": nn.Linear(1, 1)}, registry)
    assert data["neuron"] == {"use": "snnplug-lif:lif", "tau": 3.0}
    assert len(extended) == len(registry) + 1
    data, extended, _ = register_objects(
        {"neuron": {"use": "imp", "base": MyNeuron()}, "other": [MyNeuron()]}, registry
    )
    assert data["neuron"]["base"] == {"use": "local:my_neuron"}
    assert data["other"] == [{"use": "local:my_neuron_2"}]


def test_object_where_none_can_stand_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"train\.epochs: an object of object stands"):
        snnplug.run({"train": {"epochs": object()}})
