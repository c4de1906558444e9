"""What networks of a supernet have in common from the start on is computed once.

A supernet may tell the parts that run for a genotype one after the other. Of the network before, the outputs
of each part are kept for each batch, with the spikes that it took: up to where a network differs from it
nothing is run again. In an order such as that of `space.genotypes()` few parts are run for each network; in
any order outputs and spikes are those of the network alone, to the last bit.

Outputs that are spikes are kept in a byte each. Where the memory is used up, the parts further behind of the
batches further behind are not kept. Nothing is kept of parts whose weights have changed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnplug.nn import SpikeTotal, count_spikes

__all__ = ["DrawsAtRandom", "Prefix"]

Batch = Callable[[int], tuple[Tensor, Tensor]]
Chain = Sequence[tuple[str, nn.Module]]

_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class DrawsAtRandom(Exception):
    """A part draws from the global generators: what it gives depends on what has run before."""


class _Part(NamedTuple):
    """A part as it was run: equal ones give equal outputs."""

    name: str
    module: nn.Module | None
    weights: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, name: str, module: nn.Module) -> _Part:
        tensors = (*module.parameters(), *module.buffers())
        versions = ((x.data_ptr(), 0 if x.is_inference() else x._version) for x in tensors)
        return cls(name, module, tuple(versions))


class _Level(NamedTuple):
    """The outputs of a part for a batch, spikes in a byte each, their type before, and how many there are."""

    part: _Part
    outputs: Tensor
    dtype: torch.dtype
    spikes: SpikeTotal

    @property
    def size(self) -> int:
        return self.outputs.untyped_storage().nbytes()


class Prefix:
    """Runs networks on the same batches, one network after the other.

    Args:
        batch: returns input `[T, B, *]` and target of a batch, always the same.
        most: bytes that may be kept.
    """

    def __init__(self, batch: Batch, most: int) -> None:
        self.batch, self.most = batch, most
        self.held, self.random = 0, False
        self._stacks: dict[int, list[_Level]] = {}  # the input first
        self._targets: dict[int, Tensor] = {}

    def __call__(self, chain: Chain, batches: int) -> Iterator[tuple[Tensor, Tensor, SpikeTotal]]:
        """Yield outputs `[T, B, K]`, target and spikes of a network for each batch.

        Args:
            chain: its parts by name, in evaluation mode.
            batches: how many batches.

        Raises:
            DrawsAtRandom: a part is random, or one was before.
        """
        parts = [_Part.of(name, module) for name, module in chain]
        if self.random:
            raise DrawsAtRandom
        for index in range(batches):
            before = _generators()
            found = self._run(index, parts)
            if not torch.equal(before, _generators()):
                self.random = True
                self._stacks.clear()
                raise DrawsAtRandom
            yield found

    def _run(self, index: int, parts: Sequence[_Part]) -> tuple[Tensor, Tensor, SpikeTotal]:
        stack = self._stacks.setdefault(index, [])
        self._cut(stack, parts)
        if stack:
            x = stack[-1].outputs.to(stack[-1].dtype)
        else:
            x, self._targets[index] = self.batch(index)
            self._keep(stack, 0, _Part("input", None), x, SpikeTotal())
        done, spikes = max(1, len(stack)), [level.spikes for level in stack]
        for depth, part in enumerate(parts[done - 1 :], done):
            assert part.module is not None
            with count_spikes(part.module) as total:
                x = part.module(x)
            spikes.append(total)
            if depth < len(parts):  # nobody goes on behind the last one
                self._keep(stack, depth, part, x, total)
        return x, self._targets[index], SpikeTotal(spikes)

    def _cut(self, stack: list[_Level], parts: Sequence[_Part]) -> None:
        """Drop what is not the beginning of a network."""
        same = 1
        while same < len(stack) and same <= len(parts) and stack[same].part == parts[same - 1]:
            same += 1
        for level in stack[same:]:
            self.held -= level.size
        del stack[same:]

    def _keep(self, stack: list[_Level], depth: int, part: _Part, x: Tensor, spikes: SpikeTotal) -> None:
        """Put outputs on a stack, if those before them are there and the memory is."""
        if len(stack) != depth or self.held + x[:1].numel() > self.most:
            return
        level = _Level(part, _pack(x) if depth else x, x.dtype, spikes)
        if self.held + level.size <= self.most:
            self.held += level.size
            stack.append(level)


def _pack(x: Tensor) -> Tensor:
    """Return zeros and ones as bytes, anything else as it is."""
    packed = x.to(torch.bool)
    if packed.stride() != x.stride() or x.element_size() not in _BITS:
        return x
    bits = _BITS[x.element_size()]  # by bit, as there is a negative zero; by step, as that is faster
    pairs = zip(packed, x, strict=True)
    return packed if all(torch.equal(p.to(x.dtype).view(bits), y.view(bits)) for p, y in pairs) else x


def _generators() -> Tensor:
    """Return the states of the generators that a part may draw from."""
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return torch.cat([torch.get_rng_state(), *devices])
