"""Whether the samples of a split are what its task says of them, seen before anything long starts.

Where a split holds its labels and values in tensors all of them are looked at; of samples that have to be
read one by one, a few that are spread over the split. What they draw depends on no seed of the user's, and
the global generators stay as they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from snnplug.contracts import Task
from snnplug.errors import DataError
from snnplug.nn.seeding import seeded_on_the_host
from snnplug.nn.splits import ImageSplit

__all__ = ["as_labels", "check_split"]

_LARGEST = 2**30  # values; more may lie on a disk, from which reading them all takes minutes


def as_labels(labels: Any, classes: int | None = None) -> Tensor:
    """Return the labels of a batch as class indices `[B]`, int64.

    Args:
        labels: whole numbers, one a sample, in any type: a tensor, an array or a sequence.
        classes: number of classes K; None to leave the range unchecked.

    Raises:
        DataError: they are no whole numbers from 0 to K - 1, or there is not one for each sample.
    """
    found = _tensor(labels, "labels")
    if found.ndim != 1:
        raise DataError(_not_one_a_sample(found.shape))
    return _indices(found, classes, range(len(found)))


def check_split(split: Any, name: str, task: Task, samples: int = 64) -> None:
    """Check the labels and values of a split.

    Args:
        split: data set of `(values, label)`, with or without `batch(indices)`; None or an empty one passes.
        name: what messages call it, such as "the train split of dataset mine".
        task: says the shape of the values and the number of classes.
        samples: how many are looked at where not all are.

    Raises:
        DataError: a sample is not as the task says: which one, what it is, what is allowed.
    """
    count = 0 if split is None else len(split)
    if not count:
        return
    chosen = torch.linspace(0, count - 1, min(samples, count), dtype=torch.float64).long()
    places = chosen.tolist()
    try:
        _check_scale(split, task)
        with seeded_on_the_host(0):
            values, labels = _read(split, chosen)
        held = _held_labels(split)
        for place, label in zip(places, labels, strict=True):
            if label.ndim:
                shape = label.shape if held is None else held.shape[1:]
                raise DataError(f"sample {place}: {_not_one_a_sample((count, *shape))}")
        found = _indices(torch.stack([label.cpu() for label in labels]), None, places)
        if held is not None and held.ndim == 1 and torch.equal(held[chosen].long(), found):
            _indices(held, task.classes, range(count))  # else they are those before a transform
        _indices(found, task.classes, places)
        _check_values(values, task, places)
        if (held_values := _held_values(split)) is not None:
            _check_finite(*held_values)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error.__cause__


def _tensor(value: Any, what: str) -> Tensor:
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = type(value).__qualname__
        raise DataError(f"{what} must be numbers in a tensor or an array, got {kind}") from error


def _not_one_a_sample(shape: Sequence[int]) -> str:
    text = f"labels must be one whole number a sample, got the shape {list(shape)}"
    if len(shape) != 2:
        return text
    return f"{text}; use labels[:, 0]" if shape[1] == 1 else f"{text}; of one-hot labels use labels.argmax(1)"


def _indices(labels: Tensor, classes: int | None, places: Sequence[int]) -> Tensor:
    """Return labels `[n]` as int64.

    Args:
        labels: as they were found.
        classes: as in `as_labels`.
        places: which sample each belongs to, for messages.
    """
    whole = (labels.real if labels.is_complex() else labels).long()
    if labels.is_floating_point() or labels.is_complex():
        broken = whole.to(labels.dtype) != labels
        if broken.any():
            at = int(broken.nonzero()[0])
            raise DataError(
                f"sample {places[at]} has the label {labels[at].item():g}; labels must be whole numbers"
            )
    if classes is None or not len(whole):
        return whole
    low, high = (int(bound) for bound in whole.aminmax())
    if low >= 0 and high < classes:
        return whole
    at = int(((whole < 0) | (whole >= classes)).nonzero()[0])
    hint = "; subtract 1 from all" if (low, high) == (1, classes) else ""
    raise DataError(
        f"sample {places[at]} has the label {int(whole[at])}, and labels go from {low} to {high}; "
        f"with {classes} classes they must be whole numbers from 0 to {classes - 1}{hint}"
    )


def _held_labels(split: Any) -> Tensor | None:
    """Return all labels `[N, *]` where a split holds them, as those of torchvision do."""
    if isinstance(split, Subset):
        whole = _held_labels(split.dataset)
        return None if whole is None else whole[torch.as_tensor(split.indices)]
    if isinstance(split, TensorDataset):
        return split.tensors[-1].cpu()
    for name in ("labels", "targets"):
        held = getattr(split, name, None)
        if not hasattr(held, "__len__"):
            continue
        try:
            found = torch.as_tensor(held)
        except (TypeError, ValueError, RuntimeError):  # names of classes, or boxes
            continue
        if found.shape[:1] == (len(split),):
            return found.cpu()
    return None


def _read(split: Any, chosen: Tensor) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """Return values and labels of some samples, each by itself."""
    if isinstance(split, ImageSplit):  # without the augmentation, which takes longer than all the rest
        return split.values(chosen).unbind(0), split.labels[chosen].unbind(0)
    if hasattr(split, "batch"):
        values, labels = split.batch(chosen)
        return _tensor(values, "values").unbind(0), _tensor(labels, "labels").unbind(0)
    pairs = []
    for place in chosen.tolist():
        sample = split[place]
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise DataError(f"sample {place} must be (values, label), got {type(sample).__qualname__}")
        value, label = sample
        pairs.append((_tensor(value, f"sample {place}: values"), _tensor(label, f"sample {place}: labels")))
    return [value for value, _ in pairs], [label for _, label in pairs]


def _held_values(split: Any) -> tuple[Tensor, Tensor | None] | None:
    """Return the tensor that a split holds its values in, and which of them are its samples: None for all."""
    if isinstance(split, Subset):
        held, chosen = _held_values(split.dataset), torch.as_tensor(split.indices)
        return None if held is None else (held[0], chosen if held[1] is None else held[1][chosen])
    if not isinstance(split, ImageSplit | TensorDataset):
        return None
    values = split.images if isinstance(split, ImageSplit) else split.tensors[0]
    return values, None


def _check_finite(values: Tensor, samples: Tensor | None, at_a_time: int = 4096) -> None:
    """Look at all values, in parts: a second copy of a data set may not fit into memory."""
    if not values.is_floating_point() or values.numel() > _LARGEST:
        return
    for start in range(0, len(values if samples is None else samples), at_a_time):
        some = slice(start, start + at_a_time)
        part = values[some if samples is None else samples[some]].flatten(1)
        if not math.isfinite(part.sum()) and not (finite := part.isfinite().all(1)).all():
            place = int((~finite).nonzero()[0])
            odd = part[place][~part[place].isfinite()][0].item()
            raise DataError(f"sample {start + place} has the value {odd}; values must be finite")


def _check_values(values: Sequence[Tensor], task: Task, places: Sequence[int]) -> None:
    size = ", ".join(map(str, task.input_shape))
    for place, value in zip(places, values, strict=True):
        steps = value.shape[0] if task.events and value.ndim else None
        shape = (*([] if steps is None else [steps]), *task.input_shape)
        if tuple(value.shape) != shape:
            allowed = f"[T, {size}]" if task.events else f"[{size}]"
            raise DataError(
                f"sample {place} has values of the shape {list(value.shape)}; its task says {allowed}"
            )
        if task.steps and steps not in (None, task.steps):
            raise DataError(
                f"sample {place} has {steps} time steps, its task says {task.steps}; say 0 if they differ"
            )
        if value.is_complex():
            raise DataError(f"sample {place} has complex values; they must be real")
        if value.is_floating_point() and not math.isfinite(value.sum()) and not value.isfinite().all():
            odd = value[~value.isfinite()][0].item()
            raise DataError(f"sample {place} has the value {odd}; values must be finite")
        if value.numel():
            _check_declared(value, task, place)


def _check_declared(value: Tensor, task: Task, place: int) -> None:
    """Check that the numbers of a sample are what its task says."""
    if task.values == "scaled":
        if not value.is_floating_point() and (largest := int(value.max())) > 1:
            hint = '; events say Task(values="counts")' if task.events else ""
            kind = str(value.dtype).removeprefix("torch.")
            raise DataError(
                f"sample {place} has values of the type {kind} up to {largest}; "
                f"values must be floating-point numbers in [0, 1]{hint}"
            )
        return
    numbers = value.float()
    low, high = (bound.item() for bound in numbers.aminmax())
    if low < 0 or not torch.equal(numbers, numbers.round()):
        odd = numbers[(numbers < 0) | (numbers != numbers.round())][0].item()
        raise DataError(
            f"sample {place} has the value {odd:g}; with values = {task.values!r} in its task all are whole "
            'numbers of at least 0. Values that were scaled say "scaled"'
        )
    if task.values == "binary" and high > 1:
        raise DataError(
            f"sample {place} has the value {high:g}; with values = 'binary' in its task all are 0 or 1. "
            'Numbers of events say "counts"'
        )


def _check_scale(split: Any, task: Task) -> None:
    """Refuse whole numbers of events in a split that makes fractions of them."""
    whole = split.dataset if isinstance(split, Subset) else split
    counts = task.events or task.values != "scaled"
    if type(whole) is ImageSplit and whole.images.dtype == torch.uint8 and counts:
        raise DataError(
            "its frames are 8-bit whole numbers in an ImageSplit, which divides them by 255, so that no "
            "event is whole; use snnplug.nn.FrameSplit, and for grey values one of floats in [0, 1]"
        )
