from __future__ import annotations

import pickle

import pytest
import torch
from snnplug_datasets.augmentations import NAMES, augmentation
from torch import Tensor

from snnplug import Registry, Task
from snnplug.errors import ParameterError
from snnplug.nn import CropAndFlip

registry = Registry.from_installed()
COLOUR = Task(input_shape=(3, 16, 16), classes=4, mean=(0.5, 0.25, 0.75), std=(1.0, 1.0, 1.0))
GREY = Task(input_shape=(1, 16, 16), classes=4)
MIXES = ("mixup", "cutmix")


def batch(task: Task = COLOUR, count: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, *task.input_shape, generator=generator) * 255).round() / 255


def small(name: str) -> str | dict[str, object]:
    return {"use": name, "size": 8} if name == "cutout" else name


@pytest.mark.parametrize("task", [COLOUR, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("name", [name for name in NAMES if name not in MIXES])
def test_images_change_by_themselves_and_a_seed_decides_how(name: str, task: Task) -> None:
    made = augmentation([small(name)], task, [])
    assert made.mix is None
    assert made.augment is not None
    x, results = batch(task), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        results.append(made.augment(x))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    y = results[0]
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert bool(((y >= 0) & (y <= 1)).all())
    torch.manual_seed(0)
    same = made.augment(x[:1].expand_as(x))
    assert not torch.equal(same, same[:1].expand_as(same))  # one image, different draws
    assert repr(pickle.loads(pickle.dumps(made))) == repr(made)


def test_cutout_covers_a_square_with_the_mean() -> None:
    made = augmentation([{"use": "cutout", "size": 5}], COLOUR, [])
    assert made.augment is not None
    torch.manual_seed(0)
    x = batch(count=200)
    y = made.augment(x)
    corners = set()
    for before, after in zip(x, y, strict=True):
        changed = (before != after).any(0)
        rows, columns = changed.any(1).nonzero().flatten(), changed.any(0).nonzero().flatten()
        top, left = int(rows[0]), int(columns[0])
        assert (len(rows), len(columns), int(changed.sum())) == (5, 5, 25)
        mean = torch.tensor(COLOUR.mean).view(3, 1, 1).expand(3, 5, 5)
        assert torch.equal(after[:, top : top + 5, left : left + 5], mean)
        corners.add((top, left))
    assert {top for top, _ in corners} == set(range(12))
    assert {left for _, left in corners} == set(range(12))


@pytest.mark.parametrize("name", MIXES)
def test_labels_are_mixed_as_the_images_are(name: str) -> None:
    made = augmentation([name], Task(input_shape=(1, 4, 4), classes=3), [])
    assert made.augment is None
    assert made.mix is not None
    labels = torch.arange(6) % 3
    torch.manual_seed(0)
    partly = 0
    for _ in range(20):  # an image is its label, so the mean of a mixed one is what its labels say
        values, targets = made.mix(labels.float().view(6, 1, 1, 1).expand(6, 1, 4, 4).contiguous(), labels)
        assert targets.shape == (6, 3)
        torch.testing.assert_close(targets.sum(1), torch.ones(6))
        torch.testing.assert_close(values.mean((1, 2, 3)), targets @ torch.arange(3.0))
        partly += int((targets.amax(1) < 1).any())
    assert partly > 10


def test_of_two_mixes_a_batch_gets_one() -> None:
    made = augmentation(["mixup", "cutmix"], Task(input_shape=(1, 16, 16), classes=2), [])
    assert made.mix is not None
    torch.manual_seed(0)
    x, kinds = torch.cat([torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)]), set()
    for _ in range(30):
        values, _ = made.mix(x, torch.tensor([0, 1]))
        kinds.add(len(values[0].unique()) == 2)  # a rectangle, or a uniform grey
    assert kinds == {True, False}


def test_a_list_is_applied_in_its_order() -> None:
    cut, flip = {"use": "cutout", "size": 8}, {"use": "crop_flip", "pad": 8, "flip": False}
    black = Task(input_shape=(1, 16, 16), classes=2, mean=(1.0,), std=(1.0,))
    for order, untouched in (([cut, flip], False), ([flip, cut], True)):
        made = augmentation(order, black, [])
        assert made.augment is not None
        torch.manual_seed(0)
        y = made.augment(torch.full((200, 1, 16, 16), 0.5))
        whole = (y == 1).sum((1, 2, 3)) == 64  # shifted out of the image, only if it was cut before
        assert bool(whole.all()) is untouched


def test_true_is_the_usual_one_and_false_none() -> None:
    assert augmentation(True, COLOUR, ["crop_flip"]).augment == CropAndFlip()
    assert augmentation("crop_flip", COLOUR, []).augment == CropAndFlip()
    for nothing in (False, []):
        assert augmentation(nothing, COLOUR, ["crop_flip"]).augment is None


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (
            ["cutuot"],
            "augment names 'cutuot', which is unknown. Did you mean 'cutout'? Names: crop_fl",
        ),
        ("autoaugment", "augment names 'autoaugment', which is unknown. Did you mean 'auto_augment'?"),
        ([{"use": "cutout", "sice": 3}], "augment: cutout has no argument 'sice'. Did you mean 'size'?"),
        ([{"use": "flip", "p": 1}], "augment: flip has no argument 'p'. Arguments: none"),
        (
            [{"use": "cutout", "size": 16}],
            "augment: cutout: size must be from 1 to 15 pixels",
        ),
        (
            [{"use": "auto_augment", "policy": "c10"}],
            "policy must be one of imagenet, cifar10, svhn,",
        ),
        ([{"use": "rand_augment", "magnitude": 31}], "augment: rand_augment: num_ops must be at least 1"),
        (
            [{"use": "trivial_augment", "num_magnitude_bins": 1}],
            "bins must be at least 2, got 1",
        ),
        ([{"use": "crop", "pad": "4"}], "augment: crop: pad must be a number at least 0, got '4'"),
        (
            [{"use": "resized_crop", "scale": [0.5, 1.5]}],
            "augment: resized_crop: scale must be two numbers above 0 and at most 1, smaller one first",
        ),
        ([{"use": "resized_crop", "ratio": 1}], "augment: resized_crop: ratio must be two numbers above 0,"),
        ([{"use": "mixup", "alpha": 0.0}], "augment: mixup: alpha must be above 0, got 0.0"),
        ([3], "augment must list names, or tables such as { use = 'cutout', size = 16 }, got 3"),
        (3, "augment must be true, false, a name or a list of names, got 3"),
    ],
)
def test_mistakes_are_one_clear_line(augment: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^augment") as caught:
        augmentation(augment, COLOUR, [])  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_digits_take_a_list_and_say_what_is_wrong() -> None:
    splits = registry.create("dataset", "digits", augment=[{"use": "crop", "pad": 1}, "mixup"])
    assert splits.train.mix is not None
    assert splits.val.augment is splits.val.mix is splits.test.augment is None
    assert registry.create("dataset", "digits", augment=True).train.augment == CropAndFlip(1, False)
    with pytest.raises(ParameterError, match=r"augment names 'mix'"):
        registry.create("dataset", "digits", augment=["mix"])


def test_nobody_but_the_network_that_is_trained_sees_mixed_images() -> None:
    splits = registry.create("dataset", "digits", augment=["mixup", "cutmix"])
    plain = registry.create("dataset", "digits")
    chosen = torch.arange(8)
    for ours, theirs in zip(splits.train.batch(chosen), plain.train.batch(chosen), strict=True):
        assert torch.equal(ours, theirs)
