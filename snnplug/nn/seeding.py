"""Randomness that depends on a seed alone and leaves the global generators as they were.

These are the generators of torch, of numpy's `numpy.random` and of Python's `random`: data sets
augment with any of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch.utils.data import Dataset

from snnplug.seeds import derive_seed

__all__ = ["SeededSamples", "seeded", "seeded_on_the_host"]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block with the global generators seeded, then put them back."""
    if not torch.cuda.is_available():
        with seeded_on_the_host(seed):
            yield
        return
    with torch.random.fork_rng(devices=list(range(torch.cuda.device_count()))):
        torch.manual_seed(seed)
        with seeded_on_the_host(seed):
            yield


class SeededSamples(Dataset[Any]):
    """A split that draws the samples of each batch with a seed of the batch's own.

    What they draw then depends on neither the batches before nor the process that reads them, and a
    `DataLoader` gives the same batches with any number of workers. Generators on a GPU are left alone.

    Args:
        split: any map-style data set.
        seed: another one gives other draws, say in the next epoch.
    """

    def __init__(self, split: Any, seed: int) -> None:
        self.split, self.seed = split, seed

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the samples of a batch, as a `DataLoader` asks for them."""
        whole = getattr(self.split, "__getitems__", None)
        with seeded_on_the_host(derive_seed(self.seed, *map(int, indices))):
            return [self.split[i] for i in indices] if whole is None else whole(indices)


@contextmanager
def seeded_on_the_host(seed: int) -> Iterator[None]:
    """Do what `seeded` does, but for the CPU alone, which is many times faster."""
    numpy = _numpy_random()
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = {} if numpy is None else numpy.get_state(legacy=False)
    try:
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        if numpy is not None and numpy_state.get("bit_generator") == "MT19937":  # no other takes a seed
            numpy.seed([seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, 1])  # without the 1, as Python's
        yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        if numpy is not None:
            numpy.set_state(numpy_state)


@cache
def _numpy_random() -> ModuleType | None:
    """Return `numpy.random`; imported here, or code in a block might be the first to do it.

    torch does without numpy where there is none.
    """
    try:
        import numpy.random
    except ImportError:
        return None
    return numpy.random
