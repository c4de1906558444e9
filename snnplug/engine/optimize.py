"""Optimizers by name, of torch and what timm has besides, and the course of the learning rate."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
from typing import Any

import torch
from torch import nn

from snnplug.engine.optimizer_arguments import argument_mistakes
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError, did_you_mean, one_line
from snnplug.nn import SpikingNeuron, seeded

__all__ = ["check_optimizer", "learning_rate_factor", "make_optimizer"]


_NOT_OFFERED = {
    "lbfgs": "is not offered: it needs the loss of a batch several times in a step",
    "muon": "is not offered: it takes matrices alone, and a network has other parameters too",
    "sparseadam": "is not offered: it takes sparse gradients alone, and those of a network are dense",
}


_OF_TIMM = {"lamb": "Lamb"}  # as published networks were trained with


def _of_torch() -> dict[str, type[torch.optim.Optimizer]]:
    return {
        name.lower(): found
        for name, found in vars(torch.optim).items()
        if inspect.isclass(found)
        and issubclass(found, torch.optim.Optimizer)
        and found is not torch.optim.Optimizer
        and name.lower() not in _NOT_OFFERED
    }


def _offered() -> list[str]:
    """Return the names of all; timm is looked for and not imported, which takes seconds."""
    return [*_of_torch(), *(_OF_TIMM if importlib.util.find_spec("timm") else ())]


def _optimizer(name: str, key: str) -> type[torch.optim.Optimizer]:
    if name not in _OF_TIMM:
        return _of_torch()[name]
    try:
        found: type[torch.optim.Optimizer] = getattr(importlib.import_module("timm.optim"), _OF_TIMM[name])
    except ImportError as error:
        problem = f"{key}.optimizer.use: {name} is of timm, which cannot be imported ({one_line(error)})"
        raise RecipeError([f"{problem}: pip install timm"]) from error
    return found


def check_optimizer(section: TrainSection, key: str) -> None:
    """Build the optimizer of a section and take a step with it, on nothing of value; see `make_optimizer`.

    Raises:
        RecipeError: its name or an argument is wrong, or it cannot take a step with its arguments.
    """
    with seeded(0):
        model = nn.Linear(2, 2)
        optimizer = make_optimizer(model, section, key)
        try:
            with torch.enable_grad():
                model(torch.ones(2, 2)).sum().backward()
            optimizer.step()
        except Exception as error:  # each optimizer has its own ways to refuse its arguments
            kind = type(optimizer).__name__.lower()
            problem = f"{key}.optimizer: {kind} cannot take a step with its arguments: {one_line(error)}"
            raise RecipeError([problem]) from error


def make_optimizer(model: nn.Module, section: TrainSection, key: str = "train") -> torch.optim.Optimizer:
    """Return a section's optimizer over a model; neurons' own parameters get no weight decay.

    Args:
        model: with its parameters in place.
        section: settings.
        key: of the section, for messages.

    Raises:
        RecipeError: its name or an argument is wrong.
    """
    known = _offered()
    table = dict(section.optimizer)
    name = table.pop("use", "adamw")
    if isinstance(name, str) and name in _NOT_OFFERED:
        raise RecipeError(
            [f"{key}.optimizer.use: {name} {_NOT_OFFERED[name]}. Optimizers: {', '.join(known)}"]
        )
    if not isinstance(name, str) or name not in (*known, *_OF_TIMM):
        hint = did_you_mean(str(name), known)
        raise RecipeError(
            [f"{key}.optimizer.use: unknown optimizer {name!r}.{hint} Optimizers: {', '.join(known)}"]
        )
    optimizer = _optimizer(name, key)
    if mistakes := argument_mistakes(optimizer, table, f"{key}.optimizer"):
        raise RecipeError(mistakes)
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    try:
        return optimizer(_groups(model), **values)
    except (TypeError, ValueError, LookupError, RuntimeError, AssertionError) as error:
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


def learning_rate_factor(section: TrainSection, epoch: float) -> float:
    """Return what the learning rate is multiplied by in an epoch, counted from 0; between two: within it."""
    if epoch < section.warmup_epochs:
        return (epoch + 1) / (section.warmup_epochs + 1)
    done = (epoch - section.warmup_epochs) / max(section.epochs - section.warmup_epochs, 1)
    if section.schedule == "constant":
        return 1.0
    if section.schedule == "step":
        return section.gamma ** sum(epoch / section.epochs >= milestone for milestone in section.milestones)
    return section.final_lr + (1 - section.final_lr) * (1 + math.cos(math.pi * done)) / 2
