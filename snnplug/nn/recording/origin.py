"""Where a tensor comes from: from weights alone, or from the input, and then of which time steps.

The recorder sees every operation and passes on from operands to results what they come from. So an
operation on a tensor knows which time step it works for whatever the shapes, and `[B, N, D]` of one step
is not mistaken for `[T, B, N]` of all where T = B = N.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor

__all__ = ["Origin", "Origins", "Place", "Steps", "Weights", "held_by", "locate", "start_of"]


class Weights(NamedTuple):
    """Made of weights alone.

    Attributes:
        names: full names of one parameter or buffer that it is made of; several where modules share it.
        itself: it is that, or a view of it.
    """

    names: tuple[str, ...]
    itself: bool = False


class Steps(NamedTuple):
    """Depends on the input of some time steps, and holds their values.

    Attributes:
        start: the first of them.
        length: how many.
        stride: elements in memory from one step to the next; 0 where one step stands for all.
        offset: where in memory the first one begins.
        spikes: for how many spikes each value stands, where a neuron says so; None: for as many as it says.
        binary: its values are 0 and 1, as neurons send them.
        delay: time steps of the windows that they have waited for.
        analog: its values are none of spikes, even where they are whole numbers.
    """

    start: int = 0
    length: int = 1
    stride: int = 0
    offset: int = 0
    spikes: Tensor | None = None
    binary: bool = False
    delay: int = 0
    analog: bool = False


class Place(NamedTuple):
    """Where the steps lie in a tensor: index i along `axis` is of step `start + i // run % length`."""

    start: int = 0
    length: int = 1
    axis: int = 0
    run: int = 0  # of no meaning where the length is 1


Origin: TypeAlias = Weights | Steps


def start_of(x: Tensor, steps: Steps) -> int:
    """Return the first step in a tensor, which may be a view of the one that the steps were noted for."""
    if not steps.stride or steps.length == 1:
        return steps.start
    return steps.start + (int(x.storage_offset()) - steps.offset) // steps.stride % steps.length


def locate(x: Tensor, steps: Steps) -> Place:
    """Return where the steps lie in a tensor, which may be a view of the one that they were noted for."""
    if steps.length == 1:
        return Place(steps.start)
    if not steps.stride:
        expanded = x.ndim > 0 and x.shape[0] > 1 and x.stride(0) == 0
        return Place(steps.start, min(steps.length, x.shape[0]), 0, 1) if expanded else Place(steps.start)
    start = start_of(x, steps)
    for axis, (size, stride) in enumerate(zip(x.shape, x.stride(), strict=True)):
        if size > 1 and stride and size * stride > steps.stride and steps.stride % stride == 0:
            run = steps.stride // stride
            if size % run == 0:
                found = size // run
                if found <= steps.length:
                    return Place(start, found, axis, run)
                if found % steps.length == 0:
                    return Place(steps.start, steps.length, axis, run)
    return Place(start)


def held_by(result: Tensor, axis: int | None, place: Place, delay: int = 0) -> Steps:
    """Return the steps of a result.

    Args:
        result: the result of an operation.
        axis: which of its axes that of the place has become; None if none.
        place: where the steps lie in the operand.
        delay: of the result.
    """
    if (
        place.length > 1
        and axis is not None
        and 0 <= axis < result.ndim
        and result.shape[axis]
        and result.shape[axis] % (place.length * place.run) == 0
    ):
        stride = result.stride(axis) * place.run
        return Steps(place.start, place.length, stride, int(result.storage_offset()), delay=delay)
    return Steps(place.start, delay=delay)


class Origins:
    """What the tensors of one pass come from; nothing is known of one that was not made of others.

    A tensor is known by its identity, which every operation that makes one writes anew.
    """

    def __init__(self) -> None:
        self._of: dict[int, Origin] = {}
        self._kept: list[Tensor] = []
        self.by_id = self._of.get  # without a call in between: it is asked for every operand

    def begin(self, weights: Mapping[int, Weights]) -> None:
        """Forget all tensors but weights, which are given by identity and have to live on."""
        self._of.clear()
        self._of.update(weights)
        self._kept.clear()

    def of(self, x: object) -> Origin | None:
        """Return what a tensor comes from."""
        return self._of.get(id(x))

    def steps(self, x: object) -> Steps | None:
        """Return the steps of a tensor; None if no input is known to have led to it."""
        origin = self._of.get(id(x))
        return origin if isinstance(origin, Steps) else None

    def note(self, x: Tensor, origin: Origin | None) -> None:
        """Note what a tensor comes from."""
        if origin is None:
            self._of.pop(id(x), None)
            return
        self._of[id(x)] = origin
        if type(origin) is Weights:  # a tensor that took its identity would go by uncounted
            self._kept.append(x)

    def forget(self, x: object) -> None:
        """Note that nothing is known of a tensor."""
        self._of.pop(id(x), None)
