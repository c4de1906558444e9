"""Trainings and measurements by torch.compile: what is compiled, how often, and what they come to."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from snnplug import Registry, Run, Task, resume, run
from snnplug.engine import compilation
from snnplug.engine.training import _Trainer
from snnplug.errors import RecipeError
from snnplug.nn import SpikingNeuron

RECIPE: dict[str, Any] = {
    "encoder": {"use": "direct", "steps": 2},
    "neuron": {"use": "lif"},
    "architecture": {"use": "vgg", "layers": [4, "M"], "hidden": [8], "dropout": 0.1},
    "loss": {"use": "tet"},
    "train": {"epochs": 2, "batch_size": 96},  # 1,257 samples: the last batch has 9
}


def trained(out: Path, compile: Any, measured: bool = False, **train: Any) -> Run:
    counters.clear()
    torch.compiler.reset()
    settings = {**RECIPE["train"], "compile": compile, **train}
    return run({**RECIPE, "train": settings, "measure": {"compile": measured}}, out=out, device="cpu")


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let graphs run operation by operation: all of the compiler but its slow code, with equal bits."""
    compiled = functools.partialmethod(nn.Module.compile, backend="eager")
    monkeypatch.setattr(nn.Module, "compile", compiled)


def weights(done: Run) -> list[torch.Tensor]:
    return list(done.model().state_dict().values())


