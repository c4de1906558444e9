"""Recordings as splits of frames in a cache: what all data sets of events have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
from annotated_types import Ge
from torch import Tensor

from snnplug import Splits, Task, check_ranges
from snnplug.nn import Augment, Augmentation, Augmentations, FrameSplit, data_root
from snnplug.nn.events import EVENT_AUGMENTATIONS, Events, cached_frames, resize, to_frames
from snnplug_events.division import share_of_each_class
from snnplug_events.recordings import Recordings

__all__ = ["By", "Framing", "Remainder", "Resize", "splits_of", "with_validation"]

By = Literal["time", "count"]
Remainder = Literal["spread", "last", "drop"]
Resize = Literal["sum", "bilinear"]


@check_ranges
@attrs.frozen(kw_only=True)
class Framing:
    """How events become frames.

    Attributes:
        sensor: rows and columns of the sensor.
        steps: number of frames T.
        by, remainder: see `snnplug.nn.events.to_frames`.
        polarities: 2 for OFF and ON, 1 for both in one.
        binary: 1 where there is an event.
        size: rows and columns of frames, a square; None for those of the sensor.
        resize: see `snnplug.nn.events.resize`.
        window: first and last time in microseconds; None for those of each recording.
    """

    sensor: tuple[int, int]
    steps: Annotated[int, Ge(1)]
    by: By = "count"
    remainder: Remainder = "spread"
    polarities: Literal[1, 2] = 2
    binary: bool = False
    size: Annotated[int, Ge(1)] | None = None
    resize: Resize = "sum"
    window: tuple[int, int] | None = None

    def __attrs_post_init__(self) -> None:
        if self.binary and self.size and self.resize == "bilinear":
            raise ValueError('binary = true needs resize = "sum": means of pixels are not 0 or 1')

    def task(self, classes: int) -> Task:
        """Return the facts of a data set of such frames `[T, P, H, W]`."""
        rows, columns = (self.size, self.size) if self.size else self.sensor
        real = self.size is not None and self.resize == "bilinear"
        return Task(
            input_shape=(self.polarities, rows, columns),
            classes=classes,
            steps=self.steps,
            events=True,
            values="scaled" if real else "binary" if self.binary else "counts",
        )

    def frames(self, events: Events) -> Tensor:
        """Return the frames of one recording."""
        frames = to_frames(
            events,
            size=self.sensor,
            steps=self.steps,
            by=self.by,
            polarities=self.polarities,
            remainder=self.remainder,
            window=self.window,
        )
        if self.size:
            frames = resize(frames, (self.size, self.size), self.resize)
        return frames.clamp_(max=1) if self.binary else frames


def with_validation(
    name: str, train: Recordings, test: Recordings, val_fraction: float, split_seed: int
) -> dict[str, Recordings]:
    """Return the parts of a data set, some recordings of each training class held out for validation.

    Args:
        name: of the data set.
        train, test: its recordings.
        val_fraction: share of each class of the training set; 0 for none.
        split_seed: of the choice.
    """
    val, rest = share_of_each_class(train.labels, val_fraction, split_seed)
    parts = {"train": train.chosen(rest, f"{name}-train"), "val": train.chosen(val, f"{name}-val")}
    return {**parts, "test": test}


def splits_of(
    parts: Mapping[str, Recordings],
    framing: Framing,
    task: Task,
    *,
    root: str | None,
    cache: str | None,
    augment: Augment,
    usual: list[str | dict[str, Any]],
    augmentations: Augmentations = EVENT_AUGMENTATIONS,
) -> Splits:
    """Return splits of frames, built where the cache has none.

    Args:
        parts: recordings of "train", and of "val" and "test" where there are any.
        framing: how they become frames.
        task: facts of the data set; its input shape is that of a frame, or flattened.
        root: folder of stored data sets, or None.
        cache: folder of the frames; None for `frames` in the root.
        augment: of training batches, as the user gives it.
        usual: what True stands for.
        augmentations: what it may name.

    Raises:
        DataError: a recording is broken.
        StorageError: the disk is full.
        ValueError: an augmentation is unknown.
    """
    made = augmentations.read(augment, task, usual)
    folder = Path(cache) if cache else data_root(root) / "frames"

    def split(part: str) -> FrameSplit | None:
        recordings = parts.get(part)
        if not recordings:
            return None
        key = {**attrs.asdict(framing), "source": recordings.identity, "places": recordings.places.tolist()}
        frames = cached_frames(
            folder,
            recordings.name,
            key,
            len(recordings),
            lambda index: framing.frames(recordings.events(index)),
        )
        used = made if part == "train" else Augmentation()
        return FrameSplit(
            frames.view(len(frames), task.steps or 0, *task.input_shape),
            recordings.labels,
            used.augment,
            used.mix,
        )

    return Splits(
        task=task,
        train=split("train"),
        val=split("val"),
        test=split("test"),
        class_names=parts["train"].class_names,
    )
