"""Augmentations of frames `[B, T, C, H, W]` by name, in the order given.

| name | what it does | counts stay whole | source |
|---|---|---|---|
| crop_flip, crop, flip | random shift over 0, random mirror | yes | He et al., CVPR 2016 |
| roll | random shift that comes in again at the other side | yes | Deng et al., ICLR 2022, arXiv:2202.11946 |
| event_drop | one of nothing and the next three | yes | Gu et al., IJCAI 2021 |
| drop_time, drop_area, drop_events | an interval, a box, single events left out | yes | the same |
| event_mix | another sample's events in a random region | yes | Shen et al. 2023, arXiv:2205.12054 |
| cutmix | another sample's events in a box | yes | Yun et al., ICCV 2019, arXiv:1905.04899 |
| mixup | sums of two samples | no | Zhang et al., ICLR 2018, arXiv:1710.09412 |

All time steps of a sample move alike. Each sample draws by itself, from torch's global generator on the CPU.
"""

from __future__ import annotations

import math
from typing import Any, get_args

import attrs
import torch
from torch import Tensor

from snnplug.contracts import Task
from snnplug.nn.augmentation import Augmentations
from snnplug.nn.crop_and_flip import CropAndFlip
from snnplug.nn.events.drop import DropArea, DropEvents, DropTime, EventDrop
from snnplug.nn.events.mix import CutMix, EventMix, Labels, MixUp

__all__ = ["EVENT_AUGMENTATIONS", "Roll"]


@attrs.frozen
class Roll:
    """Shifts each sample by up to `pixels` in both directions; what leaves comes in at the other side.

    Attributes:
        pixels: greatest shift.
    """

    pixels: int = 5

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, *, H, W]` to the same shape."""
        B, H, W = values.shape[0], *values.shape[-2:]
        offsets = torch.randint(-self.pixels, self.pixels + 1, (2, B, 1))
        rows, columns = ((torch.arange(size) + by) % size for size, by in zip((H, W), offsets, strict=True))
        batch = torch.arange(B).view(B, 1, 1)
        moved = values.reshape(B, -1, H, W)[batch, :, rows.unsqueeze(2), columns.unsqueeze(1)]
        return moved.permute(0, 3, 1, 2).reshape(values.shape)


def _crop_flip(task: Task, *, pad: int = 4, flip: bool = True) -> CropAndFlip:
    return CropAndFlip(_pixels("pad", pad), flip)


def _crop(task: Task, *, pad: int = 4) -> CropAndFlip:
    return CropAndFlip(_pixels("pad", pad), False)


def _flip(task: Task) -> CropAndFlip:
    return CropAndFlip(0)


def _roll(task: Task, *, pixels: int = 5) -> Roll:
    return Roll(_pixels("pixels", pixels))


def _event_drop(task: Task) -> EventDrop:
    return EventDrop(counts=task.values != "scaled")


def _drop_time(task: Task, *, ratio: float | None = None) -> DropTime:
    return DropTime() if ratio is None else DropTime((_ratio(ratio),))


def _drop_area(task: Task, *, ratio: float | None = None) -> DropArea:
    return DropArea() if ratio is None else DropArea((_ratio(ratio),))


def _drop_events(task: Task, *, ratio: float | None = None) -> DropEvents:
    counts = task.values != "scaled"
    return DropEvents(counts=counts) if ratio is None else DropEvents((_ratio(ratio),), counts)


def _event_mix(task: Task, *, alpha: float = 1.0, labels: str = "count", prob: float = 1.0) -> EventMix:
    return EventMix(task.classes, *_mixing(alpha, labels, prob))


def _cutmix(task: Task, *, alpha: float = 1.0, labels: str = "volume", prob: float = 1.0) -> CutMix:
    return CutMix(task.classes, *_mixing(alpha, labels, prob))


def _mixup(task: Task, *, alpha: float = 1.0, prob: float = 1.0) -> MixUp:
    alpha, _, prob = _mixing(alpha, "count", prob)
    return MixUp(task.classes, alpha, prob)


def _mixing(alpha: float, labels: str, prob: float) -> tuple[float, Any, float]:
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be a number above 0, got {alpha}")
    if labels not in get_args(Labels):
        raise ValueError(f"labels must be one of {', '.join(get_args(Labels))}, got {labels!r}")
    if not 0 <= prob <= 1:
        raise ValueError(f"prob must be from 0 to 1, got {prob}")
    return float(alpha), labels, float(prob)


def _pixels(name: str, number: int) -> int:
    if number < 0:
        raise ValueError(f"{name} must be at least 0 pixels, got {number}")
    return number


def _ratio(ratio: float) -> float:
    if not 0 < ratio < 1:
        raise ValueError(f"ratio must be above 0 and below 1, got {ratio}")
    return ratio


EVENT_AUGMENTATIONS = Augmentations(
    changes={
        "crop_flip": _crop_flip,
        "crop": _crop,
        "flip": _flip,
        "roll": _roll,
        "event_drop": _event_drop,
        "drop_time": _drop_time,
        "drop_area": _drop_area,
        "drop_events": _drop_events,
    },
    mixes={"event_mix": _event_mix, "cutmix": _cutmix, "mixup": _mixup},
    example="{ use = 'roll', pixels = 5 }",
)
"""What `augment` of a data set of events may name."""
