"""CIFAR10-DVS: 1,000 images of each class of CIFAR-10, moved before a sensor of 128 x 128 pixels.

H. Li, H. Liu, X. Ji, G. Li, L. Shi, "CIFAR10-DVS: An Event-Stream Dataset for Object Classification",
Frontiers in Neuroscience 11:309, 2017. It has no official division. Two are in use:

| split | test set | who |
|---|---|---|
| first_100 | the first 100 of each class, by the number in the file's name | TEBN, PSN |
| seeded | 100 of each class, drawn by `split_seed` | IMP at 128 x 128, each work with a seed of its own |

Accuracies under the one cannot be compared with those under the other. Sources: TEBN, Duan et al., NeurIPS
2022; PSN, Fang et al., NeurIPS 2023, arXiv:2304.12760.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval

from snnplug import Splits, check_ranges
from snnplug.nn import Augment
from snnplug_events.division import first_of_each_class, share_of_each_class
from snnplug_events.framing import By, Framing, Remainder, Resize, splits_of, with_validation
from snnplug_events.recordings import find

__all__ = ["cifar10dvs"]

_TEST = 100  # of the 1,000 recordings of a class


@check_ranges
def cifar10dvs(
    *,
    root: str | None = None,
    download: bool = False,
    steps: Annotated[int, Ge(1)] = 10,
    by: By = "count",
    remainder: Remainder = "spread",
    polarities: Literal[1, 2] = 2,
    binary: bool = False,
    size: Annotated[int, Ge(1)] | None = None,
    resize: Resize = "sum",
    split: Literal["first_100", "seeded"] = "first_100",
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    split_seed: int = 0,
    cache: str | None = None,
    augment: Augment = True,
) -> Splits:
    """Return CIFAR10-DVS as frames `[T, P, 128, 128]`.

    Args:
        root: folder that holds `CIFAR10DVS`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        steps: number of frames T.
        by: "count" for equal numbers of events, "time" for equal intervals.
        remainder: what becomes of the rest where the steps do not divide; see `snnplug.nn.events.to_frames`.
        polarities: 2 for OFF and ON, 1 for both in one channel.
        binary: 1 where there is an event, in place of their number.
        size: rows and columns of frames; None for those of the sensor.
        resize: "sum" keeps counts whole, "bilinear" interpolates.
        split: which of the two divisions in use.
        val_fraction: share of each class of the training set for validation; 0 for none, as published.
        split_seed: seed of the choices.
        cache: folder of the frames; None for `frames` in the root.
        augment: true to crop training frames at random after padding by 4, and mirror every second one; or a
            list of names of `snnplug.nn.events.EVENT_AUGMENTATIONS`.

    Raises:
        DataError: tonic is not installed, or files are missing or broken.
        StorageError: the disk is full.
        ValueError: a parameter is out of range, or an augmentation unknown.
    """
    framing = Framing(
        sensor=(128, 128),
        steps=steps,
        by=by,
        remainder=remainder,
        polarities=polarities,
        binary=binary,
        size=size,
        resize=resize,
    )
    _, all_ = find("cifar10dvs", "", "CIFAR10DVS", root, download, 10_000)
    if split == "first_100":
        test, train = first_of_each_class(all_.labels, _TEST)
    else:
        test, train = share_of_each_class(all_.labels, _TEST / 1000, split_seed)
    parts = with_validation(
        "cifar10dvs",
        all_.chosen(train, "cifar10dvs"),
        all_.chosen(test, "cifar10dvs-test"),
        val_fraction,
        split_seed,
    )
    task = framing.task(10)
    return splits_of(parts, framing, task, root=root, cache=cache, augment=augment, usual=["crop_flip"])
