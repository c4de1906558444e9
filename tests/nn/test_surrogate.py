"""Surrogates in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from snnplug.errors import ParameterError
from snnplug.nn import SURROGATES, sharpness, spike


def slope(at, surrogate, alpha=None):
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(spike(x, surrogate, alpha), x)
    return grad.item()


@pytest.mark.parametrize(
    ("surrogate", "alpha", "at", "expected"),
    [
        ("atan", None, 0.0, 1.0),
        ("atan", None, 1 / math.pi, 0.5),
        ("atan", 4.0, 0.0, 2.0),
        ("sigmoid", None, 0.0, 1.0),
        ("sigmoid", None, math.log(3) / 4, 4 * 0.75 * 0.25),
        ("sigmoid", 8.0, 0.0, 2.0),
        ("triangle", None, 0.0, 1.0),
        ("triangle", None, -0.5, 0.5),
        ("triangle", None, 1.0, 0.0),
        ("triangle", 0.5, 0.25, 1.0),
        ("triangle", 0.5, 0.75, 0.0),
        ("fast_sigmoid", None, 0.0, 1.0),
        ("fast_sigmoid", None, 0.04, 0.25),
        ("superspike", None, -0.01, 0.25),
        ("superspike", 1.0, 1.0, 0.25),
        ("rectangle", None, 0.4, 1.0),
        ("rectangle", None, 0.6, 0.0),
        ("rectangle", 2.0, -0.9, 0.5),
    ],
)
def test_slope(surrogate, alpha, at, expected):
    assert slope(at, surrogate, alpha) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_slope_is_even_and_largest_at_threshold(surrogate):
    for at in (0.003, 0.1, 0.45):
        assert slope(at, surrogate) == pytest.approx(slope(-at, surrogate), rel=1e-12)
        assert 0 <= slope(at, surrogate) <= slope(0.0, surrogate)


@pytest.mark.parametrize("surrogate", ["atan", "rectangle", "sigmoid", "triangle"])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_normalised_surrogates_rise_by_one(surrogate, alpha):
    # trapezoids on [-2000, 2000]; the arctangent's tails beyond hold 2 / (pi^2 alpha 2000)
    x = torch.linspace(-2000, 2000, 4_000_001, dtype=torch.float64)
    area = torch.trapezoid(SURROGATES[surrogate].derivative(x, alpha), x)
    assert area.item() == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_forward_is_a_step(surrogate):
    x = torch.tensor([-1.0, -1e-30, 0.0, 1e-30, 1.0])
    assert spike(x, surrogate).tolist() == [0, 0, 1, 1, 1]
    assert spike(x, surrogate, strict=True).tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_keeps_the_type_and_stays_finite(surrogate, dtype):
    x = torch.tensor([-50.0, -5.0, 0.0, 5.0, 50.0], dtype=dtype, requires_grad=True)
    spikes = spike(x, surrogate)
    spikes.sum().backward()
    assert spikes.dtype == x.grad.dtype == dtype
    assert x.grad.isfinite().all()


def test_unknown_name():
    with pytest.raises(ParameterError, match=r"unknown surrogate 'sigmod'. Did you mean 'sigmoid'\?"):
        spike(torch.zeros(1), "sigmod")


def test_sharpness_is_the_usual_one_unless_given():
    assert sharpness("sigmoid", None) == 4.0
    assert sharpness("sigmoid", 7) == 7.0
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match=rf"^alpha must be (finite and )?above 0, got {wrong}"):
            sharpness("sigmoid", wrong)
    with pytest.raises(ParameterError, match="unknown surrogate 'sigmoidd'"):
        sharpness("sigmoidd", None)
