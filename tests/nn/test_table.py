"""Looking up a table by a real number, against comparison with every edge."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from snnplug.nn import table
from snnplug.nn.table import find_cases, look_up, take

LARGE = (8, 3, 32, 32)  # a grid is made for
SMALL = (2, 3, 4, 4)  # and not for
SHAPES = (LARGE, SMALL)


def brute(v: Tensor, edges: Tensor) -> Tensor:
    """Return the number of edges that are not greater than each number of `[B, C, *]`."""
    edges = edges.to(v.dtype)
    if edges.ndim > 1:
        edges = edges.view(len(edges), *[1] * (v.ndim - 2), -1)
    return (v.unsqueeze(-1) >= edges).sum(-1)


def of_cases(cases: Tensor, values: Tensor) -> Tensor:
    if values.ndim == 1:
        return values[cases]
    channels = torch.arange(len(values)).view(-1, *[1] * (cases.ndim - 2))
    return values[channels, cases]


def numbers(
    shape: tuple[int, ...], edges: Tensor, dtype: torch.dtype = torch.float32, seed: int = 0
) -> Tensor:
    """Return numbers below, between and above edges, and of each edge itself and both its neighbours."""
    generator = torch.Generator().manual_seed(seed)
    low, high = float(edges.min()), float(edges.max())
    width = (high - low) or 1.0
    v = low - 0.3 * width + 1.6 * width * torch.rand(shape, generator=generator, dtype=dtype)
    near = edges.to(dtype).flatten()
    infinite = torch.tensor(math.inf, dtype=dtype)
    near = torch.cat([near, near.nextafter(infinite), near.nextafter(-infinite), -near])
    flat = v.view(-1)
    places = torch.randperm(len(flat), generator=generator)[: len(near)]
    flat[places] = near[: len(places)]
    return v


def geometric(n: int = 23) -> Tensor:
    return 3 * 0.8 ** torch.arange(n).flip(0)


TABLES = {
    "one": torch.tensor([0.5]),
    "uniform": torch.linspace(0.1, 1.6, 16),
    "geometric": geometric(),
    "across 0": torch.tensor([-1.0, -0.25, 0.0, 0.125, 2.0]),
    "0 with a sign": torch.tensor([-1.0, -0.0, 1.0]),
    "negative": torch.tensor([-3.0, -2.5, -0.001]),
    "ties": torch.tensor([0.25, 0.25, 0.25, 0.5, 1.0, 1.0]),
    "all equal": torch.tensor([0.7, 0.7, 0.7]),
    "offset": 1000 + torch.linspace(0, 1, 9),
    "too fine for cells": torch.tensor([0.1, 0.1 + 1e-7, 0.3, 5.0]),
    "huge": torch.tensor([-3e38, 0.5, 3e38]),
    "infinite": torch.tensor([0.25, 0.5, math.inf, math.inf]),
    "tiny": torch.tensor([1e-40, 2e-40, 1.0]),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", TABLES)
def test_cases_are_those_of_all_comparisons(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    edges = TABLES[name]
    for seed in range(3):
        v = numbers(shape, edges.nan_to_num(posinf=1.0), dtype, seed)
        wanted = brute(v, edges)
        found = find_cases(v, edges)
        assert found.dtype == torch.int32
        assert torch.equal(found, wanted.int())
        values = torch.linspace(-1, 1, len(edges) + 1, dtype=dtype)
        assert torch.equal(look_up(v, edges, values), values[wanted])


def test_grids_are_made_where_they_are_meant_to_be() -> None:
    """The test above would prove little if all tables took the same way."""
    v = torch.zeros(LARGE)
    made = {name for name, edges in TABLES.items() if table._grid(v, edges) is not None}
    assert made == set(TABLES) - {"too fine for cells", "huge", "infinite", "tiny"}
    assert table._grid(v[:1, :, :2, :2], TABLES["one"]) is None
    assert table._grid(v.half(), TABLES["one"].half()) is None


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("rows", [1, 3])
def test_what_is_no_number_or_infinite(shape: tuple[int, ...], rows: int) -> None:
    edges = geometric().expand(rows, -1).contiguous() if rows > 1 else geometric()
    v = numbers(shape, geometric())
    special = torch.tensor([math.nan, -math.nan, math.inf, -math.inf, -0.0, 3.4e38, -3.4e38, 1e-45])
    v.view(-1)[: len(special)] = special
    negative_nan = torch.tensor([0x7FC00001 - 2**31], dtype=torch.int32).view(torch.float32)
    v.view(-1)[8:9] = negative_nan
    found = find_cases(v, edges)
    assert found.view(-1)[:9].tolist() == [0, 0, 23, 0, 0, 23, 0, 0, 0]
    assert torch.equal(found, brute(v, edges).int())


def of_each_channel() -> Tensor:
    return torch.stack([geometric(7), torch.linspace(-1, 1, 7), torch.tensor([0.5, 0.5, 0.5, 1, 1, 2, 30])])


LAYOUTS = {
    "contiguous": lambda v: v,
    "channels_last": lambda v: v.to(memory_format=torch.channels_last),
    "transposed": lambda v: v.transpose(2, 3),
    "every second": lambda v: torch.stack([v, v], -1).flatten(-2)[..., ::2],
    "expanded": lambda v: v[:1].expand(*v.shape),
    "batch last": lambda v: v.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2),
    "a part": lambda v: torch.cat([v, v], 1)[:, :3],
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("by_channel", [False, True])
def test_the_order_in_memory_does_not_matter(layout: str, by_channel: bool, shape: tuple[int, ...]) -> None:
    edges = of_each_channel() if by_channel else geometric(7)
    v = LAYOUTS[layout](numbers(shape, edges))
    values = edges.new_tensor(range(8)) * (torch.arange(1, 4).unsqueeze(1) if by_channel else 1)
    wanted = brute(v, edges)
    assert torch.equal(find_cases(v, edges), wanted.int())
    found = look_up(v, edges, values)
    assert torch.equal(found, of_cases(wanted, values))
    assert torch.equal(take(wanted.int(), values), of_cases(wanted, values))
    if layout == "channels_last" and shape == LARGE:
        assert found.is_contiguous(memory_format=torch.channels_last)


def test_any_number_of_axes() -> None:
    edges = of_each_channel()
    for shape in ((5000, 3), (600, 3, 7), (20, 3, 4, 5, 6), (1, 3, 90, 90)):
        v = numbers(shape, edges)
        assert torch.equal(find_cases(v, edges), brute(v, edges).int())


def test_pieces_of_any_length(monkeypatch: pytest.MonkeyPatch) -> None:
    v = numbers((11, 3, 40, 40), geometric())
    for piece in (1, 7, 4800, 5000, 10**6):
        monkeypatch.setattr(table, "_PIECE", piece if piece > 100 else 4799 + piece)
        for edges in (geometric(), of_each_channel()):
            assert torch.equal(find_cases(v, edges), brute(v, edges).int())


def test_nothing_to_look_up() -> None:
    for edges in (geometric(), of_each_channel()):
        v = torch.empty(0, 3, 4, 4)
        values = torch.zeros(*edges.shape[:-1], edges.shape[-1] + 1)
        assert look_up(v, edges, values).shape == v.shape
        assert find_cases(v, edges).shape == v.shape


def test_flushed_denormals_change_nothing() -> None:
    edges = torch.tensor([-1.0, 0.0, 1.0])
    v = numbers(LARGE, edges)
    v.view(-1)[:4] = torch.tensor([0.0, -0.0, 1e-30, -1e-30])
    v[v.abs() < 1e-37] = 0  # a comparison would flush them too
    wanted = brute(v, edges).int()
    if not torch.set_flush_denormal(True):
        pytest.skip("this CPU does not flush denormals")
    try:
        assert torch.equal(find_cases(v, edges), wanted)
    finally:
        torch.set_flush_denormal(False)


# gradients


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("by_channel", [False, True])
def test_gradients_by_hand(shape: tuple[int, ...], by_channel: bool) -> None:
    edges = (of_each_channel() if by_channel else geometric(7)).double()
    v = numbers(shape, edges, torch.float64).requires_grad_()
    levels = (torch.linspace(0, 2, 8) * (torch.arange(1, 4).unsqueeze(1) if by_channel else 1)).double()
    values = (levels + 7).requires_grad_()
    weight = torch.rand(shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    found = look_up(v, edges, values, through=levels)
    (found * weight).sum().backward()
    cases = brute(v.detach(), edges)
    wanted = torch.zeros_like(levels)
    for c, (row, w) in enumerate(zip(cases.transpose(0, 1), weight.transpose(0, 1), strict=True)):
        for case, one in zip(row.flatten().tolist(), w.flatten().tolist(), strict=True):
            wanted[(c, case) if by_channel else case] += one
    assert values.grad is not None
    assert v.grad is not None
    assert_close(values.grad, wanted, rtol=1e-12, atol=1e-12)
    low, high = edges[..., 0], levels.amax(-1)
    if by_channel:
        low, high = low.view(3, 1, 1), high.view(3, 1, 1)
    passes = (v.detach() >= low) & (v.detach() < high)
    assert passes.any()
    assert not passes.all()
    assert torch.equal(v.grad, weight * passes)
    assert torch.equal(found.detach(), of_cases(cases, values.detach()))


def test_a_number_has_no_gradient_without_levels() -> None:
    v = numbers(LARGE, geometric()).requires_grad_()
    values = torch.linspace(0, 1, 24).requires_grad_()
    found = look_up(v, geometric(), values)
    given = torch.autograd.grad(found.sum(), (v, values), allow_unused=True)
    assert given[0] is None
    assert given[1].sum() == v.numel()


@pytest.mark.parametrize("needs", [(True, False), (False, True)])
def test_only_the_gradients_that_are_asked_for(needs: tuple[bool, bool]) -> None:
    v = numbers(LARGE, geometric()).requires_grad_(needs[0])
    values = torch.linspace(0, 1, 24).requires_grad_(needs[1])
    look_up(v, geometric(), values, through=values).sum().backward()
    assert (v.grad is not None, values.grad is not None) == needs


# compiled


@pytest.mark.slow
@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize("levels", [8, 100])
def test_compiled_is_equal(by_channel: bool, levels: int) -> None:
    edges = torch.linspace(0.1, 3, levels - 1)
    edges = torch.stack([edges, 0.5 * edges, edges - 1]) if by_channel else edges
    values = torch.cat([edges[..., :1] - 1, edges], -1)
    v = numbers(LARGE, edges)
    v.view(-1)[:3] = torch.tensor([math.nan, math.inf, -math.inf])
    weight = torch.rand(LARGE, generator=torch.Generator().manual_seed(4))

    def run(v: Tensor, values: Tensor) -> Tensor:
        return look_up(v, edges, values, through=values)

    torch._dynamo.reset()
    compiled = torch.compile(run, fullgraph=True)
    with torch.no_grad():
        assert torch.equal(compiled(v, values), run(v, values))
    gradients: list[Any] = []
    for way in (run, compiled):
        a, b = v.clone().requires_grad_(), values.clone().requires_grad_()
        found = way(a, b)
        (found * weight).nansum().backward()
        gradients.append((found.detach(), a.grad, b.grad))
    (found, *eager), (found_again, *again) = gradients
    assert torch.equal(found_again.nan_to_num(7.0), found.nan_to_num(7.0))
    assert_close(again, eager, rtol=1e-4, atol=1e-4)


def test_few_numbers_by_channel_with_edges_that_are_a_view() -> None:
    edges = torch.tensor([[0.1, 0.5], [0.2, 0.7]]).flip(-1).flip(-1).T.contiguous().T
    assert not edges.is_contiguous()
    v = torch.tensor([[0.3, 0.1], [0.6, 0.8]])
    assert find_cases(v, edges).tolist() == [[1, 0], [2, 2]]


def test_compiled_code_leaves_the_order_of_axes_to_the_convolutions_around_it() -> None:
    edges, values = torch.tensor([0.5, 1.5]), torch.tensor([0.0, 1.0, 2.0])
    torch._dynamo.reset()
    compiled = torch.compile(lambda v: look_up(v, edges, values), backend="eager", fullgraph=True)
    for shape in ((2, 3, 4, 5), (2, 3), (2, 3, 4, 5, 6)):
        v = 2 * torch.rand(shape)
        assert torch.equal(compiled(v), look_up(v, edges, values))
    assert compiled(torch.rand(2, 3, 4, 5)).is_contiguous(memory_format=torch.channels_last)