def test_the_network_is_compiled_once_for_training_and_once_for_evaluation(
    by_hand: None, tmp_path: Path
) -> None:
    done = trained(tmp_path / "run", "network")
    assert counters["stats"]["unique_graphs"] == 2
    assert not counters["graph_break"]
    assert json.loads((tmp_path / "run" / "compiled.json").read_text())["train"]["which"] == "network"
    plain = trained(tmp_path / "plain", False)
    assert not (tmp_path / "plain" / "compiled.json").exists()
    for one, other in zip(weights(done), weights(plain), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert done.summary["accuracy"]["test"] == pytest.approx(plain.summary["accuracy"]["test"], abs=0.01)


def test_measured_compiled_it_has_the_same_accuracy_and_counts(by_hand: None, tmp_path: Path) -> None:
    plain = trained(tmp_path / "plain", False)
    found = trained(tmp_path / "found", False, measured=True)
    assert counters["stats"]["unique_graphs"] == 1
    for key in ("accuracy", "spikes_per_sample", "synaptic_operations", "macs"):
        assert found.summary[key] == plain.summary[key], key
    assert found.activity == plain.activity


def test_what_is_faster_on_the_first_steps_is_compiled(
    by_hand: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = compilation._seconds

    def timed(model: nn.Module, batch: Any) -> float:
        seconds(model, batch)
        if torch._dynamo.eval_frame._stance.stance == "force_eager":
            return 0.5
        return 0.25 if model._compiled_call_impl is not None else 0.4

    monkeypatch.setattr(compilation, "_seconds", timed)
    done = trained(tmp_path / "run", True, epochs=1)
    found = json.loads((tmp_path / "run" / "compiled.json").read_text())["train"]
    assert found == {"which": "network", "speed": {"neurons": 1.25, "network": 2.0}, "reason": ""}
    assert done.summary["accuracy"]["test"] > 0


def test_where_nothing_is_faster_nothing_is_compiled(
    by_hand: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "_seconds", lambda model, batch: 0.5)
    done = trained(tmp_path / "run", True, epochs=1)
    assert json.loads((tmp_path / "run" / "compiled.json").read_text())["train"]["which"] == "nothing"
    plain = trained(tmp_path / "plain", False, epochs=1)
    for one, other in zip(weights(done), weights(plain), strict=True):
        assert torch.equal(one, other)


def test_neurons_alone_and_the_network_is_left_as_it_was(by_hand: None) -> None:
    registry = Registry.from_installed()
    task = Task(input_shape=(1, 8, 8), classes=10, steps=2)
    network = registry.use("architecture", "vgg", layers=[4, "M"], hidden=[8], neuron="lif").build(task)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.rand(2, 3, 1, 8, 8)
    torch.compiler.reset()
    counters.clear()
    with compilation.compiled(network, "neurons", lambda: network(x).sum().backward()) as reason:
        assert not reason
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        inside = [m for m in network.modules() if m._compiled_call_impl is not None]
        assert inside
        assert all(isinstance(module, SpikingNeuron) for module in inside)
        graphs = counters["stats"]["unique_graphs"]
        network(x), network(x[:, :2]), network(x.repeat(1, 2, 1, 1, 1))
        assert counters["stats"]["unique_graphs"] == graphs == len(inside)
    assert all(module._compiled_call_impl is None for module in network.modules())


def test_what_cannot_be_compiled_is_said_and_trains_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler here")

    compiled = functools.partialmethod(nn.Module.compile, backend=refused)
    monkeypatch.setattr(nn.Module, "compile", compiled)
    done = trained(tmp_path / "run", "network", epochs=1)
    [note] = done.result.notes or () if done.result is not None else ()
    assert note.startswith("train: ")
    assert "no compiler here" in note
    plain = trained(tmp_path / "plain", False, epochs=1)
    for one, other in zip(weights(done), weights(plain), strict=True):
        assert torch.equal(one, other)
    chosen = trained(tmp_path / "chosen", True, epochs=1)
    found = json.loads((tmp_path / "chosen" / "compiled.json").read_text())["train"]
    assert found["which"] == "nothing"
    assert "the network cannot be compiled: " in found["reason"]
    assert chosen.result is not None


def test_a_run_that_goes_on_takes_what_was_compiled_before(
    by_hand: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", "network")
    choose, finish = compilation._choose, _Trainer._finish_epoch

    def stop(self: Any, epoch: int, *more: Any) -> None:
        finish(self, epoch, *more)
        raise KeyboardInterrupt

    monkeypatch.setattr(_Trainer, "_finish_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "run", "network")
    monkeypatch.setattr(_Trainer, "_finish_epoch", finish)
    monkeypatch.setattr(compilation, "_choose", None)
    torch.compiler.reset()
    done = resume(tmp_path / "run", device="cpu")
    monkeypatch.setattr(compilation, "_choose", choose)
    for one, other in zip(weights(done), weights(whole), strict=True):
        assert torch.equal(one, other)


def test_a_supernet_is_not_compiled(tmp_path: Path) -> None:
    search = {
        "space": {"use": "autosnn", "channels": 4},
        "strategy": {"use": "random", "draws": 2},
        "scorer": {"use": "spike_aware_fitness"},
        "supernet": {"epochs": 1, "compile": True},
    }
    with pytest.raises(RecipeError, match=r"search\.supernet\.compile: a supernet runs another path"):
        run({"search": search, "train": None, "energy": None}, out=tmp_path / "run")


@pytest.mark.slow
def test_compiled_code_trains_as_the_network_does(tmp_path: Path) -> None:
    done, plain = trained(tmp_path / "run", "network"), trained(tmp_path / "plain", False)
    assert done.result is not None and not done.result.notes
    assert done.metrics[0].loss == pytest.approx(plain.metrics[0].loss, rel=0.02)
    assert done.summary["accuracy"]["test"] == pytest.approx(plain.summary["accuracy"]["test"], abs=0.05)


def test_another_word_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        trained(tmp_path / "run", "fast")
    said = "train.compile: 'fast' is not one of true or false, 'network', 'neurons'"
    assert str(caught.value) == said


def test_an_interrupt_while_it_compiles_leaves_the_network_as_it_was(by_hand: None) -> None:
    network = nn.Sequential(nn.Linear(2, 2))

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), compilation.compiled(network, "network", interrupted):
        raise AssertionError
    assert network._compiled_call_impl is None
