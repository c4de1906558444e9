"""Callbacks hang into every training: what they see, what they change, and what they return."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from snnplug import CallbackSpec, Recipe, Registry, Run, run
from snnplug.engine.prepare import prepare
from snnplug.errors import SnnplugError
from snnplug.nn import Batch, Callback, Training


def trained(recipe: dict[str, Any], registry: Registry, out: Path, *callbacks: Any, **train: Any) -> Run:
    """Return a run of the toy architecture on 32 samples, without a search."""
    plain = {name: table for name, table in recipe.items() if name != "search"}
    settings = {"epochs": 2, "batch_size": 8, "optimizer": {"use": "sgd", "lr": 0.25}, **train}
    settings["callbacks"] = list(callbacks)
    return run({**plain, "architecture": {"use": "toy"}, "train": settings}, out=out, registry=registry)


def same_weights(one: Run, other: Run) -> bool:
    pairs = zip(one.model().state_dict().values(), other.model().state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


class Watching(Callback):
    """Writes down what it is told, and where the training stands."""

    told: ClassVar[list[tuple[Any, ...]]] = []

    def on_train_start(self, training: Training) -> None:
        inputs, labels = training.samples(3)
        self.told.append(("start", tuple(inputs.shape), len(labels), training.steps_per_epoch))

    def on_train_epoch_start(self, training: Training) -> None:
        self.told.append(("epoch", training.epoch))

    def more_loss(self, training: Training, batch: Batch) -> None:
        assert batch.outputs.requires_grad
        assert training.readout(batch.outputs).shape == batch.outputs.shape[1:]
        self.told.append(("batch", len(batch.values), len(batch.targets), tuple(batch.inputs.shape[:2])))

    def on_before_optimizer_step(self, training: Training) -> None:
        gradients = [parameter.grad for parameter in training.network.parameters()]
        assert any(gradient is not None and gradient.any() for gradient in gradients)
        self.told.append(("before", training.step))

    def on_after_optimizer_step(self, training: Training) -> None:
        self.told.append(("after", training.step, training.progress))

    def on_train_epoch_end(self, training: Training) -> Mapping[str, float]:
        return {"steps": training.step}

    def on_train_end(self, training: Training) -> None:
        self.told.append(("end", training.step))


def test_it_is_told_of_the_whole_training_in_order(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    Watching.told.clear()
    done = trained(toy_recipe, toy_registry, tmp_path / "run", Watching, batch_size=12, accumulate=2)
    start, *told = Watching.told
    assert start == ("start", (3, 3, 1, 4, 4), 3, 2)
    epoch = [("batch", 12, 12, (3, 12)), ("batch", 12, 12, (3, 12)), ("before", 0), ("after", 1, 0.25)]
    epoch += [("batch", 8, 8, (3, 8)), ("before", 1), ("after", 2, 0.5)]
    assert told[: len(epoch) + 1] == [("epoch", 0), *epoch]
    assert told[len(epoch) + 1] == ("epoch", 1)
    assert told[-2:] == [("after", 4, 1.0), ("end", 4)]
    assert [dict(line.facts) for line in done.metrics] == [{"watching.steps": 2.0}, {"watching.steps": 4.0}]


class Halved(Callback):
    """Halves gradients."""

    def on_before_optimizer_step(self, training: Training) -> None:
        for parameter in training.network.parameters():
            if parameter.grad is not None:
                parameter.grad.mul_(0.5)


class Scaled(Callback):
    """Adds a multiple of the loss that the network has anyway."""

    def __init__(self, *, factor: float = 1.0) -> None:
        self.factor = factor

    def more_loss(self, training: Training, batch: Batch) -> Tensor:
        scores = training.readout(batch.outputs)
        return self.factor * torch.nn.functional.cross_entropy(scores, batch.targets)


def test_gradients_and_losses_are_what_callbacks_make_of_them(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    rate = {"use": "sgd", "lr": 0.125}
    slow = trained(toy_recipe, toy_registry, tmp_path / "slow", optimizer=rate)
    halved = trained(toy_recipe, toy_registry, tmp_path / "halved", Halved)
    assert same_weights(slow, halved)
    both = trained(toy_recipe, toy_registry, tmp_path / "both", Halved, {"use": Scaled, "factor": 1.0})
    plain = trained(toy_recipe, toy_registry, tmp_path / "plain")
    assert same_weights(both, plain)
    assert both.metrics[0].loss == pytest.approx(2 * (plain.metrics[0].loss or 0))


class Averaged(Callback):
    """The moving average of `[train] ema`, as a callback."""

    def on_train_start(self, training: Training) -> None:
        average: Any = get_ema_multi_avg_fn
        self.average = AveragedModel(training.network, multi_avg_fn=average(0.75), use_buffers=True)

    def on_after_optimizer_step(self, training: Training) -> None:
        self.average.update_parameters(training.network)

    def weights(self, training: Training) -> Mapping[str, Tensor]:
        return self.average.module.state_dict()


@pytest.mark.parametrize("keep", ["last", "best"])
def test_weights_of_a_callback_are_judged_and_kept(
    keep: str, toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    wanted = trained(toy_recipe, toy_registry, tmp_path / "wanted", ema=0.75, keep=keep)
    found = trained(toy_recipe, toy_registry, tmp_path / "found", Averaged, keep=keep)
    assert same_weights(wanted, found)
    judged = [[(e.val_loss, e.val_accuracy) for e in one.metrics] for one in (wanted, found)]
    assert judged[0] == judged[1]
    assert wanted.summary["accuracy"] == found.summary["accuracy"]


def test_a_supernet_and_the_tuning_of_a_converted_network_have_callbacks(tmp_path: Path) -> None:
    Watching.told.clear()
    short: dict[str, Any] = {"epochs": 1, "batch_size": 512, "callbacks": [Watching]}
    search = {
        "space": {"use": "autosnn", "channels": 4},
        "strategy": {"use": "random", "draws": 2},
        "scorer": {"use": "spike_aware_fitness"},
        "supernet": short,
    }
    done = run({"search": search, "train": None, "energy": None}, out=tmp_path / "supernet")
    assert done.metrics[0].facts["watching.steps"] == 3.0
    recipe = {
        "encoder": {"use": "direct", "steps": 1},
        "neuron": {"use": "relu"},
        "architecture": {"use": "vgg", "layers": [4, "M"]},
        "train": {"epochs": 1, "batch_size": 512},
        "convert": {"neuron": {"use": "sc_ttfs", "slots": 3}, "train": {**short, "control": False}},
    }
    done = run(recipe, out=tmp_path / "converted")
    assert [dict(e.facts) for e in done.metrics if e.stage == "convert.train"] == [{"watching.steps": 3.0}]


class NoCallback:
    """Is none."""


def test_what_is_wrong_is_refused_before_the_start(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    for given, said in (
        ({"use": "prunning"}, "prunning"),
        ({"use": NoCallback}, "gave a NoCallback; expected a snnplug.nn.Callback"),
        ({"use": Scaled, "faktor": 1.0}, "faktor"),
        ({"use": Scaled, "factor": "x"}, "factor"),
    ):
        with pytest.raises(SnnplugError, match=said):
            trained(toy_recipe, toy_registry, tmp_path / "run", given)
        assert not (tmp_path / "run").exists()


def test_check_refuses_what_run_refuses(tmp_path: Path) -> None:
    recipe = {"train": {"callbacks": [{"use": "teacher", "run": str(tmp_path / "nowhere")}]}}
    with pytest.raises(SnnplugError, match="nowhere"):
        prepare(Recipe.from_dict(recipe), Registry.from_installed(), device="cpu")


def test_a_loss_of_all_steps_needs_backpropagation_through_time(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(SnnplugError, match=r"callbacks: scaled adds to the loss of all steps.*use 'bptt'"):
        trained(toy_recipe, toy_registry, tmp_path / "run", Scaled, algorithm="sltt")


def test_one_that_is_named_twice_tells_its_numbers_twice(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_registry = toy_registry.merged(Registry())
    toy_registry.register(CallbackSpec(name="watching", target=Watching, summary="Watches."))
    done = trained(toy_recipe, toy_registry, tmp_path / "run", "watching", "watching")
    assert done.metrics[0].facts == {"watching.steps": 4.0, "watching-2.steps": 4.0}
