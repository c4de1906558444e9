"""Optimizers by their torch name, and the course of the learning rate."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import nn

from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError, did_you_mean
from snnplug.nn import SpikingNeuron, seeded

__all__ = ["check_optimizer", "learning_rate_factor", "make_optimizer"]


def _optimizers() -> dict[str, type[torch.optim.Optimizer]]:
    return {
        name.lower(): found
        for name, found in vars(torch.optim).items()
        if inspect.isclass(found)
        and issubclass(found, torch.optim.Optimizer)
        and found is not torch.optim.Optimizer
    }


def check_optimizer(section: TrainSection, key: str) -> None:
    """Build the optimizer of a section once on nothing of value; see `make_optimizer`.

    Raises:
        RecipeError: its name or an argument is wrong.
    """
    with seeded(0):
        make_optimizer(nn.Linear(2, 2), section, key)


def make_optimizer(model: nn.Module, section: TrainSection, key: str = "train") -> torch.optim.Optimizer:
    """Return a section's optimizer over a model; neurons' own parameters get no weight decay.

    Args:
        model: with its parameters in place.
        section: settings.
        key: of the section, for messages.

    Raises:
        RecipeError: its name or an argument is wrong.
    """
    known = _optimizers()
    table = dict(section.optimizer)
    name = table.pop("use", "adamw")
    if not isinstance(name, str) or name not in known:
        hint = did_you_mean(str(name), known)
        raise RecipeError(
            [f"{key}.optimizer.use: unknown optimizer {name!r}.{hint} Optimizers: {', '.join(known)}"]
        )
    optimizer = known[name]
    arguments = [p for p in inspect.signature(optimizer).parameters if p != "params"]
    unknown = [argument for argument in table if argument not in arguments]
    if unknown:
        raise RecipeError(
            f"{key}.optimizer.{argument}: {name} has no such argument.{did_you_mean(argument, arguments)} "
            f"Arguments: {', '.join(arguments)}"
            for argument in unknown
        )
    for argument, value in table.items():
        if isinstance(value, str | dict):
            raise RecipeError([f"{key}.optimizer.{argument}: {value!r} is not a number"])
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    try:
        return optimizer(_groups(model), **values)
    except (TypeError, ValueError, AssertionError) as error:
        raise RecipeError([f"{key}.optimizer: {name} refuses its arguments: {error}"]) from error


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    own = {
        id(p) for module in model.modules() if isinstance(module, SpikingNeuron) for p in module.parameters()
    }
    parameters = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in parameters if id(p) not in own]
    neurons = [p for p in parameters if id(p) in own]
    groups: list[dict[str, Any]] = [{"params": decayed}] if decayed else []
    return groups + ([{"params": neurons, "weight_decay": 0.0}] if neurons else [])


def learning_rate_factor(section: TrainSection, epoch: int) -> float:
    """Return what the learning rate is multiplied by in an epoch, counted from 0."""
    if epoch < section.warmup_epochs:
        return (epoch + 1) / (section.warmup_epochs + 1)
    done = (epoch - section.warmup_epochs) / max(section.epochs - section.warmup_epochs, 1)
    if section.schedule == "constant":
        return 1.0
    if section.schedule == "step":
        return section.gamma ** sum(epoch / section.epochs >= milestone for milestone in section.milestones)
    return section.final_lr + (1 - section.final_lr) * (1 + math.cos(math.pi * done)) / 2
