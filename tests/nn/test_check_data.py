"""A split whose samples are not what its task says is refused in one line."""

from __future__ import annotations

import random
from typing import Any

import attrs
import numpy
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from snnplug import Task
from snnplug.errors import DataError
from snnplug.nn import FrameSplit, ImageSplit, as_labels, check_split

TASK = Task(input_shape=(1, 4, 4), classes=3)
EVENTS = Task(input_shape=(2, 4, 4), classes=3, events=True, steps=5)
COUNTS, BINARY = (attrs.evolve(EVENTS, values=values) for values in ("counts", "binary"))
COUNT = 200
LABELS = torch.arange(COUNT) % 3
VALUES = torch.rand(COUNT, 1, 4, 4, generator=torch.Generator().manual_seed(0))
KINDS = [ImageSplit, TensorDataset]


class Listed(Dataset[Any]):
    """Samples one by one, and how many were read."""

    def __init__(self, values: Any, labels: Any) -> None:
        self.values, self.given, self.read = values, labels, 0

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, index: int) -> Any:
        self.read += 1
        return self.values[index], self.given[index]


def refused(split: Any, message: str, task: Task = TASK) -> None:
    with pytest.raises(DataError, match=message) as caught:
        check_split(split, "train of mine", task)
    assert str(caught.value).startswith("train of mine: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [*KINDS, Listed])
@pytest.mark.parametrize(
    "dtype",
    [
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.uint16,
        torch.float32,
        torch.float64,
    ],
    ids=str,
)
def test_whole_numbers_of_any_type_are_taken(kind: Any, dtype: torch.dtype) -> None:
    check_split(kind(VALUES, LABELS.to(dtype)), "train of mine", TASK)
    found = as_labels(LABELS.to(dtype), 3)
    assert found.dtype == torch.int64
    assert torch.equal(found, LABELS)


@pytest.mark.parametrize("kind", [*KINDS, Listed])
def test_booleans_are_two_classes(kind: Any) -> None:
    task = Task(input_shape=(1, 4, 4), classes=2)
    check_split(kind(VALUES, LABELS > 0), "train of mine", task)
    assert as_labels(LABELS > 0).tolist() == (LABELS > 0).long().tolist()


@pytest.mark.parametrize(
    "labels",
    [LABELS.tolist(), LABELS.numpy(), LABELS.numpy().astype(numpy.int32), list(LABELS), tuple(LABELS)],
)
def test_arrays_and_lists(labels: Any) -> None:
    check_split(Listed(VALUES.numpy(), labels), "train of mine", TASK)
    assert torch.equal(as_labels(labels), LABELS)


def test_nothing_to_check() -> None:
    check_split(None, "test of mine", TASK)
    check_split(ImageSplit(VALUES[:0], LABELS[:0]), "test of mine", TASK)
    assert as_labels(LABELS[:0], 3).shape == (0,)


@pytest.mark.parametrize("kind", [*KINDS, Listed])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            LABELS + 1,
            "sample 2 has the label 3, .* from 1 to 3; with 3 classes .* from 0 to 2; subtract 1 from all$",
        ),
        (LABELS - 1, "sample 0 has the label -1, and labels go from -1 to 1; .* whole numbers from 0 to 2$"),
        (LABELS * 100, "has the label 100, and labels go from 0 to 200; .* from 0 to 2$"),
        (
            LABELS.unsqueeze(1),
            r"sample 0: labels must be one .*, got the shape \[200, 1\]; use labels\[:, 0\]$",
        ),
        (
            torch.nn.functional.one_hot(LABELS),
            r"got the shape \[200, 3\]; of one-hot labels use labels.argmax\(1\)$",
        ),
        (torch.zeros(COUNT, 2, 2).long(), r"sample 0: labels must be .*, got the shape \[200, 2, 2\]$"),
    ],
    ids=["from 1", "from -1", "too many", "column", "one-hot", "maps"],
)
def test_other_labels_are_refused(kind: Any, labels: torch.Tensor, message: str) -> None:
    split = kind(VALUES, labels)
    if kind is Listed:  # of which not all are looked at
        message = message.replace("sample 2 ", r"sample \d+ ")
    refused(split, message)


