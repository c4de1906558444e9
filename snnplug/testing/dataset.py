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
        assert isinstance(splits, Splits)
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
        assert len(splits.train) > 0
        assert splits.val is not None or splits.test is not None

    def test_values_are_what_the_task_says(self, splits: Splits) -> None:
        """Values are floats of the task's shape: in [0, 1], 0 and 1, or whole counts."""
        task = splits.task
        for name, split in self.parts(splits).items():
            values, _ = self.look(split)
            assert values.is_floating_point(), f"{name}: {values.dtype}"
            shape = values.shape[2:] if task.events else values.shape[1:]
            assert shape == task.input_shape, f"{name}: {list(values.shape)}"
            assert values.min() >= 0, f"{name}: {values.min()}"
            if task.values != "scaled":
                assert torch.equal(values, values.round()), (
                    f"{name}: with values = {task.values!r} all are whole"
                )
            if task.values != "counts":
                assert values.max() <= 1, f'{name}: {values.max()}; events say Task(values="counts")'

    def test_steps_are_what_the_task_says(self, splits: Splits) -> None:
        """Events have as many time steps as the task says; some happen in more than one of them."""
        if not splits.task.events:
            pytest.skip("no events")
        for name, split in self.parts(splits).items():
            values, _ = self.look(split)
            if splits.task.steps:
                assert values.shape[1] == splits.task.steps, f"{name}: {list(values.shape)}"
            busy = values.flatten(2).any(2).sum(1).float().mean()
            assert values.shape[1] == 1 or busy > 1, f"{name}: all events of a sample are in one time step"

    def test_labels_are_class_indices(self, splits: Splits) -> None:
        """Labels are whole numbers from 0 to K - 1, and more than one class is there."""
        for name, split in self.parts(splits).items():
            _, labels = self.look(split)
            assert not labels.is_floating_point(), name
            assert labels.min() >= 0, name
            assert labels.max() < splits.task.classes, name
            assert labels.min() < labels.max(), name

    def test_facts_of_the_task_fit(self, splits: Splits) -> None:
        """Normalisation is per channel, deviations are positive, all classes have names or none has."""
        task = splits.task
        channels = task.input_shape[0]
        assert len(task.mean) == len(task.std)
        assert len(task.mean) in (0, channels)
        assert all(deviation > 0 for deviation in task.std)
        assert len(splits.class_names) in (0, task.classes)

    def test_batch_equals_single_samples(self, splits: Splits) -> None:
        """`batch(indices)` gives what the samples give one by one."""
        for name, split in self.parts(splits).items():
            if name == "train" or not hasattr(split, "batch"):  # training data may be augmented
                continue
            values, labels = split.batch(torch.tensor([0, len(split) - 1]))
            for row, index in enumerate((0, len(split) - 1)):
                assert torch.equal(values[row], split[index][0])
                assert int(labels[row]) == int(split[index][1])

    def test_splits_share_no_sample(self, splits: Splits) -> None:
        """No image stands in two splits, where all are in memory and can be compared."""
        parts = self.parts(splits)
        if not self.distinct or not all(isinstance(split, ImageSplit) for split in parts.values()):
            pytest.skip("cannot be checked here")
        seen: dict[bytes, str] = {}
        for name, split in parts.items():
            for image in split.images:
                other = seen.setdefault(image.numpy().tobytes(), name)
                assert other == name, f"an image of {other} stands in {name} too"

    def test_built_twice_is_the_same(self, component: Component, splits: Splits) -> None:
        """Nothing depends on chance or on the global generators."""
        torch.rand(1)
        again = self.build(component)
        assert again.task == splits.task
        for name, split in self.parts(splits).items():
            other = getattr(again, name)
            assert len(other) == len(split)
            for one, two in zip(self.look(split), self.look(other), strict=True):
                assert torch.equal(one, two), name
