"""Spikes as bits: an array of small multiples of one number, exactly, in as many bits as these need.

What neurons send is 0 or 1 and takes a bit. So do masks, spikes that dropout has scaled, and a potential at
rest; sums of spikes take a few. Whether an array is such a one is seen from its values, every one of which
has to come back to the last bit.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["Levels", "as_levels"]

_SAMPLE = 256  # values that rule out what is analog
_MOST = 255
_PLANES = 4  # above so many bits a value takes a byte
_PIECE = {"cpu": 1 << 16}  # values at a time: they stay in the cache
_LARGE_PIECE = 1 << 24
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # to compare bits


class Levels:
    """A packed array `[n]`."""

    cost = 0  # to compute it again
    heavy = 0
    stays = False  # what is restored is nobody else's

    def __init__(self, packed: list[Tensor], planes: int, unit: float, like: Tensor) -> None:
        self.packed = torch.cat(packed) if packed else like.new_empty(0, dtype=torch.uint8)
        self.planes, self.unit = planes, unit
        self.count, self.dtype, self.device = len(like), like.dtype, like.device

    @property
    def bytes(self) -> int:
        """How many it takes."""
        return self.packed.numel()

    def tensor(self) -> Tensor:
        """Return the array as it was."""
        out = torch.empty(self.count, dtype=self.dtype, device=self.device)
        if not self.planes:
            return out.fill_(self.unit)
        start = 0
        for piece in torch.split(out, _piece(self.device)):
            if self.planes > _PLANES:
                levels = self.packed[start : start + len(piece)]
                start += len(piece)
            else:
                size = -(-len(piece) // 8)
                rows = self.packed[start : start + size * self.planes].view(self.planes, size)
                start += size * self.planes
                levels = _unpack_bits(rows[0], len(piece))
                for k in range(1, self.planes):
                    levels |= _unpack_bits(rows[k], len(piece)) << k
            _write(piece, levels, self.unit)
        return out


def as_levels(flat: Tensor) -> Levels | None:
    """Return an array `[n]` packed, None if it holds anything but k times one number, k from 0 to 255."""
    if flat.dtype.itemsize not in _WORDS or flat.dtype.is_complex:
        return None
    sample = flat[:: max(1, len(flat) // _SAMPLE)][:_SAMPLE]
    values = set(sample.tolist())
    values.discard(0)
    whole = not flat.dtype.is_floating_point
    whole = whole or (all(value % 1 == 0 for value in values) and len(values) != 1)
    unit = 1.0 if whole else float(min(values, key=abs))
    if unit == 0 or any(not 0 <= value / unit <= _MOST or value / unit % 1 for value in values):
        return None
    highest = max((int(value / unit) for value in values), default=1)
    planes: int | None = highest.bit_length()
    words = flat.view(_WORDS[flat.dtype.itemsize])
    if len(values) < 2 and torch.equal(words[1:], words[:-1]):  # such as a potential at rest
        return Levels([], 0, flat[0].item(), flat)
    while planes is not None:
        packed, planes = _pack(flat, words, unit, planes)
        if packed:
            assert planes is not None
            return Levels(packed, planes, unit, flat)
    return None


def _pack(flat: Tensor, words: Tensor, unit: float, planes: int) -> tuple[list[Tensor], int | None]:
    """Return the packed pieces and the bits of a value; nothing and more bits where these do not do."""
    size = min(_piece(flat.device), len(flat))
    levels, again = flat.new_empty(size, dtype=torch.uint8), flat.new_empty(size)
    bits = again.view(words.dtype)
    packed = []
    for piece, word in zip(torch.split(flat, size), torch.split(words, size), strict=True):
        if len(piece) < size:
            levels, again, bits = levels[: len(piece)], again[: len(piece)], bits[: len(piece)]
        _read(piece, word, unit, planes, levels, again)
        _write(again, levels, unit)
        if not torch.equal(bits, word):
            return [], 2 if planes == 1 else None  # the sample may have missed a 2
        if planes > _PLANES:
            packed.append(levels.clone())
            continue
        needed = 1 if planes == 1 else int(levels.max()).bit_length()
        if needed > planes:
            return [], needed
        packed += [_pack_bits(levels, k, planes) for k in range(planes)]
    return packed, planes


def _read(piece: Tensor, word: Tensor, unit: float, planes: int, levels: Tensor, spare: Tensor) -> None:
    """Write to `levels` what multiples of the unit the values of a piece are; wrong where they are none."""
    if planes == 1 and piece.device.type == "cpu":  # several times as fast
        np.not_equal(word.numpy(), 0, out=levels.numpy().view(bool))
    elif planes == 1:
        levels.copy_(word != 0)
    elif unit != 1:
        levels.copy_(torch.div(piece, unit, out=spare).round_())
    else:
        levels.copy_(piece)


def _write(out: Tensor, levels: Tensor, unit: float) -> None:
    out.copy_(levels)
    if unit != 1:
        out.mul_(unit)


def _piece(device: torch.device) -> int:
    return _PIECE.get(device.type, _LARGE_PIECE)


def _pack_bits(levels: Tensor, k: int, planes: int) -> Tensor:
    """Return bit k of each `[n]` as `[n / 8]`."""
    ones = levels if planes == 1 else (levels >> k) & 1
    if levels.device.type == "cpu":
        return torch.from_numpy(np.packbits(ones.numpy(), bitorder="little"))
    padded = torch.nn.functional.pad(ones, (0, -len(ones) % 8)).view(-1, 8)
    return (padded << _shifts(levels.device)).sum(1, dtype=torch.uint8)


def _unpack_bits(packed: Tensor, count: int) -> Tensor:
    """Return `[n / 8]` as zeros and ones `[n]`."""
    if packed.device.type == "cpu":
        return torch.from_numpy(np.unpackbits(packed.numpy(), count=count, bitorder="little"))
    return ((packed.unsqueeze(1) >> _shifts(packed.device)) & 1).view(-1)[:count]


def _shifts(device: torch.device) -> Tensor:
    return torch.arange(8, dtype=torch.uint8, device=device)
