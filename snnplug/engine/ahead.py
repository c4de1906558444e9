"""Batches that other processes read while this one computes.

What the samples of a batch draw then depends on the seed and the number of the batch alone, so that any
number of processes gives the same batches, in this process too where there are too few to pay for others.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence

import attrs
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from snnplug.nn.seeding import seeded_on_the_host
from snnplug.seeds import derive_seed

__all__ = ["Read", "read_ahead"]

Read = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Indices of the samples of a batch to its values `[B, *]` and labels `[B]`."""

_PAYS = 4  # batches for which other processes are started


@attrs.frozen
class _Batches(Dataset[tuple[Tensor, Tensor]]):
    """Batches by number; picklable for loader processes."""

    read: Read
    parts: Sequence[Tensor]
    seed: int
    first: int

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        with seeded_on_the_host(derive_seed(self.seed, "batch", self.first + number)):
            return self.read(self.parts[number])


def read_ahead(
    read: Read, parts: Sequence[Tensor], *, seed: int, workers: int, first: int = 0, pin: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches in their order.

    Args:
        read: reads a batch, in the process that it is called in.
        parts: indices of the samples of each.
        seed: of what the samples draw.
        workers: processes that read, at least 1.
        first: number of the first of these batches in its epoch.
        pin: into memory that a GPU can copy from while it computes.
    """
    batches = _Batches(read, parts, seed, first)
    if len(parts) < _PAYS or multiprocessing.current_process().daemon:  # which may have no processes
        for number in range(len(parts)):
            yield batches[number]
        return
    yield from DataLoader(
        batches, batch_size=None, num_workers=workers, pin_memory=pin, generator=Generator()
    )
