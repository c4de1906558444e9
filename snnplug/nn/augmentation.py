"""Augmentations by name: a parameter `augment` is read, mistakes are told, and the parts put together.

A data set has a table of builders by name, and a user lists names, or tables with arguments:

    augment = ["crop_flip", { use = "cutout", size = 16 }, "mixup"]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import torch
from torch import Tensor

from snnplug.contracts import Task
from snnplug.errors import did_you_mean, one_line

__all__ = ["Augment", "Augmentation", "Augmentations", "Change", "Mix"]

Augment: TypeAlias = bool | str | list[str | dict[str, Any]]
"""False for none, True for what is usual, a name, or a list of names and tables `{ use = name, ... }`."""

Change: TypeAlias = Callable[[Tensor], Tensor]
"""Values `[B, *]` to the same, each sample by itself; draws from torch's global generator on the CPU.

One that takes values on any device says so by an attribute `anywhere = True`, and gets them on the GPU.
"""

Mix: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Values `[B, *]` and labels `[B]` to values and class probabilities `[B, K]`."""


@attrs.frozen
class Augmentation:
    """What happens to training batches.

    Attributes:
        augment: applied to values; None for nothing.
        mix: applied to values and labels; None for nothing.
    """

    augment: Change | None = None
    mix: Mix | None = None


@attrs.frozen
class Augmentations:
    """What `augment` may name.

    Attributes:
        changes: by name, a function of the task and of keyword-only arguments that returns a `Change`.
        mixes: by name, the same of a `Mix`; of several a batch gets one.
        example: a table with an argument, for messages.
    """

    changes: Mapping[str, Callable[..., Change]]
    mixes: Mapping[str, Callable[..., Mix]]
    example: str

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return (*self.changes, *self.mixes)

    def read(self, augment: Augment, task: Task, usual: Sequence[str | dict[str, Any]] = ()) -> Augmentation:
        """Return what a parameter `augment` asks for.

        Args:
            augment: as a user gives it.
            task: of the data set.
            usual: what True stands for.

        Raises:
            ValueError: a name or one of its arguments is unknown, or has a wrong value.
        """
        if isinstance(augment, bool):
            augment = list(usual) if augment else []
        elif isinstance(augment, str):
            augment = [augment]
        elif not isinstance(augment, list | tuple):
            raise ValueError(f"augment must be true, false, a name or a list of names, got {augment!r}")
        changes: list[Change] = []
        mixes: list[Mix] = []
        for name, arguments in map(self._name_and_arguments, augment):
            if name in self.mixes:
                mixes.append(_build(self.mixes[name], name, arguments, task))
            else:
                changes.append(_build(self.changes[name], name, arguments, task))
        return Augmentation(
            _InTurn(tuple(changes)) if len(changes) > 1 else next(iter(changes), None),
            _OneOf(tuple(mixes)) if len(mixes) > 1 else next(iter(mixes), None),
        )

    def _name_and_arguments(self, given: Any) -> tuple[str, dict[str, Any]]:
        arguments = dict(given) if isinstance(given, Mapping) else {"use": given}
        name = arguments.pop("use", None)
        if not isinstance(name, str):
            raise ValueError(f"augment must list names, or tables such as {self.example}, got {given!r}")
        if name not in self.names:
            raise ValueError(
                f"augment names {name!r}, which is unknown.{did_you_mean(name, self.names)} "
                f"Names: {', '.join(self.names)}"
            )
        return name, arguments


@attrs.frozen
class _InTurn:
    """One change after the other."""

    parts: tuple[Change, ...]

    @property
    def anywhere(self) -> bool:
        """Whether all of them take values on any device."""
        return all(getattr(part, "anywhere", False) for part in self.parts)

    def __call__(self, values: Tensor) -> Tensor:
        for part in self.parts:
            values = part(values)
        return values


@attrs.frozen
class _OneOf:
    """One of several mixes for each batch, each as likely."""

    parts: tuple[Mix, ...]

    def __call__(self, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.parts[int(torch.randint(len(self.parts), ()))](values, labels)


def _build(builder: Callable[..., Any], name: str, arguments: dict[str, Any], task: Task) -> Any:
    known = [p.name for p in inspect.signature(builder).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for argument in arguments:
        if argument not in known:
            raise ValueError(
                f"augment: {name} has no argument {argument!r}.{did_you_mean(argument, known)} "
                f"Arguments: {', '.join(known) or 'none'}"
            )
    try:
        return builder(task, **arguments)
    except (TypeError, ValueError) as error:  # libraries refuse values in either way
        words = str(error) if isinstance(error, ValueError) else one_line(error)
        raise ValueError(f"augment: {name}: {words}") from error
