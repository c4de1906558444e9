from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

from snnplug import Registry
from snnplug.errors import ParameterError

registry = Registry.from_installed()


def test_every_image_is_in_one_part_and_classes_keep_their_shares() -> None:
    splits = registry.create("dataset", "digits", val_fraction=0.1, test_fraction=0.2)
    parts = [splits.train, splits.val, splits.test]
    assert [len(part) for part in parts] == [1258, 180, 359]
    together = torch.cat([part.images.flatten(1) for part in parts]).unique(dim=0)
    whole = torch.from_numpy(load_digits().data).float().div(16).unique(dim=0)
    assert torch.equal(together, whole)
    for part in parts:
        shares = part.labels.bincount(minlength=10) / len(part)
        assert shares.sub(0.1).abs().max() < 0.01
    assert splits.task.input_shape == (1, 8, 8)
    assert splits.class_names == tuple("0123456789")


def test_values_and_normalisation() -> None:
    splits = registry.create("dataset", "digits", val_fraction=0.0, test_fraction=0.0)
    assert splits.val is None
    assert splits.test is None
    values, labels = splits.train.batch(torch.arange(1797))
    assert values.shape == (1797, 1, 8, 8)
    assert labels.dtype == torch.int64
    assert (values.min(), values.max()) == (0, 1)
    assert values.mean().item() == pytest.approx(splits.task.mean[0], abs=1e-4)
    assert values.std().item() == pytest.approx(splits.task.std[0], abs=1e-4)
    value, label = splits.train[0]
    assert label == load_digits().target[0]
    assert torch.equal(value[0] * 16, torch.from_numpy(load_digits().images[0]).float())


def test_the_division_follows_its_seed() -> None:
    one, same, other = (registry.create("dataset", "digits", split_seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.test.images, same.test.images)
    assert not torch.equal(one.test.images, other.test.images)
    longer = registry.create("dataset", "digits", val_fraction=0.3)
    assert torch.equal(
        one.test.images, longer.test.images
    )  # the test set does not depend on the validation set


def test_fractions_that_leave_nothing() -> None:
    with pytest.raises(ParameterError, match="val_fraction and test_fraction must leave images"):
        registry.create("dataset", "digits", val_fraction=0.5, test_fraction=0.5)
    with pytest.raises(ParameterError, match=r"val_fraction must be at least 0 and below 1, got -0\.5"):
        registry.create("dataset", "digits", val_fraction=-0.5)


def test_a_fraction_too_small_for_all_classes() -> None:
    with pytest.raises(ParameterError, match=r"val_fraction takes 4 of 1438 samples.* 10 classes"):
        registry.create("dataset", "digits", val_fraction=0.002)
