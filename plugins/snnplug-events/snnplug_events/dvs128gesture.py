"""DVS128 Gesture: 11 gestures of 29 people, 23 of them for training and 6 for testing.

A. Amir et al., "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017. The recordings are
those that tonic distributes: 1,077 + 264, cut into one gesture each, with times in whole milliseconds.
They are not the 1,176 + 288 that SpikingJelly cuts from the original files.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval

from snnplug import Splits, check_ranges
from snnplug.nn import Augment
from snnplug_events.framing import By, Framing, Remainder, Resize, splits_of, with_validation
from snnplug_events.recordings import find

__all__ = ["dvs128gesture"]


@check_ranges
def dvs128gesture(
    *,
    root: str | None = None,
    download: bool = False,
    steps: Annotated[int, Ge(1)] = 20,
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
    """Return DVS128 Gesture as frames `[T, P, 128, 128]`.

    Args:
        root: folder that holds `DVSGesture/ibmGestureTrain` and `DVSGesture/ibmGestureTest`; None for
            `SNNPLUG_DATA` or `~/.cache/snnplug`.
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
        sensor=(128, 128),
        steps=steps,
        by=by,
        remainder=remainder,
        polarities=polarities,
        binary=binary,
        size=size,
        resize=resize,
    )
    _, train = find("dvs128gesture", "train", "DVSGesture", root, download, 1_077, train=True)
    _, test = find("dvs128gesture", "test", "DVSGesture", root, download, 264, train=False)
    parts = with_validation("dvs128gesture", train, test, val_fraction, split_seed)
    return splits_of(
        parts, framing, framing.task(11), root=root, cache=cache, augment=augment, usual=["crop"]
    )
