"""Spiking Heidelberg Digits: spoken digits as the spikes of 700 channels of a model of the inner ear.

B. Cramer, Y. Stradmann, J. Schemmel, F. Zenke, "The Heidelberg Spiking Data Sets for the Systematic
Evaluation of Spiking Neural Networks", IEEE TNNLS 33(7) 2022, arXiv:1910.07407. The official parts have 8,156
and 2,264 recordings; two of the twelve speakers are heard in the test set alone. Time steps divide the same
1.4 s for all, so that a step is as long in each; the longest recording takes 1.37 s.
"""

from __future__ import annotations

from typing import Annotated, Any

import attrs
from annotated_types import Ge, Interval

from snnplug import Splits, check_ranges
from snnplug.nn import Augment
from snnplug.nn.events import EVENT_AUGMENTATIONS
from snnplug_events.framing import Framing, splits_of, with_validation
from snnplug_events.recordings import find

__all__ = ["shd"]

_CHANNELS = 700
_WINDOW = (0, 1_400_000)  # microseconds
_IN_TIME = ("drop_time", "drop_events")  # what needs no rows and columns
_AUGMENTATIONS = attrs.evolve(
    EVENT_AUGMENTATIONS,
    changes={name: EVENT_AUGMENTATIONS.changes[name] for name in _IN_TIME},
    mixes={"mixup": EVENT_AUGMENTATIONS.mixes["mixup"]},
    example="{ use = 'drop_time', ratio = 0.2 }",
)


@check_ranges
def shd(
    *,
    root: str | None = None,
    download: bool = False,
    steps: Annotated[int, Ge(1)] = 100,
    binary: bool = False,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    split_seed: int = 0,
    cache: str | None = None,
    augment: Augment = False,
) -> Splits:
    """Return the spoken digits as frames `[T, 700]`, 20 classes.

    Args:
        root: folder that holds `SHD/shd_train.h5` and `SHD/shd_test.h5`; None for `SNNPLUG_DATA` or
            `~/.cache/snnplug`.
        download: fetch it if it is not there.
        steps: number of equal intervals of 1.4 s.
        binary: 1 where there is a spike, in place of their number.
        val_fraction: share of each class of the official training set for validation; 0 for none.
        split_seed: seed of that choice.
        cache: folder of the frames; None for `frames` in the root.
        augment: true to leave out single spikes of training recordings; or a list of drop_time, drop_events,
            mixup.

    Raises:
        DataError: tonic is not installed, or files are missing or broken.
        StorageError: the disk is full.
        ValueError: a parameter is out of range, or an augmentation unknown.
    """
    framing = Framing(
        sensor=(1, _CHANNELS), steps=steps, by="time", polarities=1, binary=binary, window=_WINDOW
    )
    found, train = find("shd", "train", "SHD", root, download, 8_156, train=True)
    _, test = find("shd", "test", "SHD", root, download, 2_264, train=False)
    train = attrs.evolve(train, class_names=tuple(_text(name) for name in found.classes))
    parts = with_validation("shd", train, test, val_fraction, split_seed)
    return splits_of(
        parts,
        framing,
        attrs.evolve(framing.task(len(train.class_names)), input_shape=(_CHANNELS,)),
        root=root,
        cache=cache,
        augment=augment,
        usual=["drop_events"],
        augmentations=_AUGMENTATIONS,
    )


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
