"""Fire and reset: what an integrate-and-fire neuron does once it is charged.

A potential that overflows fires if it is above the threshold, and is kept at the largest number of
its type: infinity would make NaN of the next charge, and NaN never fires again.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

from snnplug.nn.saturate import clamp, saturate
from snnplug.nn.surrogate import SURROGATES, at_least

__all__ = ["Reset", "Rule", "reset_membrane"]

Reset: TypeAlias = Literal["hard", "soft", "none"]


def reset_membrane(
    h: Tensor, spikes: Tensor, reset: Reset, threshold: float | Tensor, reset_value: float
) -> Tensor:
    """Return the membrane potential after the spikes of one step; it is finite unless `h` is NaN.

    Args:
        h: membrane potential before the reset `[B, *]`.
        spikes: spikes of this step `[B, *]`, 0 or 1; detach them to cut the gradient through the reset.
        reset: to `reset_value` ("hard"), down by `threshold` ("soft"), or not at all ("none").
        threshold: what a soft reset subtracts.
        reset_value: where a hard reset leads.
    """
    kept = clamp(h, torch.finfo(h.dtype).max)
    if reset == "none":
        return kept
    if reset == "soft":
        return kept - spikes * threshold
    v = (1 - spikes.detach()) * kept
    if spikes.requires_grad:
        return v + spikes * reset_value - (spikes - spikes.detach()) * saturate(h, h.dtype)
    return v + spikes * reset_value if reset_value else v


class Rule(NamedTuple):
    """How a neuron fires and resets; fields as in `IntegrateAndFire`."""

    threshold: float
    reset: Reset
    reset_value: float
    detach_reset: bool
    surrogate: str
    alpha: float

    def fire(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spikes of a charged potential `[B, *]`, and the potential after the reset."""
        s, v = _Fire.apply(h, *self)
        return s, v

    def fire_into(self, s: Tensor, v: Tensor, h: Tensor, threshold: Tensor) -> Tensor:
        """Write what `fire` returns into `s` and `v`, without a graph; return `v`, or `h` if it is the same.

        An infinite `h` is not kept finite here: it makes this potential and all later ones infinite or NaN.

        Args:
            s, v: results.
            h: charged potential.
            threshold: the threshold as a tensor, which is faster than a number.
        """
        torch.ge(h, threshold, out=s)
        if self.reset == "none":
            return h
        if self.reset == "soft":
            return torch.sub(h, s, alpha=self.threshold, out=v)
        torch.addcmul(h, h, s, value=-1, out=v)
        return v.add_(s, alpha=self.reset_value) if self.reset_value else v


class _Fire(torch.autograd.Function):
    """Spike and reset in one node, which takes fewer operations than one for each."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        h: Tensor,
        threshold: float,
        reset: Reset,
        reset_value: float,
        detach_reset: bool,
        surrogate: str,
        alpha: float,
    ) -> tuple[Tensor, Tensor]:
        most = torch.finfo(h.dtype).max
        s, v = at_least(h, threshold), h.clamp(-most, most)
        if reset == "hard":
            v = torch.addcmul(v, v, s, value=-1)
            v = v.add(s, alpha=reset_value) if reset_value else v
        elif reset == "soft":
            v = torch.sub(v, s, alpha=threshold)
        return s, v

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(inputs[0], output[0])
        ctx.rule = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        h, s = ctx.saved_tensors
        threshold, reset, reset_value, detach_reset, surrogate, alpha = ctx.rule
        most = torch.finfo(h.dtype).max ** 0.5  # products with a slope of 0 are then 0
        u = h.clamp(-most, most) - threshold
        slope = SURROGATES[surrogate].derivative(u, alpha)
        into, after = grads
        s = s.detach() if detach_reset else s
        before = torch.addcmul(after, after, s, value=-1) if reset == "hard" else after
        if not detach_reset and reset == "hard":
            before = torch.addcmul(before, after, (reset_value - threshold - u) * slope)
        elif not detach_reset and reset == "soft":
            before = torch.addcmul(before, after, slope, value=-threshold)
        return torch.addcmul(before, into, slope), *[None] * 6