@pytest.mark.parametrize("label", [0.5, float("nan"), float("inf")])
def test_broken_numbers_are_refused(label: float) -> None:
    labels = LABELS.float()
    labels[0] = label
    refused(Listed(VALUES, labels), f"sample 0 has the label {label:g}; labels must be whole numbers$")
    with pytest.raises(ValueError, match=f"labels must be whole numbers, got {label:g}"):
        ImageSplit(VALUES, labels)
    with pytest.raises(DataError, match="sample 0 has the label"):
        as_labels(labels)


def test_one_wrong_label_in_memory_is_found() -> None:
    labels = LABELS.clone()
    labels[137] = 7
    refused(ImageSplit(VALUES, labels), "sample 137 has the label 7, and labels go from 0 to 7")
    for name in ("targets", "labels"):
        for held in (labels, labels.tolist(), labels.numpy()):
            split = Listed(VALUES, labels)
            setattr(split, name, held)
            refused(split, "sample 137 has the label 7")
            assert split.read <= 64
    refused(TensorDataset(VALUES, labels), "sample 137 has the label 7")
    half = Subset(TensorDataset(VALUES, labels), range(100, 200))
    refused(half, "sample 37 has the label 7")
    check_split(Subset(half, range(38, 100)), "train of mine", TASK)
    check_split(Listed(VALUES, labels), "train of mine", TASK)  # 137 is not among those read


def test_labels_before_a_transform_do_not_count() -> None:
    split = Listed(VALUES, LABELS)
    for held in (
        LABELS + 1,
        [f"class {i}" for i in LABELS],
        dict.fromkeys(range(COUNT), 0),
        torch.tensor(3),
        COUNT * "x",
    ):
        split.targets = held  # type: ignore[attr-defined]
        check_split(split, "train of mine", TASK)


def test_batch_of_labels() -> None:
    with pytest.raises(DataError, match=r"^labels must be one whole number a sample, got the shape \[4, 1\]"):
        as_labels(torch.zeros(4, 1))
    with pytest.raises(DataError, match=r"^labels must be one whole number a sample, got the shape \[\]$"):
        as_labels(3)
    with pytest.raises(
        DataError, match=r"^sample 2 has the label 5, and labels go from 0 to 5; with 3 classes"
    ):
        as_labels([0, 1, 5], 3)
    with pytest.raises(DataError, match=r"^labels must be numbers in a tensor or an array, got list$"):
        as_labels(["cat"])


@pytest.mark.parametrize("kind", [*KINDS, Listed])
@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(kind: Any, odd: float) -> None:
    values = VALUES.clone()
    values[-1, 0, 2, 1] = odd
    refused(kind(values, LABELS), f"sample 199 has the value {odd}; values must be finite$")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (VALUES[:, 0], r"sample 0 has values of the shape \[4, 4\]; its task says \[1, 4, 4\]$"),
        (VALUES.permute(0, 2, 3, 1), r"shape \[4, 4, 1\]; its task says \[1, 4, 4\]$"),
        (VALUES.to(torch.complex64), "sample 0 has complex values"),
        (
            (255 * VALUES).to(torch.uint8),
            r"values of the type uint8 up to \d+; .* floating-point numbers in \[0, 1\]$",
        ),
    ],
)
def test_other_values_are_refused(values: torch.Tensor, message: str) -> None:
    refused(Listed(values, LABELS), message)


def test_bytes_in_memory_and_whole_numbers_up_to_1_are_taken() -> None:
    check_split(ImageSplit((255 * VALUES).to(torch.uint8), LABELS), "train of mine", TASK)
    check_split(TensorDataset(VALUES.round().int(), LABELS), "train of mine", TASK)
    check_split(TensorDataset(VALUES > 0.5, LABELS), "train of mine", TASK)


