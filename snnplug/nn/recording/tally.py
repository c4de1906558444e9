"""Counting what comes into a product: events, operations, and whether it is spikes at all.

Sums of whole numbers are exact: in float32 as long as they cannot exceed 2^24, in float64 beyond.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import attrs
import torch
from torch import Tensor

from snnplug.nn.recording.origin import Place
from snnplug.nn.recording.products import Layout

__all__ = ["Counted", "Side", "Tally", "add_up", "count_operand", "is_binary"]


class Counted(NamedTuple):
    """One operand of a product, by time step.

    Attributes:
        events: values that are not zero.
        operations: spikes times their fan-out.
        idle: how many of them are over weights that are zero; None: none.
        analog: some value is no whole number, and none says what it stands for; or none is of a spike.
        pairs: of a value and a weight, neither of them zero.
        signs: all values are 0, 1 or -1.
    """

    events: list[float]
    operations: list[float]
    idle: list[float] | None
    analog: bool
    pairs: float = 0.0
    signs: bool = True


@attrs.define
class Side:
    """All that came in as one operand, by time step; see `Counted`."""

    events: list[float] = attrs.field(factory=list)
    operations: list[float] = attrs.field(factory=list)
    idle: list[float] = attrs.field(factory=list)
    analog: bool = False
    effective_acs: float = 0.0
    effective_macs: float = 0.0

    def add(self, counted: Counted, start: int) -> None:
        """Add what came in at a step and those after it."""
        add_up(self.events, counted.events, start)
        add_up(self.operations, counted.operations, start)
        if counted.idle is not None:
            add_up(self.idle, counted.idle, start)
        self.analog = self.analog or counted.analog
        if counted.signs:
            self.effective_acs += counted.pairs
        else:
            self.effective_macs += counted.pairs


@attrs.define
class Tally:
    """One use of one layer, over all passes.

    Attributes:
        name: of the layer.
        kind: its class, or the operation.
        parameters: weights and biases.
        sides: the operands that can be the spikes: one, or both where the network computes both.
        layout: how it goes over its input.
        weights, zeros: how many weights it has, and how many of them are zero.
        macs: multiply-accumulates if every value counts.
        inputs, outputs: values of its input and of its output.
    """

    name: str
    kind: str
    parameters: int
    sides: tuple[Side, ...]
    layout: Layout = attrs.field(factory=Layout)
    weights: int = 0
    zeros: int = 0
    macs: float = 0.0
    inputs: float = 0.0
    outputs: float = 0.0

    @property
    def input(self) -> Side:
        """The first operand that has always been spikes; the first of all if none has."""
        return next((side for side in self.sides if not side.analog), self.sides[0])


def add_up(totals: list[float], values: list[float], start: int = 0, sign: int = 1) -> None:
    """Add values to totals from a place on; the totals grow as needed."""
    totals.extend([0.0] * (start + len(values) - len(totals)))
    for i, value in enumerate(values, start):
        totals[i] += sign * value


def count_operand(
    x: Tensor,
    place: Place,
    fan_out: float | Tensor,
    effective: float | Tensor | None = None,
    *,
    spikes: Tensor | None = None,
    binary: bool = False,
    analog: bool = False,
    once: bool = False,
) -> Counted:
    """Count one operand of a product.

    Args:
        x: operand.
        place: where its time steps lie.
        fan_out: of its values: one number, or a tensor with as many axes that broadcasts to it.
        effective: the same without weights that are zero; None: there are none.
        spikes: how many spikes each value stands for; None: as many as it says, if all are whole numbers.
        binary: it is known that its values are 0 and 1.
        analog: it is known that they are none of spikes.
        once: a whole number is one spike, whatever its value.
    """
    if not x.numel():
        return Counted([0.0] * place.length, [0.0] * place.length, None, False)
    values = _Values(x if spikes is None else spikes, binary=binary)
    if once and values.whole and values.highest > 1:
        values = _Values(values.x.bool(), binary=True)
    analog = analog or (not values.whole and spikes is None)
    total, operations = values.sums(place, fan_out)
    events = total if values.signs else values.events(place)
    idle = None
    if effective is not None:
        idle = [a - b for a, b in zip(operations, values.sums(place, effective)[1], strict=True)]
    if values.signs and spikes is None:
        return Counted(events, operations, idle, analog, sum(operations) - sum(idle or ()))
    ones = _Values(x.bool(), binary=True)
    pairs = sum(ones.sums(place, fan_out if effective is None else effective)[1])
    return Counted(events, operations, idle, analog, pairs, spikes is not None and _Values(x).signs)


def is_binary(x: Tensor) -> bool:
    """Whether all values are 0 or 1."""
    # 0, 1 and infinity are their own squares, and no other number is
    return not x.numel() or (torch.equal(x * x, x) and bool(x.amax() <= 1))


class _Values:
    """The values of an operand without their signs.

    Attributes:
        x: the values, in float32 or float64.
        highest: the greatest.
        whole: all are whole numbers.
    """

    def __init__(self, x: Tensor, *, binary: bool = False) -> None:
        if x.dtype not in (torch.float32, torch.float64):
            x = x.to(torch.float32 if x.dtype.itemsize <= 2 else torch.float64)
        if binary:
            self.x, self.highest, self.whole = x, 1.0, True
            return
        low, self.highest = (float(v) for v in x.aminmax())
        if low < 0:
            x, self.highest = x.abs(), max(-low, self.highest)
        self.x, self.whole = x, self.highest < math.inf and _is_whole(x)

    @property
    def signs(self) -> bool:
        """Whether all values were 0, 1 or -1."""
        return self.whole and self.highest <= 1

    def sums(self, place: Place, fan_out: float | Tensor) -> tuple[list[float], list[float]]:
        """Return the sums of the values of each step, and of the values times their fan-out."""
        x = _by_block(self.x, place)
        if not isinstance(fan_out, Tensor):
            steps = self._steps(x, place)
            return steps, [fan_out * value for value in steps]
        taps = _by_block(fan_out, place)
        total = self._sum(x, [axis for axis in range(1, x.ndim) if taps.shape[axis] == 1])
        flat = total.double().flatten(1)
        if self.whole and len(taps) == 1:
            weighted = flat.mv(taps.flatten())  # whole numbers add up exactly in any order
        else:
            weighted = (flat * taps.flatten(1)).sum(1)
        return _by_step(flat.sum(1), place), _by_step(weighted, place)

    def events(self, place: Place) -> list[float]:
        """Return how many values of each step are not zero."""
        ones = _by_block(self.x.bool().view(torch.uint8), place)
        blocks = ones.sum(list(range(1, ones.ndim)), dtype=torch.int32)
        return _by_step(blocks.double(), place)

    def _steps(self, x: Tensor, place: Place) -> list[float]:
        if place.length == 1 and self._is_exact(x.numel()):
            return [float(x.sum())]
        return _by_step(self._sum(x, list(range(1, x.ndim))).double().flatten(), place)

    def _is_exact(self, terms: int) -> bool:
        return self.whole and terms * self.highest <= 2**24

    def _sum(self, x: Tensor, over: list[int]) -> Tensor:
        exact = self._is_exact(math.prod([x.shape[axis] for axis in over]))
        return x.sum(over, keepdim=True, dtype=None if exact else torch.float64) if over else x


def _by_block(x: Tensor, place: Place) -> Tensor:
    """Return `[blocks, values of a block along the axis, *]`, a block being of one step."""
    x = x.movedim(place.axis, 0) if place.axis else x
    if len(x) == 1 or place.length == 1:
        return x.unsqueeze(0)
    return x.reshape(-1, place.run, *x.shape[1:])


def _by_step(blocks: Tensor, place: Place) -> list[float]:
    """Return the sums of the steps, to which the blocks belong in turn."""
    if len(blocks) > place.length:
        blocks = blocks.view(-1, place.length).sum(0)
    return blocks.tolist()


def _is_whole(x: Tensor) -> bool:
    if x.numel() > 4096 and x.is_contiguous() and bool(x.view(-1)[:256].frac().any()):
        return False  # most analog inputs show it at once
    return not bool(x.frac().amax())
