"""The fan-out of a spike by where it comes in, against counting taps one by one."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from snnplug.nn import TimeSequential, record
from snnplug.nn.fan_out import fan_out

from .counting import binary, by_convolution


def count_taps(x: Tensor, layer: nn.Conv2d) -> tuple[float, int]:
    """Sum the input over all (output element, kernel tap) pairs, and count the pairs not on padding."""
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.stride, layer.dilation
    ph, pw = layer.padding
    _, H, W = x.shape
    rows = (H + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    columns = (W + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    inputs, outputs = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    total, pairs = 0.0, 0
    for group, i, j, k, m in itertools.product(
        range(layer.groups), range(rows), range(columns), range(kh), range(kw)
    ):
        y, z = i * sh - ph + k * dh, j * sw - pw + m * dw
        if 0 <= y < H and 0 <= z < W:
            total += outputs * float(x[group * inputs : (group + 1) * inputs, y, z].sum())
            pairs += outputs * inputs
    return total, pairs


pair = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    groups=st.integers(1, 2),
    channels=pair,
    kernel=pair,
    stride=pair,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    extra=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    seed=st.integers(0, 99),
)
def test_operations_of_any_convolution_equal_direct_summation(
    groups: int,
    channels: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    extra: tuple[int, int],
    seed: int,
) -> None:
    size = [d * (k - 1) + 1 + e for d, k, e in zip(dilation, kernel, extra, strict=True)]
    inputs, outputs = (groups * c for c in channels)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups)
    x = binary(2, 1, inputs, *size, seed=seed)
    model = TimeSequential(layer)
    with record(model) as activity:
        model(x)
    (seen,) = activity.synapses.values()
    expected = [count_taps(step[0], layer) for step in x]
    assert seen.operations == [operations for operations, _ in expected]
    assert seen.macs == 2 * expected[0][1]
    assert seen.events == [float(step.sum()) for step in x]
    assert not seen.analog
    assert seen.parameters == layer.weight.numel() + outputs


def test_fan_out_at_the_border_is_smaller() -> None:
    taps = fan_out(nn.Conv2d(1, 1, 3, padding=1), (1, 3, 3))
    assert taps.tolist() == [[[4, 6, 4], [6, 9, 6], [4, 6, 4]]]
    assert float(fan_out(nn.Conv2d(1, 1, 3, padding=1), (1, 8, 8)).sum()) == 484


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Conv1d(1, 2, 3, padding=1), (1, 4), [[4, 6, 6, 4]]),
        (nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular"), (1, 4), [[6, 6, 6, 6]]),
        (nn.Conv1d(1, 1, 3, padding="same"), (1, 3), [[2, 3, 2]]),
        (nn.Conv3d(1, 5, 1), (1, 1, 1, 2), [[[[5, 5]]]]),
    ],
)
def test_fan_out_of_other_convolutions(
    layer: nn.Module, shape: tuple[int, ...], expected: list[object]
) -> None:
    assert fan_out(layer, shape).tolist() == expected


def by_autograd(layer: nn.Module, shape: tuple[int, ...], mask: Tensor) -> Tensor:
    """Return the derivative of the sum of all outputs under weights of 1, or 0 where the mask is."""
    x = torch.ones(1, *shape, dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        layer.double().weight.copy_(mask)  # type: ignore[operator]
    (taps,) = torch.autograd.grad(layer(x).sum(), x)
    return taps[0].round()


@pytest.mark.parametrize("padding_mode", ["zeros", "circular", "reflect", "replicate"])
@pytest.mark.parametrize("padding", [(1, 2), "same"])
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_padding_of_every_kind(padding_mode: str, padding: str | tuple[int, int]) -> None:
    layer = nn.Conv2d(4, 6, (2, 3), padding=padding, groups=2, dilation=(1, 2), padding_mode=padding_mode)
    mask = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)).lt(0.5)
    for weights in (torch.ones_like(mask), mask):
        assert torch.equal(fan_out(layer, (4, 5, 6), weights), by_autograd(layer, (4, 5, 6), weights))
    assert torch.equal(fan_out(layer, (4, 5, 6)), fan_out(layer, (4, 5, 6), torch.ones_like(mask)))
    x = binary(2, 1, 4, 5, 6)
    model = TimeSequential(layer.float())
    with record(model) as activity:
        model(x)
    seen = activity.synapses["layers.0"]
    dense = fan_out(layer, (4, 5, 6))
    assert seen.operations == [float((step[0] * dense).sum()) for step in x]
    assert seen.effective == [float((step[0] * fan_out(layer, (4, 5, 6), mask)).sum()) for step in x]
    assert seen.macs == 2 * float(dense.sum())
    assert seen.events == x.sum((1, 2, 3, 4)).tolist()  # before the padding copies some


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1),
        nn.ConvTranspose1d(2, 4, 3, groups=2),
    ],
)
def test_transposed_convolutions(layer: nn.ConvTranspose1d) -> None:
    x = torch.zeros(1, 2, 4)
    for channel, place in itertools.product(range(2), range(4)):
        x.zero_()[0, channel, place] = 1
        assert by_convolution(x, layer)[0] == fan_out(layer, (2, 4))[channel, place]
