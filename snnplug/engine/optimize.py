"""Optimizers by name: those of torch, and those that timm has besides, which is imported for them alone."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from snnplug.engine.optimizer_arguments import argument_mistakes
from snnplug.engine.parameter_groups import SORTS, parameter_groups, sorted_parameters, unmatched_rates
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError, did_you_mean, one_line
from snnplug.nn import seeded
from snnplug.registry.contain import is_finite

__all__ = ["check_optimizer", "check_rates", "make_optimizer"]


_COMPILED = "is not offered: it compiles its step with packages of its own"
_NOT_OFFERED = {
    **dict.fromkeys(("kron", "kronc", "kronw"), _COMPILED),
    "lbfgs": "is not offered: it needs the loss of a batch several times in a step",
    "muon": "is not offered: it takes matrices alone, and a network has other parameters too",
    "sparseadam": "is not offered: it takes sparse gradients alone, and those of a network are dense",
}


class _Offer(NamedTuple):
    """An optimizer, with the arguments that its name stands for."""

    kind: type[torch.optim.Optimizer]
    arguments: Mapping[str, Any]


def _of_torch() -> dict[str, _Offer]:
    return {
        name.lower(): _Offer(found, {})
        for name, found in vars(torch.optim).items()
        if inspect.isclass(found)
        and issubclass(found, torch.optim.Optimizer)
        and found is not torch.optim.Optimizer
        and name.lower() not in _NOT_OFFERED
    }


def _of_timm() -> dict[str, _Offer]:
    """Return those that timm has besides, but for those that take other packages or a second derivative.

    Raises:
        ImportError: it is not installed; importing it takes seconds.
    """
    registry = importlib.import_module("timm.optim")
    known = {name: registry.get_optimizer_info(name) for name in registry.list_optimizers()}
    usual = {name: {"momentum": 0.9} if info.has_momentum else {} for name, info in known.items()}  # timm's
    return {
        name: _Offer(
            cast(type[torch.optim.Optimizer], info.opt_class), {**usual[name], **(info.defaults or {})}
        )
        for name, info in known.items()
        if inspect.isclass(info.opt_class) and not info.second_order and name not in _NOT_OFFERED
    }


def _offer(name: Any, key: str) -> _Offer:
    """Return the optimizer of a name.

    Raises:
        RecipeError: there is none.
    """
    known, more = _of_torch(), ""
    if isinstance(name, str) and name in known:
        return known[name]
    if isinstance(name, str) and name in _NOT_OFFERED:
        problem = f"{name} {_NOT_OFFERED[name]}. Optimizers: {', '.join(known)}"
        raise RecipeError([f"{key}.optimizer.use: {problem}"])
    try:
        known = {**_of_timm(), **known}
    except ImportError as error:
        more = f'; timm, which has more, cannot be imported ({one_line(error)}): pip install "snnplug[timm]"'
    if isinstance(name, str) and name in known:
        return known[name]
    hint = did_you_mean(str(name), known)
    problem = f"unknown optimizer {name!r}.{hint} Optimizers: {', '.join(known)}{more}"
    raise RecipeError([f"{key}.optimizer.use: {problem}"])


def check_optimizer(section: TrainSection, key: str) -> None:
    """Build the optimizer of a section and take a step with it, on nothing of value; see `make_optimizer`.

    Raises:
        RecipeError: its name or an argument is wrong, or it cannot take a step with its arguments.
    """
    with seeded(0):
        model = nn.Linear(2, 2)
        optimizer = make_optimizer(model, section, key)
        _check_lowest(section, optimizer, key)
        try:
            with torch.enable_grad():
                model(torch.ones(2, 2)).sum().backward()
            optimizer.step()
        except Exception as error:  # each optimizer has its own ways to refuse its arguments
            kind = type(optimizer).__name__.lower()
            problem = f"{key}.optimizer: {kind} cannot take a step with its arguments: {one_line(error)}"
            raise RecipeError([problem]) from error


def check_rates(section: TrainSection, model: nn.Module, key: str) -> None:
    """Refuse learning rates of parameters that a network has not.

    Raises:
        RecipeError: a key of `rates` means none of them.
    """
    for unknown in unmatched_rates(model, section):
        names = ", ".join(one.name for one in sorted_parameters(model))
        problem = f"this network has no {unknown}" if unknown in SORTS else f"no parameter fits {unknown!r}"
        raise RecipeError(
            [f"{key}.rates: {problem}. Give one of {', '.join(SORTS)}, or a pattern that fits one of {names}"]
        )


def _check_lowest(section: TrainSection, optimizer: torch.optim.Optimizer, key: str) -> None:
    rate = float(optimizer.defaults["lr"])
    if section.min_lr and section.final_lr:
        raise RecipeError([f"{key}.min_lr: final_lr says the same as a fraction; give one of the two"])
    if section.min_lr > rate:
        raise RecipeError([f"{key}.min_lr: {section.min_lr:g} is above the learning rate, {rate:g}"])


def make_optimizer(model: nn.Module, section: TrainSection, key: str = "train") -> torch.optim.Optimizer:
    """Return a section's optimizer over a model, its parameters in the groups that the section asks for.

    Args:
        model: with its parameters in place.
        section: settings.
        key: of the section, for messages.

    Raises:
        RecipeError: its name or an argument is wrong.
    """
    table = dict(section.optimizer)
    name = table.pop("use", "adamw")
    kind, meant = _offer(name, key)
    if mistakes := argument_mistakes(kind, table, f"{key}.optimizer"):
        raise RecipeError(mistakes)
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    values: dict[str, Any] = {**meant, **given}
    usual = {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}
    if not is_finite(values.get("lr", usual.get("lr"))):
        raise RecipeError([f"{key}.optimizer.lr: {name} has no learning rate of its own; give one"])
    weight_decay = values.get("weight_decay", usual.get("weight_decay", 0.0))
    try:
        optimizer = kind(parameter_groups(model, section, weight_decay), **values)
    except (TypeError, ValueError, LookupError, RuntimeError, AssertionError) as error:
        raise RecipeError([f"{key}.optimizer: {name} refuses its arguments: {error}"]) from error
    for group in optimizer.param_groups:
        if (rate := group.pop("rate")) != 1:
            group["lr"] = group["lr"] * rate
    return optimizer
