"""Conformance of datasets."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from snnplug.contracts import Splits
from snnplug.errors import DataError
from snnplug.nn import ImageSplit, seeded
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["DatasetConformance"]

NAMES = ("train", "val", "test")


class DatasetConformance(Conformance):
    """Checks of a dataset: splits of values and labels, images or events, with their facts.

    Where the data is not on this machine, the dataset raises `DataError` and the checks are skipped.

        class TestDigits(DatasetConformance):
            name = "acme-data:digits"

    Attributes:
        samples: how many samples of each split are looked at.
        distinct: no image stands in two splits.
    """

    kind = "dataset"
    samples: ClassVar[int] = 64
    distinct: ClassVar[bool] = True

    @pytest.fixture
    def splits(self, component: Component) -> Splits:
        """Return the splits."""
        return self.build(component)

    def build(self, component: Component) -> Splits:
        """Return the splits, or skip the check where there is no data."""
        try:
            splits = component.build()
        except DataError as error:
            pytest.skip(str(error))
        assert isinstance(splits, Splits), (
            f"the target must return snnplug.Splits, got {type(splits).__name__}"
        )
        return splits

    def parts(self, splits: Splits) -> dict[str, Any]:
        """Return the splits that are there, by name."""
        return {name: getattr(splits, name) for name in NAMES if getattr(splits, name) is not None}

    def look(self, split: Any) -> tuple[Tensor, Tensor]:
        """Return values and labels of samples spread over a split."""
        count = min(self.samples, len(split))
        indices = torch.linspace(0, len(split) - 1, count).long()
        with seeded(0):
            if hasattr(split, "batch"):
                values, labels = split.batch(indices)
                return values, labels
            pairs = [split[int(i)] for i in indices]
        return torch.stack([pair[0] for pair in pairs]), torch.tensor([int(pair[1]) for pair in pairs])

    def test_training_data_is_there(self, splits: Splits) -> None:
        """There is a training split, and something to judge by: a validation or a test split."""
        assert len(splits.train) > 0, (
            "the training split is empty; raise snnplug.errors.DataError where files are missing"
        )
        assert splits.val is not None or splits.test is not None, (
            "there is neither validation nor test data; keep some of the training data apart, by a fixed seed"
        )

    def test_values_are_what_the_task_says(self, splits: Splits) -> None:
        """Values are floats of the task's shape: in [0, 1], 0 and 1, or whole counts."""
        task = splits.task
        for name, split in self.parts(splits).items():
            values, _ = self.look(split)
            assert values.is_floating_point(), (
                f"{name}: values must be floats, got {values.dtype}; snnplug.nn.ImageSplit makes them of "
                "8-bit images"
            )
            shape = values.shape[2:] if task.events else values.shape[1:]
            assert shape == task.input_shape, (
                f"{name}: a sample must have the task's input_shape {task.input_shape}, got {tuple(shape)} "
                f"of values {list(values.shape)}; events are [B, T, *input_shape] and say Task(events=True)"
            )
            assert values.min() >= 0, f"{name}: values must not be negative, got {values.min():g}"
            if task.values != "scaled":
                assert torch.equal(values, values.round()), (
                    f"{name}: with values = {task.values!r} all are whole, got "
                    f'{values[values != values.round()][0]:g}; say Task(values="scaled") of others'
                )
            if task.values != "counts":
                assert values.max() <= 1, (
                    f"{name}: values must be at most 1, got {values.max():g}; scale images, "
                    'events say Task(values="counts")'
                )

    def test_steps_are_what_the_task_says(self, splits: Splits) -> None:
        """Events have as many time steps as the task says; some happen in more than one of them."""
        if not splits.task.events:
            pytest.skip("no events")
        for name, split in self.parts(splits).items():
            values, _ = self.look(split)
            if splits.task.steps:
                assert values.shape[1] == splits.task.steps, (
                    f"{name}: samples must have the task's {splits.task.steps} time steps, got "
                    f"{values.shape[1]}; Task(steps=0) says that they differ"
                )
            busy = values.flatten(2).any(2).sum(1).float().mean()
            assert values.shape[1] == 1 or busy > 1, (
                f"{name}: all events of a sample are in one time step; a sample is [T, *input_shape], time "
                "first"
            )

    def test_labels_are_class_indices(self, splits: Splits) -> None:
        """Labels are whole numbers from 0 to K - 1, and more than one class is there."""
        for name, split in self.parts(splits).items():
            _, labels = self.look(split)
            assert not labels.is_floating_point(), f"{name}: labels must be whole numbers, got {labels.dtype}"
            least, most, classes = int(labels.min()), int(labels.max()), splits.task.classes
            assert least >= 0 and most < classes, (
                f"{name}: labels must be from 0 to {classes - 1} for {classes} classes, got {least} to {most}"
            )
            assert least < most, (
                f"{name}: of {len(labels)} samples spread over the split all have the label {least}; shuffle "
                "it by a fixed seed, or set a larger `samples` in the test class"
            )

    def test_facts_of_the_task_fit(self, splits: Splits) -> None:
        """Normalisation is per channel, deviations are positive, all classes have names or none has."""
        task = splits.task
        channels = task.input_shape[0]
        assert len(task.mean) == len(task.std) and len(task.mean) in (0, channels), (
            f"Task.mean and Task.std must have a value for each of {channels} channels, or none, got "
            f"{len(task.mean)} and {len(task.std)}"
        )
        assert all(deviation > 0 for deviation in task.std), (
            f"Task.std must be greater than 0, got {task.std}"
        )
        names = len(splits.class_names)
        assert names in (0, task.classes), f"{task.classes} classes have as many names, or none, got {names}"

    def test_batch_equals_single_samples(self, splits: Splits) -> None:
        """`batch(indices)` gives what the samples give one by one."""
        for name, split in self.parts(splits).items():
            if name == "train" or not hasattr(split, "batch"):  # training data may be augmented
                continue
            values, labels = split.batch(torch.tensor([0, len(split) - 1]))
            for row, index in enumerate((0, len(split) - 1)):
                value, label = split[index]
                assert torch.equal(values[row], value) and int(labels[row]) == int(label), (
                    f"{name}: `batch` gives another sample {index} than the split by itself; read both the "
                    "same way"
                )

    def test_splits_share_no_sample(self, splits: Splits) -> None:
        """No image stands in two splits, where all are in memory and can be compared."""
        parts = self.parts(splits)
        if not self.distinct or not all(isinstance(split, ImageSplit) for split in parts.values()):
            pytest.skip("cannot be checked here")
        seen: dict[bytes, str] = {}
        for name, split in parts.items():
            for image in split.images:
                other = seen.setdefault(image.numpy().tobytes(), name)
                assert other == name, (
                    f"an image of {other} stands in {name} too; divide the data without drawing twice, or "
                    "set distinct = False in the test class where the data itself repeats images"
                )

    def test_built_twice_is_the_same(self, component: Component, splits: Splits) -> None:
        """Nothing depends on chance or on the global generators."""
        torch.rand(1)
        again = self.build(component)
        assert again.task == splits.task, f"built twice the task differs: {splits.task} and {again.task}"
        for name, split in self.parts(splits).items():
            other = getattr(again, name)
            assert len(other) == len(split), (
                f"{name}: built twice it has {len(split)} and {len(other)} samples"
            )
            for one, two in zip(self.look(split), self.look(other), strict=True):
                assert torch.equal(one, two), (
                    f"{name}: built twice the samples differ; draw from a generator with a fixed seed, and "
                    "sort files"
                )
