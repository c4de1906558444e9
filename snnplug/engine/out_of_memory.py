"""A batch that does not fit the memory: which one would, found by trying."""

from __future__ import annotations

import gc
import math
import os
import traceback
from collections.abc import Callable

import torch

from snnplug.errors import OutOfMemory

__all__ = ["advice", "is_out_of_memory", "release"]

_GIB = 2**30
_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "could not create a memory object")


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory was short, as torch says it on a GPU or a CPU; a component's error is seen through."""
    while error is not None:
        said = isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)
        if said or isinstance(error, MemoryError):
            return True
        error = error.__cause__
    return False


def release(error: BaseException | None, device: torch.device) -> None:
    """Let go of what the frames of an error hold."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def advice(
    step: Callable[[int], None],
    batch_size: int,
    accumulate: int,
    *,
    world: int,
    device: torch.device,
    key: str,
    saves: bool = False,
) -> OutOfMemory:
    """Return the error of a batch that does not fit, with the numbers of one that does.

    Args:
        step: takes a whole step of the training with so many samples in this process.
        batch_size, accumulate: of the training.
        world: processes that share a batch.
        device: whose memory it is.
        key: of the section, for the message.
        saves: whether the training computes again what it could keep.
    """
    size = _fitting(step, math.ceil(batch_size / world), device) * world
    where = f"a batch of {batch_size} samples does not fit the memory of {_memory(device)}"
    if not size:
        return OutOfMemory(
            f"{where}, and no smaller one was found to: take a smaller network, fewer time steps, "
            f"{'' if saves else f'{key}.memory=auto, '}or {key}.precision=bf16-mixed, in a new run directory"
        )
    batches = math.ceil(batch_size * accumulate / size)
    steps = f"the same steps of {batch_size * accumulate} samples"
    if size * batches != batch_size * accumulate:
        steps = f"steps of {size * batches} samples in place of {batch_size * accumulate}"
    return OutOfMemory(
        f"{where}; one of {size} does, as was tried. {key}.batch_size={size} with {key}.accumulate={batches} "
        f"takes {steps}, batch norm with statistics of {size}; give both in a new run directory"
        f"{'' if saves else f', or {key}.memory=auto, which takes less memory for the same bits'}"
    )


def _fitting(step: Callable[[int], None], size: int, device: torch.device) -> int:
    """Return the largest of half a size, a quarter and so on that fits, 0 if none does."""
    while size := size // 2:
        try:
            step(size)
            return size
        except Exception as error:
            if not is_out_of_memory(error):  # such as a batch norm that has one sample
                return 0
            release(error, device)
    return 0


def _memory(device: torch.device) -> str:
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        return f"{found.name} ({found.total_memory / _GIB:.1f} GiB)"
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return "this machine"
    return f"this machine ({os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / _GIB:.1f} GiB)"
