"""N-Caltech101: the 8,709 images of Caltech101 before a moving sensor, in 101 classes.

G. Orchard, A. Jayawant, G. Cohen, N. Thakor, "Converting Static Image Datasets to Spiking Neuromorphic
Datasets Using Saccades", Frontiers in Neuroscience 9:437, 2015. It has no official division: a tenth of each
class, drawn by a seed, is for testing. Recordings are of different sizes; each one's lowest row and column
become 0, as tonic has it, on frames of 180 x 240. Classes are numbered by the alphabetical order of their
names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval

from snnplug import Splits, check_ranges
from snnplug.nn import Augment
from snnplug_events.division import share_of_each_class
from snnplug_events.framing import By, Framing, Remainder, Resize, splits_of, with_validation
from snnplug_events.recordings import find

__all__ = ["ncaltech101"]


@check_ranges
def ncaltech101(
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
    test_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    split_seed: int = 0,
    cache: str | None = None,
    augment: Augment = True,
) -> Splits:
    """Return N-Caltech101 as frames `[T, P, 180, 240]`, or of a square `size`.

    Args:
        root: folder that holds `NCALTECH101/Caltech101`; None for `SNNPLUG_DATA` or `~/.cache/snnplug`.
        download: fetch it if it is not there.
        steps: number of frames T.
        by: "count" for equal numbers of events, "time" for equal intervals.
        remainder: what becomes of the rest where the steps do not divide; see `snnplug.nn.events.to_frames`.
        polarities: 2 for OFF and ON, 1 for both in one channel.
        binary: 1 where there is an event, in place of their number.
        size: rows and columns of frames; None for those of the sensor.
        resize: "sum" keeps counts whole, "bilinear" interpolates.
        test_fraction: share of each class for testing.
        val_fraction: share of the rest of each class for validation; 0 for none.
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
        sensor=(180, 240),
        steps=steps,
        by=by,
        remainder=remainder,
        polarities=polarities,
        binary=binary,
        size=size,
        resize=resize,
    )
    _, all_ = find("ncaltech101", "", "NCALTECH101", root, download, 8_709)
    test, train = share_of_each_class(all_.labels, test_fraction, split_seed)
    parts = with_validation(
        "ncaltech101",
        all_.chosen(train, "ncaltech101"),
        all_.chosen(test, "ncaltech101-test"),
        val_fraction,
        split_seed,
    )
    task = framing.task(len(all_.class_names))
    return splits_of(parts, framing, task, root=root, cache=cache, augment=augment, usual=["crop_flip"])
