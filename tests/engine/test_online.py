"""Training that takes the gradient of each step by itself: what it computes, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnplug import Registry, resume, run
from snnplug.engine import training
from snnplug.engine.prepare import prepare
from snnplug.errors import RecipeError
from snnplug.nn import start_stream, step_stream
from snnplug.recipe.recipe import Recipe

LIF = {"use": "lif", "reset": "soft"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def recipe(algorithm: str = "sltt", **tables: Any) -> dict[str, Any]:
    """Return a small training on digits."""
    return {
        "dataset": {"use": "digits"},
        "encoder": {"use": "direct", "steps": 4},
        "neuron": LIF,
        "architecture": {"use": "dense", "hidden": [12]},
        "loss": {"use": "tet"},
        **tables,
        "train": {
            "epochs": 2,
            "batch_size": 128,
            "optimizer": {"use": "sgd", "lr": 0.2},
            "algorithm": algorithm,
            **tables.get("train", {}),
        },
    }


def weights(done: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in done.model().state_dict().items()}


def test_a_step_of_the_optimizer_is_the_loop_written_out(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch of all samples: the weights go down the gradient of the sum over steps."""
    settings = {"epochs": 1, "batch_size": 5000, "schedule": "constant", "precision": "32-true"}
    seen: dict[str, Any] = {}
    original = training.Steps.take

    def take(self: Any, epoch: int, index: int, share: Any, values: Any, labels: Any, tally: Any) -> Any:
        seen.update(x=self.parts.encode(values, self.stage, epoch, index, 0), labels=labels)
        seen["before"] = {k: v.clone() for k, v in self.plain.state_dict().items()}
        return original(self, epoch, index, share, values, labels, tally)

    monkeypatch.setattr(training.Steps, "take", take)
    done = run(recipe(train=settings), out=tmp_path / "run", registry=registry)
    network = done.model()
    after = weights(done)
    network.load_state_dict(seen["before"])
    network.zero_grad()
    state = start_stream(network, seen["x"][0])
    losses = []
    for x_t in seen["x"]:
        y, state = step_stream(network, x_t, state)
        loss = F.cross_entropy(y, seen["labels"])
        (loss / 4).backward()
        losses.append(loss.item())
        state = state.detach()
    for name, parameter in network.named_parameters():
        expected = seen["before"][name] - 0.2 * parameter.grad
        torch.testing.assert_close(after[name], expected, rtol=1e-5, atol=1e-6)
    assert done.metrics[0].loss == pytest.approx(sum(losses) / 4, rel=1e-5)


@pytest.mark.parametrize("algorithm", ["sltt", "ottt"])
def test_it_learns(registry: Registry, tmp_path: Path, algorithm: str) -> None:
    settings = {"epochs": 6, "batch_size": 64, "optimizer": {"use": "adam", "lr": 5e-3}}
    done = run(recipe(algorithm, train=settings), out=tmp_path / "run", registry=registry)
    losses = [epoch.loss for epoch in done.metrics]
    assert losses[-1] < 0.6 * losses[0]
    assert done.metrics[-1].accuracy > 0.8


def test_one_step_is_backpropagation(registry: Registry, tmp_path: Path) -> None:
    found = []
    for algorithm in ("bptt", "sltt", "ottt"):
        tables = {"encoder": {"use": "direct", "steps": 1}}
        found.append(weights(run(recipe(algorithm, **tables), out=tmp_path / algorithm, registry=registry)))
    for name, value in found[0].items():
        for other in found[1:]:
            torch.testing.assert_close(other[name], value, rtol=1e-5, atol=1e-6)


