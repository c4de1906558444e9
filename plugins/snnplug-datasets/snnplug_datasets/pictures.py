"""The images of a data set as an event camera sees them: grey ones, in one tensor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snnplug import Component, Splits
from snnplug.errors import ContractError
from snnplug.nn import seeded

__all__ = ["grey_pictures", "pictures_of"]

_BATCH = 1000
_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


def pictures_of(base: Component) -> Splits:
    """Return the data set that a component builds.

    Raises:
        ContractError: it has no images.
    """
    splits: Splits = base.build()
    task = splits.task
    if task.events or len(task.input_shape) != 3 or task.input_shape[0] not in (1, 3):
        what = "events" if task.events else f"samples of shape {list(task.input_shape)}"
        raise ContractError(
            f"base must be a data set of grey or colour images, which {base.name} is not: it has {what}"
        )
    return splits


def grey_pictures(split: Any) -> tuple[Tensor, Tensor]:
    """Return the images `[N, H, W]` in [0, 1] and their labels `[N]`, each as the split hands it out once."""
    with seeded(0):
        if hasattr(split, "batch"):
            pieces = [split.batch(indices) for indices in torch.arange(len(split)).split(_BATCH)]
            images, labels = (torch.cat(column) for column in zip(*pieces, strict=True))
        else:
            samples = [split[i] for i in range(len(split))]
            images = torch.stack([image for image, _ in samples])
            labels = torch.tensor([int(label) for _, label in samples])
    if images.shape[1] == 1:
        return images[:, 0], labels
    red, green, blue = images.unbind(1)
    return red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2], labels
