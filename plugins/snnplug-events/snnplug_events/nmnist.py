"""N-MNIST: the 60,000 + 10,000 digits of MNIST before a moving sensor of 34 x 34 pixels.

G. Orchard, A. Jayawant, G. Cohen, N. Thakor, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades", Frontiers in Neuroscience 9:437, 2015. A recording is of three saccades in about 300
ms; its order in time tells nothing about the digit.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval

from snnplug import Splits, check_ranges
from snnplug.nn import Augment
from snnplug_events.framing import By, Framing, Remainder, Resize, splits_of, with_validation
from snnplug_events.recordings import find

__all__ = ["nmnist"]


@check_ranges
def nmnist(
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
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    split_seed: int = 0,
    cache: str | None = None,
    augment: Augment = False,
) -> Splits:
    """Return N-MNIST as frames `[T, P, 34, 34]`.

    Args:
        root: folder that holds `NMNIST/Train` and `NMNIST/Test`; None for `SNNPLUG_DATA` or
            `~/.cache/snnplug`.
        download: fetch it if it is not there.
        steps: number of frames T.
        by: "count" for equal numbers of events, "time" for equal intervals.
        remainder: what becomes of the rest where the steps do not divide; see `snnplug.nn.events.to_frames`.
        polarities: 2 for OFF and ON, 1 for both in one channel.
        binary: 1 where there is an event, in place of their number.
        size: rows and columns of frames; None for those of the sensor.
        resize: "sum" keeps counts whole, "bilinear" interpolates.
        val_fraction: share of each class of the official training set for validation; 0 for none.
        split_seed: seed of that choice.
        cache: folder of the frames; None for `frames` in the root.
        augment: true to crop training frames at random after padding by 4; or a list of names of
            `snnplug.nn.events.EVENT_AUGMENTATIONS`.

    Raises:
        DataError: tonic is not installed, or files are missing or broken.
        StorageError: the disk is full.
        ValueError: a parameter is out of range, or an augmentation unknown.
    """
    framing = Framing(
        sensor=(34, 34),
        steps=steps,
        by=by,
        remainder=remainder,
        polarities=polarities,
        binary=binary,
        size=size,
        resize=resize,
    )
    _, train = find("nmnist", "train", "NMNIST", root, download, 60_000, train=True)
    _, test = find("nmnist", "test", "NMNIST", root, download, 10_000, train=False)
    parts = with_validation("nmnist", train, test, val_fraction, split_seed)
    return splits_of(
        parts, framing, framing.task(10), root=root, cache=cache, augment=augment, usual=["crop"]
    )
