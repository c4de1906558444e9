"""Looking up a table by a real number: which of the intervals between given edges it is in.

    case(v) = number of edges <= v

Edges are few and fixed during a call, numbers are many. On a CPU a fine grid over the edges says which of
them is near a number, and one comparison with that edge decides; this is exact whatever the rounding, as the
grid is monotone and no two different edges share a cell. The comparison is the sign bit of a difference,
which costs less than a mask. Compiled code compares with every edge, fused into one pass.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnplug.nn.transforms import is_transformed

__all__ = ["find_cases", "look_up", "take"]

_CELLS = 1 << 15  # more would leave the cache
_PIECE = 1 << 15  # numbers at a time, for the same reason
_FEW = 1 << 13  # numbers for which a grid does not pay
_CHAIN = 72  # edges, at most, that compiled code compares with
_BLOCK = 4
_BITS = {torch.float32: torch.int32, torch.float64: torch.int64}


class _Grid(NamedTuple):
    """Cells over the edges, one row for each channel or one for all.

    Cells 0 and 1 are below all edges, so that NaN and all that is far below can be put there.

    Attributes:
        origin: subtracted from a number `[G]`.
        scale: cells per unit `[G]`.
        edge: the edge in a cell, of any value where there is none `[G * M]`.
        upto: number of edges in a cell and all before it `[G * M]`.
        cells: M.
    """

    origin: Tensor
    scale: Tensor
    edge: Tensor
    upto: Tensor
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
    if (grid := _grid(v, edges)) is not None:
        return _by_grid(v, grid, [grid.upto])[0]
    v = torch.nan_to_num(v.detach(), nan=-math.inf, posinf=math.inf, neginf=-math.inf)
    if edges.ndim == 1:
        ordered, back, _ = _dense(v)
        return torch.bucketize(ordered, edges, right=True, out_int32=True).permute(back)
    by_channel = v.transpose(0, 1)
    found = torch.searchsorted(
        edges.contiguous(), by_channel.flatten(1).contiguous(), right=True, out_int32=True
    )
    return torch.empty_like(v, dtype=torch.int32).copy_(found.view(by_channel.shape).transpose(0, 1))


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
    if is_transformed() or (torch.compiler.is_compiling() and edges.shape[-1] <= _CHAIN):
        found = _compared(v, edges, values)
        if through is None or not (torch.is_grad_enabled() and v.requires_grad):
            return found
        kept = torch.where(_passes(v, edges, through), v, 0.0)  # not infinite, whose difference is no number
        return found + (kept - kept.detach())
    if torch.is_grad_enabled() and (v.requires_grad or values.requires_grad):
        found = _LookUp.apply(v, edges, values, None if through is None else through.detach())
        assert isinstance(found, Tensor)
        return found
    if (grid := _grid(v, edges)) is not None:
        return _by_grid(v, grid, [_levels(grid, values)])[0]
    return take(find_cases(v, edges), values)


class _LookUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor, edges: Tensor, values: Tensor, through: Tensor | None) -> Tensor:
        if (grid := _grid(v, edges)) is not None:
            found, cases = _by_grid(v, grid, [_levels(grid, values), grid.upto.to(torch.int16)])
        else:
            cases = find_cases(v, edges)
            found, cases = take(cases, values), cases.to(torch.int16)
        passes = [] if through is None else [_passes(v, edges, through)]
        ctx.save_for_backward(cases, values, *passes)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        cases, values, *passes = ctx.saved_tensors
        back = gradient * passes[0] if passes and ctx.needs_input_grad[0] else None
        return back, None, _summed(cases, gradient, values) if ctx.needs_input_grad[2] else None, None


def _summed(cases: Tensor, gradient: Tensor, values: Tensor) -> Tensor:
    """Return the sum of the gradients of each case, in the shape of the values."""
    ordered, _, order = _dense(cases)
    gradient, N = gradient.permute(order), values.shape[-1]
    first = None
    if values.ndim > 1:
        first = _of_channel(torch.arange(len(values), dtype=torch.int32) * N, ordered, order)
    dtype = torch.promote_types(values.dtype, torch.float32)
    total = torch.zeros(values.numel(), dtype=dtype, device=values.device)
    length = len(ordered)
    if ordered.device.type == "cpu" and (first is None or order[0] != 1):
        length = max(1, _PIECE // max(1, ordered[0].numel()))
    for case, own in zip(torch.split(ordered, length), torch.split(gradient, length), strict=True):
        index = case.to(torch.int32)
        index = index if first is None else index + first
        total.index_add_(0, index.reshape(-1), own.reshape(-1).to(dtype))
    return total.view(values.shape).to(values.dtype)


def _passes(v: Tensor, edges: Tensor, values: Tensor) -> Tensor:
    """Return where a straight-through gradient passes; an edge that is infinitely low changes nothing."""
    changes = edges.detach()
    low, high = changes.masked_fill(changes == -math.inf, math.inf).amin(-1), values.detach().amax(-1)
    if edges.ndim > 1:
        shape = (-1, *[1] * (v.ndim - 2))
        low, high = low.view(shape), high.view(shape)
    return (v >= low) & (v < high)


def _compared(v: Tensor, edges: Tensor, values: Tensor) -> Tensor:
    """Return the values by comparisons alone: of every fourth edge, to choose a block, and then within it."""
    differentiable = torch.is_grad_enabled() and values.requires_grad
    size = values.shape[-1] if differentiable else _BLOCK  # backward, blocks cost more than they save
    bounds, levels = _split(_stored(edges), v), _split(values if differentiable else _stored(values), v)
    missing = -len(levels) % size
    bounds += [torch.full_like(levels[0], math.inf)] * missing
    levels += [levels[-1]] * missing
    near, found = bounds[: size - 1], levels[:size]
    for first in range(size, len(levels), size):
        above = v >= bounds[first - 1]
        near = [torch.where(above, bounds[first + i], edge) for i, edge in enumerate(near)]
        found = [torch.where(above, levels[first + i], level) for i, level in enumerate(found)]
    result = found[0].expand_as(v)
    for edge, level in zip(near, found[1:], strict=True):
        result = torch.where(v >= edge, level, result)
    # behind so many operations a view has Inductor write the axes in their order: it transposes what a
    # convolution gives, and back for the next one; this copy is not made, and leaves the order open
    return result.clone(memory_format=torch.channels_last) if result.ndim == 4 else result


def _split(table: Tensor, v: Tensor) -> list[Tensor]:
    """Return the entries of a table `[N]` or `[C, N]`, each in a shape that broadcasts to `v`."""
    shape = (-1, *[1] * (v.ndim - 2)) if table.ndim > 1 else ()
    return [entry.view(shape) for entry in table.unbind(-1)]


def _stored(table: Tensor) -> Tensor:
    """Return a table that compiled code has in memory, and does not compute anew for every number."""
    table = table.clone(memory_format=torch.contiguous_format)
    return table.as_strided(table.shape, table.stride())


def _grid(v: Tensor, edges: Tensor) -> _Grid | None:
    """Return cells of which none holds two different edges; None where that is too many or does not pay."""
    if v.device.type != "cpu" or v.dtype not in _BITS or v.numel() < _FEW or torch.compiler.is_compiling():
        return None
    rows = edges.view(-1, edges.shape[-1])
    low, width = rows[:, :1], rows[:, -1:] - rows[:, :1]
    gaps = rows.diff(dim=1) / width
    needed = 1 / float(gaps[gaps > 0].min()) if bool((gaps > 0).any()) else 1.0
    if not math.isfinite(float(width.sum())) or not needed < _CELLS / 2:
        return None
    cells = 1 << math.ceil(math.log2(1.01 * needed + 6))
    scale = torch.where(width > 0, (cells - 5) / width, 1.0).to(rows.dtype)
    origin = low - 3 / scale
    place = ((rows - origin) * scale).clamp_(1, cells - 1).to(torch.int32).long()
    if int(place.min()) < 2:  # the lowest edge is lost in rounding
        return None
    count = torch.zeros((len(rows), cells), dtype=torch.int32)
    count.scatter_add_(1, place, torch.ones_like(place, dtype=torch.int32))
    edge = torch.zeros(count.shape, dtype=rows.dtype).scatter_(1, place, rows)
    edge = torch.where(edge == 0, -0.0, edge)  # less -0.0 a number keeps its sign, and -0.0 becomes 0.0
    upto = count.cumsum(1, dtype=torch.int32)
    return _Grid(origin.view(-1), scale.view(-1), edge.view(-1), upto.view(-1), cells)


def _levels(grid: _Grid, values: Tensor) -> Tensor:
    """Return the value of numbers that are not below the edge in their cell, `[G * M]`."""
    upto = grid.upto.view(-1, grid.cells).long()
    return values.detach().expand(len(upto), -1).gather(1, upto).view(-1)


def _dense(x: Tensor) -> tuple[Tensor, tuple[int, ...], list[int]]:
    """Return a tensor with its axes in the order in memory, how to order them back, and the order."""
    order = sorted(range(x.ndim), key=x.stride, reverse=True)
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


def _by_grid(v: Tensor, grid: _Grid, tables: list[Tensor]) -> list[Tensor]:
    """Return for each table `[G * M]` its entry for every number, in the order in memory of `v`."""
    ordered, back, order = _dense(v.detach())
    found = [torch.empty(ordered.shape, dtype=table.dtype) for table in tables]
    origin, scale, first = grid.origin, grid.scale, None
    if len(origin) > 1:
        origin, scale = _of_channel(origin, ordered, order), _of_channel(scale, ordered, order)
        first = torch.arange(len(grid.origin), dtype=_BITS[v.dtype]) * grid.cells
        first = _of_channel(first, ordered, order)
        length = max(1, _PIECE // max(1, ordered[0].numel())) if order[0] == 0 else len(ordered)
        pieces, outs = torch.split(ordered, length), [torch.split(out, length) for out in found]
    else:  # one row for all: the shape does not matter
        flat = [one.view(-1) for one in (ordered, *found)]
        pieces, *outs = (torch.split(one, _PIECE) for one in flat)
    near, cell = torch.empty_like(pieces[0]), torch.empty_like(pieces[0], dtype=_BITS[v.dtype])
    for piece, *out in zip(pieces, *outs, strict=True):
        near, cell = near[: len(piece)], cell[: len(piece)]
        torch.sub(piece, origin, out=near)
        cell.copy_(near.mul_(scale).clamp_(1, grid.cells - 1)).clamp_(min=1)  # of NaN it is any integer
        if first is not None:
            cell += first
        index = cell.view(-1)
        torch.index_select(grid.edge, 0, index, out=near.view(-1))
        below = torch.sub(piece, near, out=near).view(cell.dtype)
        cell += below.bitwise_right_shift_(8 * cell.element_size() - 1)  # -1 where below, else 0
        for table, place in zip(tables, out, strict=True):
            torch.index_select(table, 0, index, out=place.view(-1))
    return [one.permute(back) for one in found]
