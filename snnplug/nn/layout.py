"""Where the neurons of a current `[T, B, *]` lie in memory, and the blocks they are taken in.

A start `[*]`, which all samples share, is not written out for each of them, and neither is its
gradient: each block adds its part while that is in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["GRAIN", "Layout", "Start", "add_samples"]

_BLOCK_BYTES = 1 << 21  # for each thread, of the rows that a block keeps
_LEAST, _MOST = 1 << 15, 1 << 16  # neurons in a block for each thread: calls cost more below
GRAIN = 1 << 15  # neurons for which torch takes a second thread


class Layout:
    """Currents as `[T, N]` in the order in which they lie in memory, and back."""

    def __init__(self, x: Tensor) -> None:
        self.steps, self.shape, self.itemsize = x.shape[0], x.shape, x.element_size()
        step = x[0]
        self.turned = (
            x.ndim == 5 and not step.is_contiguous() and step.is_contiguous(memory_format=torch.channels_last)
        )

    def flat(self, values: Tensor) -> Tensor:
        """Return `[T, B, *]` as `[T, N]`, without a copy where the memory format is that of `x`."""
        return (values.permute(0, 1, 3, 4, 2) if self.turned else values).reshape(len(values), -1)

    def flat_sample(self, values: Tensor) -> Tensor:
        """Return `[*]` as a row."""
        return (values.permute(1, 2, 0) if self.turned else values).reshape(-1)

    def sample(self, row: Tensor) -> Tensor:
        """Return a row as `[*]`."""
        if not self.turned:
            return row.view(self.shape[2:])
        C, H, W = self.shape[2:]
        return row.view(H, W, C).permute(2, 0, 1)

    def empty(self, like: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Return a new tensor `[steps, B, *]` in the memory format of `x`, and the same as `[steps, N]`."""
        if not self.turned:
            new = like.new_empty(steps, *self.shape[1:])
            return new, new.view(steps, -1)
        B, C, H, W = self.shape[1:]
        new = like.new_empty(steps, B, H, W, C)
        return new.permute(0, 1, 4, 2, 3), new.view(steps, -1)

    def blocks(self, rows: int) -> Iterator[tuple[int, int]]:
        """Yield the bounds of the blocks, of nearly equal size, each with some rows kept in the cache."""
        count, threads = self.shape[1:].numel(), torch.get_num_threads()
        least = _LEAST if threads == 1 else GRAIN * min(threads, 4)  # more would take much memory
        size = max(_BLOCK_BYTES * threads // (rows * self.itemsize), least)
        pieces = -(-count // min(size, _MOST * threads))
        size = -(-count // pieces)
        for start in range(0, count, size):
            yield start, min(start + size, count)


def _runs(start: int, stop: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield where the neurons of a block lie in their samples of `size`: from, to, in how many samples.

    First the end of a sample, then whole samples, then the beginning of one.
    """
    while start < stop:
        i, left = start % size, stop - start
        samples = 1 if i or left < size else left // size
        j = min(size, i + left)
        yield i, j, samples
        start += samples * (j - i)


class Start:
    """The potentials before the first step; those shared by all samples are not written out."""

    def __init__(self, layout: Layout, v: Tensor) -> None:
        self.shared = v.ndim < len(layout.shape) - 1
        if self.shared or v.stride(0) == 0:
            self.values = layout.flat_sample(v if self.shared else v[0])
        else:
            self.values = layout.flat(v.unsqueeze(0))[0]

    def block(self, start: int, stop: int) -> Tensor:
        """Return those of one block."""
        size = len(self.values)
        i = start % size
        if i + stop - start <= size:
            return self.values[i : i + stop - start]
        if not start % size and not stop % size:
            return torch.cat([self.values] * ((stop - start) // size))
        runs = _runs(start, stop, size)
        return torch.cat([part for i, j, samples in runs for part in [self.values[i:j]] * samples])


def add_samples(total: Tensor | None, g: Tensor, start: int, stop: int, size: int) -> Tensor:
    """Add the values of a block `[n]`, summed over its samples of `size`, to the `total` so far."""
    if not start % size and not stop % size:
        part = g.view(-1, size).sum(0)
        return part if total is None else total.add_(part)
    total = g.new_zeros(size) if total is None else total
    for i, j, samples in _runs(start, stop, size):
        part, g = g[: samples * (j - i)], g[samples * (j - i) :]
        total[i:j] += part if samples == 1 else part.view(samples, -1).sum(0)
    return total
