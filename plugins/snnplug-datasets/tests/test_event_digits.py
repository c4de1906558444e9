from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from snnplug import Registry
from snnplug.errors import ContractError, ParameterError

registry = Registry.from_installed()


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_digits()
    few = Bunch(images=data.images[:250], target=data.target[:250])
    monkeypatch.setattr("snnplug_datasets.digits.load_digits", lambda: few)


@pytest.fixture
def ordered() -> Any:
    return registry.create("dataset", "ordered_digits")


def test_facts(ordered: Any) -> None:
    task = ordered.task
    assert (task.input_shape, task.classes, task.steps) == ((2, 12, 12), 20, 10)
    assert (task.events, task.values) == (True, "counts")
    assert [len(part) for part in (ordered.train, ordered.val, ordered.test)] == [2 * 175, 2 * 25, 2 * 50]
    assert ordered.class_names[:3] == ("0 right first", "0 down first", "1 right first")
    assert ordered.train.images.dtype == torch.uint8
    digits = registry.create("dataset", "digits")
    assert torch.equal(ordered.test.labels[::2], 2 * digits.test.labels)
    assert torch.equal(ordered.test.labels[1::2], 2 * digits.test.labels + 1)


def test_only_the_order_of_frames_tells_the_order_of_excursions(ordered: Any) -> None:
    frames = ordered.train.images
    right, down = frames[::2], frames[1::2]
    assert torch.equal(torch.cat([right[:, 5:], right[:, :5]], 1), down)
    assert not (right == down).flatten(1).all(1).any()


def test_shuffled_time(ordered: Any) -> None:
    shuffled = registry.create("dataset", "ordered_digits", shuffle_time=True)
    for name in ("train", "val", "test"):
        one, other = (getattr(splits, name) for splits in (ordered, shuffled))
        assert torch.equal(one.labels, other.labels)
        sums = [part.images.sum(1, dtype=torch.int64) for part in (one, other)]
        assert torch.equal(*sums)
        moved = (one.images != other.images).flatten(1).any(1)
        assert moved.float().mean() > 0.99
    again = registry.create("dataset", "ordered_digits", shuffle_time=True)
    assert torch.equal(shuffled.val.images, again.val.images)
    another = registry.create("dataset", "ordered_digits", shuffle_time=True, seed=1)
    assert not torch.equal(shuffled.val.images, another.val.images)


def test_frames_of_equal_count_and_one_polarity() -> None:
    splits = registry.create("dataset", "moving_digits", by="count", polarities=1, steps=6, size=9)
    frames = splits.test.images.long()
    assert frames.shape[1:] == (6, 1, 9, 9)
    number = frames.sum((2, 3, 4))
    assert (number.amax(1) - number.amin(1)).max() == 1


def test_images_of_another_data_set() -> None:
    base = registry.use("dataset", "digits", test_fraction=0.5, split_seed=1)
    splits = registry.create("dataset", "ordered_digits", base=base)
    assert len(splits.test) == 2 * len(base.build().test)
    with pytest.raises(ParameterError, match="divide the digits; the base has its own"):
        registry.create("dataset", "ordered_digits", base=base, val_fraction=0.2)
    twice = registry.use("dataset", "ordered_digits", base=registry.use("dataset", "moving_digits"))
    with pytest.raises(ContractError, match="moving_digits is not: it has events"):
        twice.build()


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"reach": 0}, "reach must be at least 1, got 0"),
        ({"by": "frames"}, "by"),
        ({"polarities": 3}, "polarities"),
        ({"threshold": 0.0}, "threshold must be at least 0.01 and below 10"),
    ],
)
@pytest.mark.parametrize("name", ["ordered_digits", "moving_digits"])
def test_what_is_out_of_range(name: str, parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        registry.create("dataset", name, **parameters)