def test_they_are_three_gradients(registry: Registry, tmp_path: Path) -> None:
    found = [
        weights(run(recipe(algorithm), out=tmp_path / algorithm, registry=registry))["layers.1.weight"]
        for algorithm in ("bptt", "sltt", "ottt")
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not torch.allclose(found[one], found[other], rtol=1e-4, atol=1e-5)


def test_accumulated_batches_equal_one_batch(registry: Registry, tmp_path: Path) -> None:
    apart = run(
        recipe("ottt", train={"batch_size": 32, "accumulate": 4}), out=tmp_path / "apart", registry=registry
    )
    together = run(recipe("ottt"), out=tmp_path / "together", registry=registry)
    other = weights(together)
    for name, value in weights(apart).items():
        torch.testing.assert_close(value, other[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("algorithm", ["sltt", "ottt"])
def test_killed_and_resumed_equals_unbroken(
    registry: Registry, tmp_path: Path, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = recipe(
        algorithm,
        architecture={"use": "dense", "hidden": [12], "dropout": 0.3, "batch_norm": "joint"},
        neuron={"use": "imp", "base": LIF},
        train={"epochs": 3, "clip_norm": 1.0, "optimizer": {"use": "adam", "lr": 5e-3}},
    )
    whole = run(tables, out=tmp_path / "whole", registry=registry)
    original = training._Trainer._finish_epoch

    def stop(self: Any, epoch: int, *arguments: Any) -> None:
        original(self, epoch, *arguments)
        if epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training._Trainer, "_finish_epoch", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tables, out=tmp_path / "stopped", registry=registry)
    resumed = resume(tmp_path / "stopped", registry=registry)
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value), name
    assert [e.loss for e in resumed.metrics] == [e.loss for e in whole.metrics]


@pytest.mark.parametrize(
    ("architecture", "more"),
    [
        ({"use": "vgg", "layers": [4, "M"], "batch_norm": "per_step"}, {"precision": "bf16-mixed"}),
        ({"use": "vgg", "layers": [4, "M"], "batch_norm": "tebn", "dropout": 0.2}, {}),
        ({"use": "resnet", "blocks": [1], "widths": [4]}, {"ema": 0.9}),
        ({"use": "recurrent", "hidden": [8]}, {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("algorithm", ["sltt", "ottt"])
def test_networks_that_take_it(
    registry: Registry, tmp_path: Path, algorithm: str, architecture: dict[str, Any], more: dict[str, Any]
) -> None:
    tables = recipe(algorithm, architecture=architecture, train={"epochs": 1, **more})
    tables["dataset"] = {"use": "digits"}
    done = run(tables, out=tmp_path / "run", registry=registry)
    assert 0 < done.metrics[0].loss < 20


def test_batch_norm_sees_each_step(registry: Registry, tmp_path: Path) -> None:
    architecture = {"use": "dense", "hidden": [12], "batch_norm": "joint"}
    counts = {}
    for algorithm in ("bptt", "sltt"):
        tables = recipe(algorithm, architecture=architecture, train={"epochs": 1})
        done = run(tables, out=tmp_path / algorithm, registry=registry)
        counts[algorithm] = int(weights(done)["layers.2.num_batches_tracked"])
    assert counts["sltt"] == 4 * counts["bptt"]


# refused

REFUSED = [
    ({"loss": {"use": "sdt"}}, "the loss 'sdt' is not the mean over steps of what it is for each step alone"),
    ({"loss": {"use": "lts"}}, "the loss 'lts' is not the mean over steps"),
    ({"loss": {"use": "lts", "steps": [1]}}, "the loss 'lts' cannot be taken of one step"),
    (
        {"loss": {"use": "sparse", "base": "tet"}},
        "the loss 'sparse' looks at more than the outputs",
    ),
    (
        {"neuron": {"use": "psn"}},
        r"the network cannot run step by step: layers.2 \(PSN\) needs the whole window of steps",
    ),
    (
        {"neuron": {"use": "klif"}, "train": {"algorithm": "ottt"}},
        r"the neuron layers.2 \(KLIF\) has no leak factor, by which the trace of the layer layers.1 fades",
    ),
    (
        {"architecture": {"use": "snasnet_cell", "channels": 4, "hidden": 8}},
        "cuts all paths through time, and by another one cell1.edges",
    ),
]


@pytest.mark.parametrize(("tables", "words"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_is_refused_before_the_start(
    registry: Registry, tmp_path: Path, tables: dict[str, Any], words: str
) -> None:
    algorithm = tables.get("train", {}).get("algorithm", "sltt")
    with pytest.raises(RecipeError, match=rf"train\.algorithm: '{algorithm}'.*{words}.*'bptt'") as error:
        run(recipe(**tables), out=tmp_path / "run", registry=registry)
    assert len(str(error.value).strip().splitlines()) <= 2
    assert not (tmp_path / "run").exists()


def converted(neuron: str, algorithm: str, **tune: Any) -> dict[str, Any]:
    return {
        "dataset": {"use": "digits"},
        "encoder": {"use": "direct", "steps": 1},
        "neuron": {"use": "relu"},
        "architecture": {"use": "dense", "hidden": [12], "batch_norm": "joint"},
        "loss": {"use": "tet"},
        "train": {"epochs": 1, "batch_size": 256},
        "convert": {
            "neuron": neuron,
            "steps": 8,
            "train": {"epochs": 1, "algorithm": algorithm, "control": False, "batch_size": 256, **tune},
        },
    }


@pytest.mark.parametrize("algorithm", ["sltt", "ottt"])
def test_converted_networks_are_tuned(registry: Registry, tmp_path: Path, algorithm: str) -> None:
    done = run(converted("rate", algorithm), out=tmp_path / "run", registry=registry)
    assert 0 < done.metrics[-1].loss < 20


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (converted("phase", "sltt"), r"\(Phase\) takes its input once in 8 steps, and not in each"),
        (converted("sc_ttfs", "sltt"), "needs the whole window of steps"),
        (converted("rate", "sltt", distill=0.5), "convert.train.distill: what a teacher says"),
    ],
    ids=["phase", "window", "teacher"],
)
def test_converted_networks_that_are_not(
    registry: Registry, tmp_path: Path, recipe: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError, match=words):
        run(recipe, out=tmp_path / "run", registry=registry)


def test_networks_that_are_trained_beside_it_are_looked_at_too(registry: Registry, tmp_path: Path) -> None:
    cell = {"use": "snasnet_cell", "channels": 4, "hidden": 8}
    tables = recipe(train={"compare": {"architectures": [cell]}})
    with pytest.raises(RecipeError, match="cuts all paths through time"):
        run(tables, out=tmp_path / "run", registry=registry)


def test_a_supernet_is_trained_through_time(registry: Registry, tmp_path: Path) -> None:
    search = {
        "space": {"use": "autosnn"},
        "strategy": {"use": "random", "draws": 2},
        "scorer": {"use": "spike_aware_fitness"},
        "supernet": {"epochs": 1, "algorithm": "sltt"},
    }
    tables = {**recipe(), "search": search}
    del tables["architecture"]
    with pytest.raises(RecipeError, match=r"search.supernet.algorithm: a supernet"):
        run(tables, out=tmp_path / "run", registry=registry)


def test_a_wrong_name_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train.algorithm.*'bptt', 'sltt', 'ottt'|train.algorithm"):
        run(recipe("rtrl"), out=tmp_path / "run", registry=registry)


def test_a_network_in_training_mode_is_left_as_it_was(registry: Registry) -> None:
    from snnplug.engine.course import Course
    from snnplug.engine.online import Online

    tables = recipe("ottt", architecture={"use": "dense", "hidden": [5], "batch_norm": "joint"})
    prepared = prepare(Recipe.from_dict(tables), registry)
    network = prepared.parts.network(None, "train")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    Online(prepared.parts, network, prepared.parts.plan.recipe.train, "train", Course())
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())
    assert not any(part._forward_hooks for part in network.modules() if isinstance(part, nn.Linear))
