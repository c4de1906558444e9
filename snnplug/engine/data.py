"""Batches of a split, in an order that a seed decides, and the time axis of event data.

Samples of event data are `[T, C, H, W]`. Where a data set declares that T differs from sample to
sample, a longer one is cut after the steps asked for, and a shorter one goes on with steps of zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, get_args

import attrs
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from snnplug.contracts import Splits, Task
from snnplug.contracts.data import Values
from snnplug.engine.ahead import read_ahead
from snnplug.errors import ContractError, DataError
from snnplug.nn import SeededSamples, as_labels
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, describe, is_finite, title

__all__ = [
    "Share",
    "Some",
    "batch_count",
    "batches",
    "fit_steps",
    "is_apart",
    "order",
    "read_samples",
    "settle_steps",
    "shares",
    "some",
]


def order(count: int, seed: int | None = None) -> Tensor:
    """Return the indices 0..count-1, shuffled if a seed is given."""
    if seed is None:
        return torch.arange(count)
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def some(count: int, samples: int, seed: int) -> Tensor:
    """Return the indices of some of `count` samples, in their order: all if so many are asked for, or 0.

    They are drawn, since a split may be sorted by class.
    """
    if not 0 < samples < count:
        return order(count)
    return order(count, seed)[:samples].sort().values


class Some:
    """Some samples of a split, as a split.

    Args:
        split: of any kind.
        indices: which of its samples.
    """

    def __init__(self, split: Any, indices: Tensor) -> None:
        self.split, self.indices = split, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.split[int(self.indices[index])]

    def __getattr__(self, name: str) -> Any:
        if name in ("split", "indices"):  # before they are set, as when it is unpickled
            raise AttributeError(name)
        found = getattr(self.split, name)
        return (lambda indices: found(self.indices[indices])) if name == "batch" else found


def batch_count(samples: int, batch_size: int) -> int:
    """Return the number of batches."""
    return -(-samples // batch_size)


@attrs.frozen
class Share:
    """What one process takes of a batch.

    Attributes:
        indices: of the samples; where there are fewer than processes, one that counts nothing.
        count: how many of them count.
        weight: what the loss is multiplied by, so that the mean over the processes, summed over the batches
            of a step, is that over all samples of the step.
        step: of the optimizer, from 0, that the batch is part of.
        first, last: whether it is the first or the last batch of its step.
    """

    indices: Tensor
    count: int
    weight: float
    step: int
    first: bool
    last: bool


def shares(
    indices: Tensor, batch_size: int, *, accumulate: int = 1, rank: int = 0, world: int = 1
) -> list[Share]:
    """Divide samples into batches, and each batch among the processes.

    A last batch of one sample joins the one before it: batch norm has no statistics of one value. Every
    process has a share in every batch, so that none waits for another.

    Args:
        indices: which samples, in order.
        batch_size: over all processes together.
        accumulate: batches of a step of the optimizer; the last step has those that are left.
        rank, world: this process takes every `world`-th sample of each batch.
    """
    parts = list(torch.split(indices, batch_size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    found = []
    for index, part in enumerate(parts):
        step, place = divmod(index, accumulate)
        together = parts[index - place : index - place + accumulate]
        mine = part[rank::world]
        found.append(
            Share(
                indices=mine if len(mine) else part[:1],
                count=len(mine),
                weight=len(mine) * world / sum(map(len, together)),
                step=step,
                first=place == 0,
                last=place == len(together) - 1,
            )
        )
    return found


def batches(
    split: Any,
    parts: Sequence[Tensor],
    *,
    seed: int,
    fit: int | None = None,
    first: int = 0,
    workers: int = 0,
    device: torch.device | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield `(values [B, *], labels [B])` of the given samples in the given order.

    Where a device is a GPU, values that a split hands out as they are `stored` are made floats and augmented
    there.

    Args:
        split: with `batch(indices)` for data in memory; any other map-style dataset goes
            through a DataLoader with `split.workers` processes (0 if it has none).
        parts: which samples, a tensor of indices for each batch.
        seed: of what the samples draw where other processes may read them.
        fit: number of steps that every sample is cut or padded to; None for none.
        first: number of the first batch in its epoch. Where it is not 0, global generators stand where the
            batches before have left them, and a DataLoader draws nothing at its start.
        workers: processes that read ahead.
        device: where the values are used; None for the CPU.

    Raises:
        DataError: samples of one batch have different shapes, or a label is none.
    """
    if not hasattr(split, "batch"):
        yield from DataLoader(
            SeededSamples(split, seed),
            batch_sampler=[p.tolist() for p in parts],
            num_workers=workers or getattr(split, "workers", 0),
            collate_fn=_Collate(fit),
            pin_memory=is_apart(device),
            generator=torch.Generator() if first else None,
        )
        return
    finishes = is_apart(device) and _is_finished_anywhere(split)
    read = partial(_read_stored if finishes else read_samples, split, fit=fit)
    if workers:
        found = read_ahead(read, parts, seed=seed, workers=workers, first=first, pin=is_apart(device))
    else:
        found = map(read, parts)
    for values, labels in found:
        yield (split.finished(values.to(device, non_blocking=True)) if finishes else values), labels


