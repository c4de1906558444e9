"""Charge, fire and reset over a whole sequence, block by block, for CPUs.

A block of neurons passes all time steps before the next one begins, so what it works on stays
in the cache and no tensor of a single step is allocated or enters the graph. Only the current
is kept for the backward pass, which computes the potentials of a block again and then runs

    g[t] = p[t] + dh/dv a[t] g[t+1]        g[t] = dL/dx[t],  a[t] = dv[t]/dh[t]
    p[t] = dh/dx dL/ds[t] S'(h[t] - threshold)

from the last step to the first. Spikes equal those of the loop over steps bit for bit, gradients
up to rounding. A second derivative is taken through the loop over steps.

Only the loop knows what an infinite current or potential does. Without it none comes back to a finite
potential, so a look at the last one of a block is enough to see that the loop has to run this block.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from snnplug.nn.layout import GRAIN, Layout, Start, add_samples
from snnplug.nn.leak import Leak
from snnplug.nn.rerun import is_spare
from snnplug.nn.reset import Rule
from snnplug.nn.surrogate import SURROGATES
from snnplug.nn.transforms import is_traced

__all__ = ["is_covered", "run_blocks"]

_TYPES = (torch.float32, torch.float64)
_NARROW = (torch.bfloat16, torch.float16)  # of a current beside a potential in float32, without gradients


def is_covered(x: Tensor, v: Tensor) -> bool:
    """Whether `run_blocks` takes a current `[T, B, *]` and a potential `[B, *]` or `[*]`."""
    return (
        x.device.type == "cpu"
        and v.device.type == "cpu"
        and v.dtype in _TYPES
        and (v.dtype == x.dtype or (x.dtype in _NARROW and not torch.is_grad_enabled()))
        and x.ndim > 1
        and v.shape == x.shape[1 if v.ndim == x.ndim - 1 else 2 :]
        and x.numel() > 0
        and type(x) in (Tensor, torch.nn.Parameter)
        and not is_traced()
    )


def run_blocks(x: Tensor, v: Tensor, leak: Leak, rule: Rule) -> tuple[Tensor, Tensor]:
    """Run a sequence.

    Args:
        x: current `[T, B, *]`, which `is_covered` has accepted.
        v: potential before the first step, `[B, *]` or, shared by all samples, `[*]`.
        leak: charge.
        rule: firing and reset.

    Returns:
        Spikes `[T, B, *]` in the memory format of `x`, and the last potential.
    """
    spikes, last = _Blocks.apply(x, v, leak.rate, leak, rule)
    return spikes, last


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, rate: Tensor | None, leak: Leak, rule: Rule
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x, v, rate)
        ctx.leak, ctx.rule = leak._replace(rate=None), rule
        ctx.set_materialize_grads(False)
        layout = Layout(x)
        currents, start = layout.flat(x), Start(layout, v)
        spikes, fired = layout.empty(x, layout.steps)
        last, ends = layout.empty(v, 1)
        constant, threshold = leak.constant(v), v.new_full((), rule.threshold)
        ctx.overflowed = False
        for i, j in layout.blocks(1):
            h, w, *wide = v.new_empty(2 if x.dtype == v.dtype else 4, j - i).unbind(0)
            before, end = start.block(i, j), ends[0, i:j]
            rows = list(zip(currents[:, i:j].unbind(0), fired[:, i:j].unbind(0), strict=True))
            for t, (current, s) in enumerate(rows, 1):
                ones = s
                if t == layout.steps:
                    h, w = (end, w) if rule.reset == "none" else (h, end)
                if wide:
                    current, ones = wide[0].copy_(current), wide[1]
                leak.charge_into(h, current, before, constant)
                before = rule.fire_into(ones, w, h, threshold)
                if wide:
                    s.copy_(ones)
                if before is h:
                    h, w = w, h
            if not math.isfinite(end.sum()):
                ctx.overflowed, before = True, start.block(i, j)
                for current, s in rows:
                    ones, before = rule.fire(leak.charge(current, before))
                    s.copy_(ones)
                end.copy_(before)
        return spikes, last[0]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        x, v, rate = ctx.saved_tensors
        leak = ctx.leak._replace(rate=rate)
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled() or ctx.overflowed:  # for a second derivative, or of infinities
            results = _gradients_of_loop(x, v, leak, ctx.rule, grads, wanted)
        else:
            results = _gradients(x, v, leak, ctx.rule, grads, wanted)
        return (*results, None, None)


def _gradients(
    x: Tensor, v: Tensor, leak: Leak, rule: Rule, grads: tuple[Tensor | None, ...], wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Return the gradients of current, first potential and rate."""
    layout = Layout(x)
    currents, start = layout.flat(x), Start(layout, v)
    above = None if grads[0] is None else layout.flat(grads[0])
    end = None if grads[1] is None else layout.flat(grads[1].unsqueeze(0))[0]
    into, onward = leak.factors()
    grad_x, gx = None, None
    if wanted[0]:
        spare = is_spare(x) and currents.is_contiguous() and currents.data_ptr() == x.data_ptr()
        grad_x, gx = (x, currents) if spare else layout.empty(x, layout.steps)
    grad_v = gv = over_samples = None
    if wanted[1] and not start.shared:
        grad_v, gv = layout.empty(x, 1)
    grad_rate = 0.0
    # with several threads less than torch shares among them: waiting for each other costs more
    at_once = 2 * GRAIN if torch.get_num_threads() == 1 else GRAIN - 1
    zero, threshold = x.new_zeros(()), x.new_full((), rule.threshold)
    all_kept = rule.reset == "none" or (rule.reset == "soft" and rule.detach_reset)
    blocks = list(layout.blocks(layout.steps))
    if start.shared:  # the samples one after another: their sum stays in the cache
        blocks.sort(key=lambda block: block[0] % len(start.values))
    scratch = x.new_empty(3 if wanted[2] else 2, layout.steps * blocks[0][1])  # once: new memory costs time
    for i, j in blocks:
        h, kept, *driven = scratch[:, : layout.steps * (j - i)].view(-1, layout.steps, j - i).unbind(0)
        _potentials(h, kept, currents[:, i:j], start.block(i, j), leak, rule, driven)
        g = h if gx is None else gx[:, i:j]
        rows = max(1, at_once // (j - i))
        later, factor = None if end is None else end[i:j], into
        for t in range(layout.steps, 0, -rows):  # all that is done with a row, while it is in the cache
            part = slice(max(0, t - rows), t)
            grad, a, u = g[part], kept[part], h[part].sub_(threshold)
            _spread(grad, u, a, None if above is None else above[part, i:j], zero, into, rule)
            _accumulate(grad, None if all_kept else a, later, factor, onward)
            later, factor = grad[0], onward
            if driven:
                grad_rate += driven[0][part].mul_(grad).sum().item()
        if wanted[1] and start.shared:
            over_samples = add_samples(over_samples, g[0], i, j, len(start.values))
        elif gv is not None:
            torch.mul(g[0], onward / into, out=gv[0, i:j])
    if grad_v is not None:
        grad_v = grad_v[0]
    elif over_samples is not None:
        grad_v = layout.sample(over_samples if onward == into else over_samples.mul_(onward / into))
    if not wanted[2]:
        return grad_x, grad_v, None
    assert leak.rate is not None
    total = grad_rate / into if leak.decay_input else -grad_rate
    return grad_x, grad_v, torch.full_like(leak.rate, total)


def _potentials(
    h: Tensor, kept: Tensor, currents: Tensor, before: Tensor, leak: Leak, rule: Rule, driven: list[Tensor]
) -> None:
    """Write the charged potentials of a block to `h` `[T, n]`; see `Leak.charge_into` for `driven`.

    With a hard reset `kept` gets the part of h that a detached reset keeps.
    """
    constant, threshold = leak.constant(currents), currents.new_full((), rule.threshold)
    to_zero = rule.reset == "hard" and not rule.reset_value
    v = torch.empty_like(before)
    rows = zip(currents.unbind(0), h.unbind(0), kept.unbind(0), strict=True)
    for t, (current, potential, s) in enumerate(rows):
        leak.charge_into(potential, current, before, constant, driven[0][t] if driven else None)
        if to_zero:
            torch.lt(potential, threshold, out=s)
            before = torch.mul(potential, s, out=v)
        else:
            before = rule.fire_into(s, v, potential, threshold)
            s.neg_().add_(1)


def _spread(
    g: Tensor, u: Tensor, kept: Tensor, above: Tensor | None, zero: Tensor, into: float, rule: Rule
) -> None:
    """Write p to `g` and a to `kept`, both `[t, n]`; u = h - threshold is overwritten, and may be `g`."""
    slope = SURROGATES[rule.surrogate].derivative(u, rule.alpha)
    if not rule.detach_reset and rule.reset == "hard":
        kept.addcmul_(u.neg_().add_(rule.reset_value - rule.threshold), slope)
    elif not rule.detach_reset and rule.reset == "soft":
        torch.mul(slope, -rule.threshold, out=kept).add_(1)
    if above is None:
        g.zero_()
    else:
        torch.addcmul(zero, above, slope, value=into, out=g)


def _accumulate(g: Tensor, kept: Tensor | None, later: Tensor | None, factor: float, onward: float) -> None:
    """Run `g` `[t, n]` back through time in place, from what is `later` times the `factor`."""
    for t, row in reversed(list(enumerate(g.unbind(0)))):
        if later is not None and kept is None:
            row.add_(later, alpha=factor)
        elif later is not None and kept is not None:
            row.addcmul_(kept[t], later, value=factor)
        later, factor = row, onward


def _gradients_of_loop(
    x: Tensor, v: Tensor, leak: Leak, rule: Rule, grads: tuple[Tensor | None, ...], wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    """Return what `_gradients` does; with a graph if gradients are enabled."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        own = [x.view_as(x), v.view_as(v)]  # v may depend on x
        if leak.rate is not None:
            own.append(leak.rate.view_as(leak.rate))
            leak = leak._replace(rate=own[2])
        spikes, potential = [], own[1]
        for current in own[0].unbind(0):
            s, potential = rule.fire(leak.charge(current, potential))
            spikes.append(s)
        results = [torch.stack(spikes), potential]
    given = [(o, g) for o, g in zip(results, grads, strict=True) if g is not None]
    found = iter(
        torch.autograd.grad(
            [o for o, _ in given],
            [t for t, wish in zip(own, wanted, strict=False) if wish],
            [g for _, g in given],
            create_graph=again,
            allow_unused=True,
        )
    )
    return tuple(next(found) if wish else None for wish in wanted)
