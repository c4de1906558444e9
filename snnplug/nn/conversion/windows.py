"""What a converted network does with steps between its layers.

Between neurons all is in folded form `[T·B, *]`, steps in front, so that a stateless layer is one call. The
steps of a neuron's input are one window, or, for clocked neurons, the clock. A shorter window is
silent in its missing steps; a single step before clocked neurons is the same in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.nn.stream import current_pass
from snnplug.nn.time import is_static

__all__ = ["add", "as_steps", "join", "max_pool", "start", "unfold"]


def start(x: Tensor, every: int | None) -> Tensor:
    """Return an input `[T, B, *]` as `[T·B, *]`.

    Before clocked neurons that take their bias in every step, an input that is constant in time passes once.
    Before those that take it every so many steps it comes with the bias, as both are of one value.

    Raises:
        ContractError: it repeats in every step what a window holds once.
    """
    if not is_static(x):
        return x.flatten(0, 1)
    if every is None:
        raise ContractError(
            f"the network takes an image once, in a window of its own, but got it in {len(x)} equal steps; "
            "use one step"
        )
    if every == 1:
        return x[0]
    with_bias = (torch.arange(len(x), device=x.device) % every == 0).to(x.dtype)
    return (x * with_bias.view(-1, *[1] * (x.ndim - 1))).flatten(0, 1)


def unfold(x: Tensor, batch: int) -> Tensor:
    """Return `[T·B, *]` as `[T, B, *]`."""
    return x.reshape(-1, batch, *x.shape[1:])


def as_steps(x: Tensor, batch: int, steps: int, every: int | None) -> Tensor:
    """Return `[T'·B, *]` as `[T', B, *]`; a single step before clocked neurons as `steps` equal ones."""
    y = unfold(x, batch)
    return y.expand(steps, *y.shape[1:]) if every == 1 and len(y) == 1 else y


def add(a: Tensor, b: Tensor, alpha: float, batch: int, every: int | None) -> Tensor:
    """Return a + alpha·b, `[T·B, *]`, of windows of any length."""
    if a.shape[0] == b.shape[0]:
        return torch.add(a, b, alpha=alpha)
    if every == 1:
        return torch.add(*_equally_long([a, b], batch, every), alpha=alpha)
    n = min(len(a), len(b))
    rest = a[n:] if len(a) > n else alpha * b[n:]
    return torch.cat([torch.add(a[:n], b[:n], alpha=alpha), rest])


def join(parts: Sequence[Tensor], axis: int, batch: int, every: int | None) -> Tensor:
    """Concatenate `[T·B, *]` along an axis that is not the first, of windows of any length."""
    return torch.cat(_equally_long(parts, batch, every), axis)


def _equally_long(parts: Sequence[Tensor], batch: int, every: int | None) -> list[Tensor]:
    longest = max(part.shape[0] for part in parts)
    return [part if len(part) == longest else _lengthen(part, longest, batch, every == 1) for part in parts]


def _lengthen(x: Tensor, length: int, batch: int, clocked: bool) -> Tensor:
    if clocked:
        return x.repeat(length // batch, *[1] * (x.ndim - 1))
    return torch.cat([x, x.new_zeros(length - len(x), *x.shape[1:])])


def max_pool(pool: str, x: Tensor, batch: int, every: int | None, options: dict[str, Any]) -> Tensor:
    """Pass what the winner of each place sends, `[T·B, C, *]` to `[T·B, C, *']`.

    In a window the winner is whose sum over the window is largest. Of clocked neurons it is, in every
    step, whose sum so far is largest (Rueckauer et al., Frontiers in Neuroscience 11:682, 2017).

    Args:
        pool: name of the function of `torch.nn.functional`.
        x: values.
        batch: batch size.
        every: the neurons' `bias_every`.
        options: of the function.
    """
    function = getattr(F, pool)
    running = None if every is None else current_pass()
    if x.shape[0] == batch and running is None:
        return function(x, **options)  # type: ignore[no-any-return]
    steps = unfold(x, batch)
    if every is None:
        total = steps.sum(0)
    elif running is None:
        total = steps.cumsum(0).flatten(0, 1)
    else:  # within a stream the sums go on
        key, before = running.take("max_pool")
        so_far = steps.cumsum(0) if before is None else torch.cat([before[None], steps]).cumsum(0)[1:]
        running.keep(key, so_far[-1])
        total = so_far.flatten(0, 1)
    values, winner = function(total, **options, return_indices=True)
    axes = int(pool[-2])
    if every is None:
        winner = winner.repeat(len(steps), *[1] * (winner.ndim - 1))
    sent = x.flatten(-axes).gather(-1, winner.flatten(-axes))
    return sent.view(*sent.shape[:-1], *values.shape[-axes:])