def is_apart(device: torch.device | None) -> bool:
    """Whether values have to be copied to a device."""
    return device is not None and device.type != "cpu"


def _is_finished_anywhere(split: Any) -> bool:
    augment = getattr(split, "augment", None)
    return hasattr(split, "stored") and (augment is None or getattr(augment, "anywhere", False))


def _read_stored(split: Any, indices: Tensor, fit: int | None = None) -> tuple[Tensor, Tensor]:
    """Return values as they are stored, and labels."""
    values, labels = split.stored(indices)
    return (values if fit is None else fit_steps(values, fit, dim=1)), as_labels(labels)


def read_samples(split: Any, indices: Tensor, fit: int | None = None) -> tuple[Tensor, Tensor]:
    """Return values `[B, *]` and labels `[B]` of some samples, read in this process."""
    if not hasattr(split, "batch"):
        return _Collate(fit)([split[int(i)] for i in indices])
    values, labels = split.batch(indices)
    return (values if fit is None else fit_steps(values, fit, dim=1)), as_labels(labels)


def fit_steps(values: Tensor, steps: int, dim: int = 0) -> Tensor:
    """Return values with `steps` time steps along a dimension: cut at the end, or padded with zeros there."""
    kept = values.narrow(dim, 0, min(steps, values.shape[dim]))
    if kept.shape[dim] == steps:
        return kept
    missing = list(kept.shape)
    missing[dim] = steps - kept.shape[dim]
    return torch.cat([kept, kept.new_zeros(missing)], dim)


@attrs.frozen
class _Collate:
    """Samples to a batch; picklable for loader processes."""

    fit: int | None

    def __call__(self, samples: Sequence[tuple[Any, Any]]) -> tuple[Tensor, Tensor]:
        values = [torch.as_tensor(value) for value, _ in samples]
        if self.fit is not None:
            values = [fit_steps(value, self.fit) for value in values]
        shapes = sorted({tuple(value.shape) for value in values})
        if len(shapes) > 1:
            raise DataError(
                f"samples of one batch have the shapes {', '.join(map(str, map(list, shapes)))}; all must be "
                "alike. A data set whose samples differ in their time steps says steps = 0 in its Task"
            )
        return torch.stack(values), as_labels(torch.stack([torch.as_tensor(label) for _, label in samples]))


def settle_steps(splits: Any, component: Component) -> Splits:
    """Return the splits of a data set with the number of time steps that event data has.

    A data set that does not say it is taken to have as many in every sample as in the first.

    Args:
        splits: what the data set returned.
        component: the data set.

    Raises:
        ContractError: it returned no splits, or its samples have no time axis.
        ComponentError: it fails.
    """
    who = title(component)
    if not isinstance(splits, Splits):
        raise ContractError(f"{who} must return snnplug.Splits, got {describe(splits)}")
    with calling(component, "splits that have a length and can be indexed"):
        if mistake := _mistake(splits):
            raise ContractError(f"{who} {mistake}")
        task = splits.task
        if not task.events or task.steps is not None:
            return splits
        values, _ = read_samples(splits.train, torch.tensor([0]))
    if values.ndim != len(task.input_shape) + 2:
        raise ContractError(
            f"{who} has events = True, so a sample is [T, {', '.join(map(str, task.input_shape))}]; "
            f"its first one is {list(values.shape[1:])}"
        )
    return attrs.evolve(splits, task=attrs.evolve(task, steps=values.shape[1]))


def _mistake(splits: Splits) -> str:
    """Return what is wrong with the facts of a data set, empty for nothing."""
    task: Any = splits.task
    if not isinstance(task, Task):
        return f"must say its snnplug.Task, got {describe(task)}"
    shape = task.input_shape
    if not isinstance(shape, tuple | list) or not shape or not all(_whole(size, 1) for size in shape):
        return f"must have whole numbers of at least 1 as Task.input_shape, got {shape!r}"
    if not _whole(task.classes, 1):
        return f"must have a whole number of at least 1 as Task.classes, got {task.classes!r}"
    if task.steps is not None and not _whole(task.steps, 0):
        return f"must have a whole number or None as Task.steps, got {task.steps!r}"
    if task.values not in get_args(Values):
        return f"must have one of {', '.join(get_args(Values))} as Task.values, got {task.values!r}"
    for name in ("mean", "std"):
        given = getattr(task, name)
        if not isinstance(given, tuple | list) or not all(map(is_finite, given)):
            return f"must have finite numbers as Task.{name}, got {given!r}"
    for name in ("train", "val", "test"):
        split = getattr(splits, name)
        if split is None and name != "train":
            continue
        if not hasattr(split, "__len__"):
            return f"must have a length and samples by index as split {name!r}, got {describe(split)}"
        len(split)
    return ""


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
