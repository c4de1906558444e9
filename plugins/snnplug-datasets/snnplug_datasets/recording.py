"""Images in motion, recorded by a simulated event camera and collected into frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import attrs
import torch
from annotated_types import Ge
from torch import Tensor

from snnplug import Splits, Task, check_ranges, derive_seed
from snnplug.nn import FrameSplit, shuffle_time
from snnplug.nn.events import to_frames
from snnplug_datasets.motion import Motion
from snnplug_datasets.pictures import grey_pictures
from snnplug_datasets.sensor import Sensor

__all__ = ["Recording"]


@check_ranges
@attrs.frozen(kw_only=True)
class Recording:
    """How images are recorded.

    Attributes:
        sensor: makes the sensor of a size (rows, columns).
        size: rows and columns of a square sensor; None for those of the image and as far as it goes.
        steps, by, polarities: of the frames; see `snnplug.nn.events.to_frames`.
        shuffled: whether the frames of each sample are put into an order of their own.
        seed: of noise and shuffling.

    Raises:
        ValueError: `steps` or `size` is less than 1, or `by` or `polarities` is none of the possible.
    """

    sensor: Callable[..., Sensor]
    size: Annotated[int, Ge(1)] | None
    steps: Annotated[int, Ge(1)]
    by: Literal["time", "count"]
    polarities: Literal[1, 2]
    shuffled: bool
    seed: int

    def of(self, pictures: Splits, motions: Sequence[Motion], names: Sequence[str] = ("",)) -> Splits:
        """Return the frames of every image in every motion.

        Args:
            pictures: images of K classes.
            motions: with more than one, M, the classes are the K M pairs of an image's class and a motion,
                class k M + m.
            names: of the motions, for the names of classes.
        """
        reach = max(motion.reach for motion in motions)
        rows, columns = pictures.task.input_shape[1:]
        sensor = self.sensor(size=(self.size or rows + 2 * reach, self.size or columns + 2 * reach))

        def part(name: str) -> FrameSplit | None:
            split = getattr(pictures, name)
            return None if split is None else self._part(sensor, split, motions, name)

        return Splits(
            task=Task(
                input_shape=(self.polarities, *sensor.size),
                classes=pictures.task.classes * len(motions),
                steps=self.steps,
                events=True,
                values="counts",
            ),
            train=part("train"),
            val=part("val"),
            test=part("test"),
            class_names=tuple(f"{label} {name}".strip() for label in pictures.class_names for name in names),
        )

    def _part(self, sensor: Sensor, split: Any, motions: Sequence[Motion], name: str) -> FrameSplit:
        images, labels = grey_pictures(split)
        frames, classes = [], []
        for m, motion in enumerate(motions):
            events = sensor.record(images, motion, derive_seed(self.seed, name, m))
            window = (0, motion.duration)
            frames.append(
                torch.stack(
                    [
                        to_frames(
                            sample,
                            size=sensor.size,
                            steps=self.steps,
                            by=self.by,
                            polarities=self.polarities,
                            window=window,
                        )
                        for sample in events
                    ]
                )
            )
            classes.append(labels * len(motions) + m)
        counts, targets = _interleaved(frames), _interleaved(classes)
        if self.shuffled:
            counts = shuffle_time(counts, derive_seed(self.seed, name, "shuffled"))
        return FrameSplit(counts, targets)


def _interleaved(parts: Sequence[Tensor]) -> Tensor:
    """Return the recordings of the first image, of the second and so on."""
    return torch.stack(list(parts), 1).flatten(0, 1)
