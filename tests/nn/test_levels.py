"""Arrays of few values as bits, exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnplug.nn.memory.levels import as_levels

GENERATOR = torch.Generator().manual_seed(0)
COUNT = (1 << 17) + 13  # several pieces, the last of which ends in the middle of a byte


def whole(most: int) -> Tensor:
    return torch.randint(0, most + 1, (COUNT,), generator=GENERATOR).float()


def same(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a.view(torch.uint8), b.view(torch.uint8))


@pytest.mark.parametrize(
    ("values", "bits"),
    [
        (whole(1), 1),
        (whole(1).bool(), 1),
        (whole(1).bfloat16(), 1),
        (whole(1).half(), 1),
        (whole(1).double(), 1),
        (whole(1) * (1 / 0.7), 1),
        (whole(3), 2),
        (whole(4) / 4, 3),
        (whole(12).bfloat16(), 4),
        (whole(200), 8),
        (whole(200).long(), 8),
        (torch.zeros(COUNT), 0),
        (torch.full((COUNT,), -0.0), 0),
        (torch.full((COUNT,), -64.3), 0),
        (whole(0).index_fill_(0, torch.tensor(7), 1.0), 1),
        (whole(1).index_fill_(0, torch.tensor(COUNT - 1), 3.0), 2),
    ],
    ids=str,
)
def test_exact(values: Tensor, bits: int) -> None:
    packed = as_levels(values)
    assert packed is not None
    assert packed.bytes == pytest.approx(COUNT * bits / 8, abs=30)
    assert same(packed.tensor(), values)


@pytest.mark.parametrize("value", [-0.0, float("nan"), float("inf"), 0.5, -1.0, 256.0, 1 + 2**-23, 1e-40])
@pytest.mark.parametrize("place", [0, 5, COUNT - 1])
def test_one_other_value_is_no_level(value: float, place: int) -> None:
    for values in (whole(1), whole(3)):
        values[place] = value
        packed = as_levels(values)
        assert packed is None or same(packed.tensor(), values)
        if value != 0.5:  # of which the others are multiples
            assert packed is None


@pytest.mark.parametrize(
    "values", [torch.randn(COUNT), torch.rand(COUNT).long() * 1000 - 5, torch.ones(9, dtype=torch.cfloat)]
)
def test_analog(values: Tensor) -> None:
    packed = as_levels(values)
    assert packed is None or same(packed.tensor(), values)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.float32])
@pytest.mark.parametrize("values", [[1], [2], [7], [3, 6], [2, 255], [1, 2, 3]])
def test_few_values_of_any_type(dtype: torch.dtype, values: list[int]) -> None:
    """Such as the indices of a pool, that point to one place or two."""
    x = torch.zeros(5000, dtype=dtype)
    for number, value in enumerate(values):
        x[number :: 3 + len(values)] = value
    packed = as_levels(x)
    assert packed is not None
    assert torch.equal(packed.tensor(), x)
    assert packed.tensor().dtype == dtype
    assert packed.bytes <= 5000


def test_large_values_of_any_type_are_kept() -> None:
    for dtype in (torch.int16, torch.int32, torch.int64):
        x = torch.zeros(5000, dtype=dtype)
        x[::3] = 300
        assert as_levels(x) is None