def test_events() -> None:
    frames = torch.randint(0, 9, (COUNT, 5, 2, 4, 4), generator=torch.Generator().manual_seed(0))
    for values in (frames.float(), frames > 4):
        check_split(TensorDataset(values, LABELS), "train of mine", EVENTS)
    check_split(TensorDataset(frames, LABELS), "train of mine", COUNTS)
    check_split(FrameSplit(frames.to(torch.uint8), LABELS), "train of mine", COUNTS)
    check_split(FrameSplit(frames.clamp(max=1), LABELS), "train of mine", BINARY)
    refused(TensorDataset(frames, LABELS), r'int64 up to 8; .*; events say Task\(values="counts"\)$', EVENTS)
    refused(TensorDataset(frames / 8, LABELS), "with values = 'counts' in its task all are whole", COUNTS)
    refused(TensorDataset(frames - 1.0, LABELS), "has the value -1; with values = 'counts'", COUNTS)
    refused(FrameSplit(frames, LABELS), "has the value 8; with values = 'binary' .* say \"counts\"$", BINARY)
    bytes_ = frames.to(torch.uint8)
    for task in (EVENTS, COUNTS):
        refused(ImageSplit(bytes_, LABELS), "divides them by 255, .*; use snnplug.nn.FrameSplit", task)
    refused(Subset(ImageSplit(bytes_, LABELS), range(COUNT)), "use snnplug.nn.FrameSplit", COUNTS)
    refused(TensorDataset(frames[:, 0], LABELS), r"shape \[2, 4, 4\]; its task says \[T, 2, 4, 4\]$", EVENTS)
    refused(TensorDataset(frames[:, :4], LABELS), "has 4 time steps, its task says 5; say 0 if", EVENTS)
    for steps in (0, None):
        ragged = Listed([frames[i, : 1 + i % 5] for i in range(COUNT)], LABELS)
        task = attrs.evolve(COUNTS, steps=steps)
        check_split(ragged, "train of mine", task)


class Picture:
    """What a data set without a transform hands out."""


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ((Picture(), 0), "sample 0: values must be numbers in a tensor or an array, got Picture$"),
        ((VALUES[0], "cat"), "sample 0: labels must be numbers in a tensor or an array, got str$"),
        ({"image": VALUES[0]}, r"sample 0 must be \(values, label\), got dict$"),
        ((VALUES[0], 0, 0), r"sample 0 must be \(values, label\), got tuple$"),
        (VALUES[0], r"sample 0 must be \(values, label\), got Tensor$"),
    ],
)
def test_samples_that_are_no_pair_of_numbers(sample: Any, message: str) -> None:
    class Odd(Listed):
        def __getitem__(self, index: int) -> Any:
            return sample

    refused(Odd(VALUES, LABELS), message)


class Augmented(Listed):
    def __getitem__(self, index: int) -> Any:
        values, label = super().__getitem__(index)
        return values * torch.rand(()) * numpy.random.rand() * random.random(), label


@pytest.mark.parametrize("kind", [Augmented, Listed])
def test_a_look_leaves_the_generators_alone_and_takes_few_samples(kind: Any) -> None:
    states = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].copy()
    split = kind(VALUES, LABELS)
    check_split(split, "train of mine", TASK)
    assert split.read == 64
    check_split(split, "train of mine", TASK, samples=5)
    assert split.read == 69
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (numpy.random.get_state()[1] == states[2]).all()


def test_a_split_with_batches_is_read_by_them() -> None:
    class Batched(Listed):
        def batch(self, indices: torch.Tensor) -> Any:
            return VALUES[indices], self.given[indices]

        def __getitem__(self, index: int) -> Any:
            raise AssertionError

    check_split(Batched(VALUES, LABELS.int()), "train of mine", TASK)
    refused(Batched(VALUES, LABELS.unsqueeze(1)), r"got the shape \[200, 1\]; use")


@pytest.mark.parametrize("kind", [*KINDS, lambda v, y: Subset(ImageSplit(v, y), range(len(v)))])
@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_one_value_among_many_is_found_where_a_split_holds_them(kind: Any, odd: float) -> None:
    count = 10_000
    values = torch.rand(count, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    values[9_001, 0, 2, 3] = odd  # none of the samples that are looked at one by one
    labels = torch.arange(count) % 3
    refused(kind(values, labels), f"sample 9001 has the value {odd}; values must be finite")
    check_split(Subset(kind(values, labels), range(9_000)), "train of mine", TASK)
    with pytest.raises(DataError, match="sample 1 has the value"):
        check_split(Subset(kind(values, labels), [3, 9_001, 5]), "train of mine", TASK)


@pytest.mark.parametrize("kind", KINDS)
def test_large_finite_values_are_no_mistake(kind: Any) -> None:
    values = torch.full((200, 1, 4, 4), 3e38)  # their sum is infinite
    check_split(kind(values, LABELS), "train of mine", TASK)
