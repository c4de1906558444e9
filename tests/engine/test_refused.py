"""What a recipe cannot mean, or no training survives, is refused in one message, and nothing is written."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from torch import nn

from snnplug import Registry, run
from snnplug.engine.optimize import check_optimizer, make_optimizer
from snnplug.engine.prepare import prepare
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError, UsageError
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import read_recipe
from snnplug.recipe.recipe import Recipe

BIG = 2**63

SECTIONS = [
    ("seed=-1", "seed: must be >= 0"),
    (f"seed={BIG}", "seed: this whole number does not fit into 64 bits"),
    ("train.epochs=-1", "train.epochs: must be >= 1, got -1"),
    ("train.epochs=0", "train.epochs: must be >= 1, got 0"),
    (f"train.epochs={10**30}", "train.epochs: this whole number does not fit into 64 bits"),
    ("train.batch_size=0", "train.batch_size: must be >= 1"),
    (f"train.batch_size={BIG}", "train.batch_size: this whole number does not fit"),
    ("train.warmup_epochs=-1", "train.warmup_epochs: must be >= 0"),
    ("train.final_lr=-0.5", "train.final_lr: must be >= 0"),
    ("train.final_lr=1.5", "train.final_lr: must be <= 1"),
    ("train.final_lr=nan", "train.final_lr: nan is not a number"),
    ("train.milestones=[-0.5]", "train.milestones: must be >= 0"),
    ("train.milestones=[nan]", "train.milestones[0]: nan is not a number"),
    ("train.gamma=0", "train.gamma: must be > 0"),
    ("train.gamma=inf", "train.gamma: inf is not a finite number"),
    ("train.clip_norm=-1", "train.clip_norm: must be >= 0"),
    ("train.clip_norm=inf", "train.clip_norm: inf is not a finite number"),
    ("train.clip_norm=1e400", "train.clip_norm: inf is not a finite number"),
    ("train.early_stop=-1", "train.early_stop: must be >= 0"),
    ("search.round_size=0", "search.round_size: must be >= 1"),
    ("search.workers=-1", "search.workers: must be >= 1"),
    ("search.timeout=-1", "search.timeout: must be >= 0"),
    ("search.timeout=inf", "search.timeout: inf is not a finite number"),
    ("measure.samples=0", "measure.samples: must be >= 1"),
    ("measure.batch_size=0", "measure.batch_size: must be >= 1"),
    ("measure.raster=-1", "measure.raster: must be >= 0"),
    (f"neuron.tau={BIG}", "neuron.tau: this whole number does not fit into 64 bits"),
    (f"search.space.delay={-BIG - 1}", "search.space.delay: this whole number does not fit into 64 bits"),
    ("dataset.samples=0", "the train split of dataset local:toy has no samples"),
]

OPTIMIZERS = [
    ("lr=-1.0", "train.optimizer.lr: -1.0 is less than 0"),
    ("lr=inf", "train.optimizer.lr: inf is not a finite number"),
    ("lr=nan", "train.optimizer.lr: nan is not a finite number"),
    ("lr='fast'", "train.optimizer.lr: 'fast' is not a finite number"),
    ("lr=true", "train.optimizer.lr: True is not a finite number"),
    ("weight_decay=-0.1", "train.optimizer.weight_decay: -0.1 is less than 0"),
    ("betas=[0.9]", "train.optimizer.betas: [0.9] is not a list of 2 finite numbers"),
    ("betas=[]", "train.optimizer.betas: [] is not a list of 2 finite numbers"),
    ("betas=0.9", "train.optimizer.betas: 0.9 is not a list of 2 finite numbers"),
    ("betas=[0.9, nan]", "is not a list of 2 finite numbers"),
    ("betas=[0.9, 1.5]", "train.optimizer: adam refuses its arguments: Invalid beta parameter at index 1"),
    (f"eps={BIG}", "train.optimizer.eps: this whole number does not fit into 64 bits"),
    ("amsgrad=1", "train.optimizer.amsgrad: 1 is not true or false"),
    ("foreach=5", "train.optimizer.foreach: 5 is neither true or false nor a text"),
    ("differentiable=true", "train.optimizer: adam cannot take a step with its arguments"),
    ("lrr=1", "train.optimizer.lrr: adam has no such argument. Did you mean 'lr'?"),
    ("use='sgd' momentum=1.0", "train.optimizer.momentum: 1.0 is not less than 1"),
    ("use='sgd' momentum=-0.1", "train.optimizer: sgd refuses its arguments: Invalid momentum"),
    ("use='lbfgs'", "train.optimizer.use: lbfgs is not offered: it needs the loss of a batch several times"),
    ("use='sparseadam'", "train.optimizer.use: sparseadam is not offered: it takes sparse gradients alone"),
    ("use='muon'", "train.optimizer.use: muon is not offered: it takes matrices alone"),
    ("use='adamm'", "train.optimizer.use: unknown optimizer 'adamm'. Did you mean 'adam'?"),
]


def message_of(overrides: list[str], registry: Registry) -> str:
    data, _ = apply_overrides(copy.deepcopy(toys.RECIPE), overrides)
    with pytest.raises(UsageError) as caught:
        prepare(Recipe.from_dict(data), registry, device="cpu")
    return str(caught.value)


@pytest.mark.parametrize(("override", "message"), SECTIONS)
def test_sections(override: str, message: str, toy_registry: Registry) -> None:
    assert message in message_of([override], toy_registry)


@pytest.mark.parametrize(("overrides", "message"), OPTIMIZERS)
def test_optimizers(overrides: str, message: str, toy_registry: Registry) -> None:
    parts = overrides.split(" ") if overrides.startswith("use") else [overrides]
    given = [f"train.optimizer.{override}" for override in parts]
    found = message_of(["train.optimizer={use='adam'}", *given], toy_registry)
    assert message in found
    assert "\n" not in found


def test_every_optimizer_that_is_offered_takes_steps() -> None:
    """Those of torch, and those of timm where it is installed."""
    with pytest.raises(RecipeError) as caught:
        make_optimizer(nn.Linear(1, 1), TrainSection(optimizer={"use": "none of them"}))
    names = str(caught.value).partition("Optimizers: ")[2].split(", ")
    assert {"sgd", "adam", "adamw", "rmsprop"} <= set(names)
    for name in names:
        check_optimizer(TrainSection(optimizer={"use": name, "lr": 0.01}), "train")


def test_an_optimizer_without_a_learning_rate_of_its_own_asks_for_one() -> None:
    pytest.importorskip("timm", reason="it has the optimizer")
    with pytest.raises(RecipeError, match=r"^train\.optimizer\.lr: sgdp has no learning rate of its own"):
        check_optimizer(TrainSection(optimizer={"use": "sgdp"}), "train")


def test_lamb_is_told_where_timm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("timm", "timm.optim"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        RecipeError, match=r"^train\.optimizer\.use: .*'lamb'.*; timm, .* cannot be imported .*: pip install"
    ) as caught:
        check_optimizer(TrainSection(optimizer={"use": "lamb"}), "train")
    assert "\n" not in str(caught.value)


def test_lamb_scales_its_step_by_the_weights() -> None:
    pytest.importorskip("timm", reason="it has the optimizer")
    layer = nn.Linear(3, 3, bias=False)
    before = layer.weight.detach().clone()
    section = TrainSection(optimizer={"use": "lamb", "lr": 0.1, "weight_decay": 0.02})
    optimizer = make_optimizer(layer, section)
    layer(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()
    step = (layer.weight.detach() - before).norm() / before.norm()
    assert step.item() == pytest.approx(0.1, rel=1e-4)  # whatever the gradient: ||dw|| = lr ||w||


def test_nothing_is_written(toy_registry: Registry, tmp_path: Path) -> None:
    recipe = {**toys.RECIPE, "train": {"optimizer": {"use": "lbfgs"}}}
    with pytest.raises(RecipeError, match="lbfgs is not offered"):
        run(recipe, out=tmp_path / "run", registry=toy_registry)
    assert not (tmp_path / "run").exists()


INSTALLED = [
    (["encoder.steps=0"], "encoder.steps must be at least 1, got 0"),
    (["encoder.steps=-3"], "encoder.steps must be at least 1, got -3"),
    (["dataset.val_fraction=0.9"], "dataset.val_fraction and test_fraction must leave images to train on"),
    (["dataset.val_fraction=5"], "dataset.val_fraction must be at least 0 and below 1, got 5"),
    (["dataset.test_fraction=-0.1"], "dataset.test_fraction must be at least 0 and below 1, got -0.1"),
    (["dataset.split_seed=-1"], "dataset.split_seed must be at least 0 and below 4294967296, got -1"),
    (["dataset={use='image_folder', root='/no/such/folder'}"], "/no/such/folder"),
    (["dataset={use='cifar10', root='/no/such/folder'}"], "/no/such/folder"),
    (["search.space.channels=0"], "search.space.channels must be at least 1"),
    (["search.space.final_pool=9"], "search.space.final_pool must fit into the 4x4 image"),
    (["loss.mse_target=inf"], "loss.mse_target must be finite"),
    (
        ["search.scorer.use=sahd", "search.scorer.eps=inf"],
        "search.scorer.eps must be finite and above 0, got inf",
    ),
    (["loss.label_smoothing=2"], "loss.label_smoothing"),
    (["neuron.tau=nan"], "neuron.tau: nan is not a number"),
    (["neuron.threshold=-1"], "neuron.threshold must be above 0"),
]


@pytest.mark.parametrize(("overrides", "message"), INSTALLED)
def test_what_installed_methods_refuse(overrides: list[str], message: str) -> None:
    pytest.importorskip("snnplug_snasnet", reason="the built-in recipe needs the first plugins")
    with pytest.raises(UsageError) as caught:
        prepare(read_recipe("default", overrides), Registry.from_installed(quiet=True), device="cpu")
    assert message in str(caught.value)


def test_more_pools_than_pixels() -> None:
    pytest.importorskip("snnplug_models")
    recipe: dict[str, Any] = {
        "dataset": {"use": "digits"},
        "architecture": {"use": "vgg", "layers": [4, *"MMMM"]},
        "train": {"epochs": 1},
    }
    with pytest.raises(UsageError, match="leave nothing of images of 8 x 8 pixels; use fewer"):
        prepare(Recipe.from_dict(recipe), Registry.from_installed(quiet=True), device="cpu")
