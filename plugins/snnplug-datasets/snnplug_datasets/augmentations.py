"""Augmentations by name, in the order given: those of torchvision, and the fast crop and flip.

| name | what it does | source |
|---|---|---|
| crop_flip, crop, flip | random shift over black, random mirror | He et al., CVPR 2016, arXiv:1512.03385 |
| resized_crop | a random part, scaled to the whole size | Szegedy et al., CVPR 2015, arXiv:1409.4842 |
| cutout | covers a square with the mean colour | DeVries & Taylor, 2017, arXiv:1708.04552 |
| auto_augment | a policy that was searched for | Cubuk et al., CVPR 2019, arXiv:1805.09501 |
| rand_augment | some random operations of one strength | Cubuk et al., 2020, arXiv:1909.13719 |
| trivial_augment | one random operation of random strength | Mueller & Hutter, ICCV 2021, arXiv:2103.10158 |
| mixup | sums of two images, and of their labels | Zhang et al., ICLR 2018, arXiv:1710.09412 |
| cutmix | a rectangle of another image, its share of the label | Yun et al., ICCV 2019, arXiv:1905.04899 |

What differs: the square of cutout lies inside the image, where the published one may stick out. Each
image draws by itself; mixup and cutmix draw once a batch, and of both a batch gets one. All draw from
torch's global generator on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import attrs
import torch
from annotated_types import Ge, Gt
from torch import Tensor

from snnplug import Task, check_ranges
from snnplug.nn import Augment, Augmentation, Augmentations, CropAndFlip, Mix
from snnplug_datasets.random_crop import random_resized_crop

__all__ = ["NAMES", "UNCHANGED", "augmentation"]

UNCHANGED = Augmentation()
"""Nothing happens to a batch."""


@attrs.frozen
class _Each:
    """Lets every image of a batch draw by itself."""

    transform: Callable[[Tensor], Tensor]

    def __call__(self, values: Tensor) -> Tensor:
        return torch.stack([self.transform(value) for value in values])


@check_ranges
def _crop_flip(task: Task, *, pad: Annotated[int, Ge(0)] = 4, flip: bool = True) -> CropAndFlip:
    return CropAndFlip(pad, flip)


@check_ranges
def _crop(task: Task, *, pad: Annotated[int, Ge(0)] = 4) -> CropAndFlip:
    return _crop_flip(task, pad=pad, flip=False)


def _flip(task: Task) -> CropAndFlip:
    return CropAndFlip(0)


def _resized_crop(
    task: Task, *, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (0.75, 4 / 3)
) -> _Each:
    return _Each(random_resized_crop(task.input_shape[1:], scale, ratio))


def _cutout(task: Task, *, size: int = 16) -> _Each:
    from torchvision.transforms.v2 import RandomErasing

    _, H, W = task.input_shape
    if not 1 <= size < min(H, W):
        raise ValueError(f"size must be from 1 to {min(H, W) - 1} pixels for images of {H} x {W}, got {size}")
    share = size * size / (H * W)
    return _Each(RandomErasing(p=1.0, scale=(share, share), ratio=(1.0, 1.0), value=list(task.mean) or 0.0))


def _auto_augment(task: Task, *, policy: str = "cifar10", interpolation: str = "nearest") -> _Each:
    from torchvision.transforms.v2 import AutoAugment, AutoAugmentPolicy

    policies = [one.value for one in AutoAugmentPolicy]
    if policy not in policies:
        raise ValueError(f"policy must be one of {', '.join(policies)}, got {policy!r}")
    return _Each(AutoAugment(AutoAugmentPolicy(policy), interpolation=interpolation))


def _rand_augment(task: Task, *, num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31) -> _Each:
    from torchvision.transforms.v2 import RandAugment

    if num_ops < 1 or not 0 <= magnitude < num_magnitude_bins:
        raise ValueError(
            "num_ops must be at least 1 and magnitude from 0 to num_magnitude_bins - 1, "
            f"got {num_ops}, {magnitude} and {num_magnitude_bins} bins"
        )
    return _Each(RandAugment(num_ops, magnitude, num_magnitude_bins))


@check_ranges
def _trivial_augment(task: Task, *, num_magnitude_bins: Annotated[int, Ge(2)] = 31) -> _Each:
    from torchvision.transforms.v2 import TrivialAugmentWide

    return _Each(TrivialAugmentWide(num_magnitude_bins))


@check_ranges
def _mixup(task: Task, *, alpha: Annotated[float, Gt(0)] = 1.0) -> Mix:
    from torchvision.transforms.v2 import MixUp

    return MixUp(alpha=float(alpha), num_classes=task.classes)  # type: ignore[no-any-return]


@check_ranges
def _cutmix(task: Task, *, alpha: Annotated[float, Gt(0)] = 1.0) -> Mix:
    from torchvision.transforms.v2 import CutMix

    return CutMix(alpha=float(alpha), num_classes=task.classes)  # type: ignore[no-any-return]


_AUGMENTATIONS = Augmentations(
    changes={
        "crop_flip": _crop_flip,
        "crop": _crop,
        "flip": _flip,
        "resized_crop": _resized_crop,
        "cutout": _cutout,
        "auto_augment": _auto_augment,
        "rand_augment": _rand_augment,
        "trivial_augment": _trivial_augment,
    },
    mixes={"mixup": _mixup, "cutmix": _cutmix},
    example="{ use = 'cutout', size = 16 }",
)
NAMES = _AUGMENTATIONS.names
"""What `augment` may name."""


def augmentation(augment: Augment, task: Task, usual: list[str | dict[str, Any]]) -> Augmentation:
    """Return what a parameter `augment` asks for; see `snnplug.nn.Augmentations.read`."""
    return _AUGMENTATIONS.read(augment, task, usual)
