"""Looking up a table by a real number: which of the intervals between given edges it is in.

    case(v) = number of edges <= v

Edges are few and fixed during a call, numbers are many. On a CPU a fine grid over the edges says which of
them is near a number, and one comparison with that edge decides; this is exact whatever the rounding, as the
grid is monotone and no two different edges share a cell. Compiled code compares with every edge in one pass.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["find_cases", "look_up", "take"]

_CELLS = 1 << 15  # more would leave the cache
_PIECE = 1 << 15  # numbers at a time, for the same reason
_CHAIN = 72  # edges that compiled code compares with one by one


class _Grid(NamedTuple):
    """Cells over the edges, one row for each channel or one for all.

    Attributes:
        low: lowest edge `[G, 1]`.
        scale: cells per unit `[G, 1]`.
        base: number of edges in the cells before `[G * M]`.
        edge: the edge in a cell `[G * M]`, infinity where there is none.
        here: how many edges are equal to it `[G * M]`.
        cells: M.
    """

    low: Tensor
    scale: Tensor
    base: Tensor
    edge: Tensor
    here: Tensor
    cells: int


def find_cases(v: Tensor, edges: Tensor) -> Tensor:
    """Return the number of edges that are not greater than each number.

    Args:
        v: `[B, C, *]`, floating point. NaN is below all edges.
        edges: `[N-1]`, or `[C, N-1]` for each channel; ascending.

    Returns:
        int32 `[B, C, *]` in the order in memory of `v`.
    """
    edges = edges.detach().to(v.dtype)
    if v.device.type == "cpu" and v.numel() > edges.numel() and (grid := _grid(edges)) is not None:
        return _by_grid(v, edges, grid)
    if edges.ndim == 1:
        return torch.bucketize(
            torch.nan_to_num(v, nan=-math.inf, posinf=math.inf, neginf=-math.inf),
            edges,
            right=True,
            out_int32=True,
        )
    by_channel = torch.nan_to_num(v.detach(), nan=-math.inf, posinf=math.inf, neginf=-math.inf).transpose(
        0, 1
    )
    found = torch.searchsorted(edges, by_channel.flatten(1).contiguous(), right=True, out_int32=True)
    return found.view(by_channel.shape).transpose(0, 1)


def take(cases: Tensor, values: Tensor) -> Tensor:
    """Return the value of each case.

    Args:
        cases: int32 `[B, C, *]`.
        values: `[N]`, or `[C, N]` for each channel.
    """
    flat, shape, order = _dense(cases)
    if values.ndim > 1:
        flat = flat + _of_channel(torch.arange(len(values), dtype=torch.int32) * values.shape[1], flat, order)
    found = values.reshape(-1).index_select(0, flat.reshape(-1).to(torch.int32))
    return found.view(flat.shape).permute(shape)


def look_up(v: Tensor, edges: Tensor, values: Tensor, *, through: Tensor | None = None) -> Tensor:
    """Return the value of the interval that each number is in.

    Differentiable in the values, with the intervals held constant, and in the number: 1 between the lowest
    edge and the greatest level, 0 outside.

    Args:
        v: `[B, C, *]`.
        edges: `[N-1]` or `[C, N-1]`, ascending.
        values: `[N]` or `[C, N]`.
        through: levels `[N]` or `[C, N]` of which the greatest bounds the gradient of the number; None: no
            gradient of it.

    Returns:
        `[B, C, *]` in the type of `v`.
    """
    edges = edges.detach().to(v.dtype)
    values = values.to(v.dtype)
    if torch.compiler.is_compiling() and edges.shape[-1] <= _CHAIN:
        found = _chain(v, edges, values)
        if through is None or not (torch.is_grad_enabled() and v.requires_grad):
            return found
        return found + _passes(v, edges, through) * (v - v.detach())
    if torch.is_grad_enabled() and (v.requires_grad or values.requires_grad):
        found = _LookUp.apply(v, edges, values, None if through is None else through.detach())
        assert isinstance(found, Tensor)
        return found
    return take(find_cases(v, edges), values)


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, edges: Tensor, values: Tensor, through: Tensor | None) -> Tensor:
        cases = find_cases(v, edges)
        passes = [] if through is None else [_passes(v, edges, through)]
        ctx.save_for_backward(cases.to(torch.int16), values, *passes)
        return take(cases, values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        cases, values, *passes = ctx.saved_tensors
        back = gradient * passes[0] if passes and ctx.needs_input_grad[0] else None
        return back, None, _summed(cases, gradient, values) if ctx.needs_input_grad[2] else None, None


def _summed(cases: Tensor, gradient: Tensor, values: Tensor) -> Tensor:
    """Return the sum of the gradients of each case, in the shape of the values."""
    N = values.shape[-1]
    index = cases.to(torch.int64)
    if values.ndim > 1:
        index = index + (torch.arange(len(values), device=index.device) * N).view(-1, *[1] * (index.ndim - 2))
    total = torch.zeros(
        values.numel(), dtype=torch.promote_types(values.dtype, torch.float32), device=values.device
    )
    total.index_add_(0, index.reshape(-1), gradient.reshape(-1).to(total.dtype))
    return total.view(values.shape).to(values.dtype)


def _passes(v: Tensor, edges: Tensor, values: Tensor) -> Tensor:
    """Return where a straight-through gradient passes."""
    low, high = edges[..., 0].detach(), values.detach().amax(-1)
    if edges.ndim > 1:
        shape = (-1, *[1] * (v.ndim - 2))
        low, high = low.view(shape), high.view(shape)
    return (v >= low) & (v < high)


def _chain(v: Tensor, edges: Tensor, values: Tensor) -> Tensor:
    if edges.ndim > 1:
        shape = (-1, *[1] * (v.ndim - 2))
        steps = [
            (edge.view(shape), value.view(shape))
            for edge, value in zip(edges.unbind(1), values.unbind(1)[1:], strict=True)
        ]
        found = values[:, 0].view(shape).expand(v.shape[1:]).expand_as(v)
    else:
        steps = list(zip(edges.unbind(0), values.unbind(0)[1:], strict=True))
        found = values[0].expand_as(v)
    for edge, value in steps:
        found = torch.where(v >= edge, value, found)
    return found


def _grid(edges: Tensor) -> _Grid | None:
    """Return cells of which none holds two different edges; None if that takes too many."""
    rows = edges.view(-1, edges.shape[-1])
    low, width = rows[:, :1], rows[:, -1:] - rows[:, :1]
    gaps = rows.diff(dim=1) / width
    needed = 1 / float(gaps[gaps > 0].min()) if bool((gaps > 0).any()) else 1.0
    if not math.isfinite(float(width.sum())) or not needed < _CELLS / 2:
        return None
    cells = 1 << math.ceil(math.log2(1.01 * needed + 3))
    scale = torch.where(width > 0, (cells - 2) / width, 1.0).to(rows.dtype)
    place = ((rows - low) * scale).clamp(0, cells - 1).to(torch.int32).long()
    shape = (len(rows), cells)
    here = torch.zeros(shape, dtype=torch.int32).scatter_add_(
        1, place, torch.ones_like(place, dtype=torch.int32)
    )
    edge = torch.full(shape, math.inf, dtype=rows.dtype).scatter_(1, place, rows)
    base = here.cumsum(1, dtype=torch.int32) - here
    return _Grid(low, scale, base.view(-1), edge.view(-1), here.view(-1), cells)


def _dense(x: Tensor) -> tuple[Tensor, tuple[int, ...], list[int]]:
    """Return a tensor with its axes in the order in memory, how to order them back, and the order."""
    order = sorted(range(x.ndim), key=lambda axis: -x.stride(axis))
    ordered = x.permute(order)
    if not ordered.is_contiguous():
        x, order = x.contiguous(), list(range(x.ndim))
        ordered = x
    back = [0] * x.ndim
    for place, axis in enumerate(order):
        back[axis] = place
    return ordered, tuple(back), order


def _of_channel(row: Tensor, ordered: Tensor, order: list[int]) -> Tensor:
    """Return one number a channel in a shape that broadcasts to a tensor whose axes were ordered."""
    shape = [1] * ordered.ndim
    shape[order.index(1)] = -1
    return row.to(ordered.device).view(shape)


def _by_grid(v: Tensor, edges: Tensor, grid: _Grid) -> Tensor:
    ordered, back, order = _dense(v.detach())
    found = torch.empty(ordered.shape, dtype=torch.int32)
    low, scale, first = grid.low.view(-1), grid.scale.view(-1), None
    if edges.ndim > 1:
        low, scale = _of_channel(low, ordered, order), _of_channel(scale, ordered, order)
        first = _of_channel(torch.arange(len(edges), dtype=torch.int32) * grid.cells, ordered, order)
    if first is None:  # one row for all: the shape does not matter
        pieces, out = ordered.view(-1).split(_PIECE), found.view(-1).split(_PIECE)
    else:
        length = max(1, _PIECE // max(1, ordered[0].numel())) if order[0] == 0 else len(ordered)
        pieces, out = ordered.split(length), found.split(length)
    single = bool(grid.here.max() <= 1)
    for piece, cases in zip(pieces, out, strict=True):
        cell = (piece - low).mul_(scale).clamp_(0, grid.cells - 1).to(torch.int32).clamp_(min=0)
        if first is not None:
            cell += first
        cell = cell.view(-1)
        above = piece.reshape(-1) >= grid.edge.index_select(0, cell)
        more = above if single else above * grid.here.index_select(0, cell)
        torch.add(grid.base.index_select(0, cell), more, out=cases.view(-1))
    return found.permute(back)
