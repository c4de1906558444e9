"""Charge, fire, reset."""

from __future__ import annotations

import pytest
import torch

from snnplug.nn import IntegrateAndFire, MembraneState, reset_membrane

DEFAULTS = {
    "threshold": 1.0,
    "reset": "hard",
    "reset_value": 0.0,
    "detach_reset": True,
    "surrogate": "triangle",
    "alpha": None,
}


class Adder(IntegrateAndFire):
    def __init__(self, **settings):
        super().__init__(**{**DEFAULTS, **settings})

    def charge(self, x, v):
        return v + x


class Fused(Adder):
    """Takes a kernel for float64 only, which marks its spikes."""

    def kernel(self, x, v):
        return (torch.full_like(x, 7), v + x.sum(0)) if x.dtype == torch.float64 else None


@pytest.mark.parametrize(
    ("reset", "expected"), [("hard", [0.5, -0.25]), ("soft", [0.5, 0.5]), ("none", [0.5, 1.5])]
)
def test_reset(reset, expected):
    h, s = torch.tensor([0.5, 1.5]), torch.tensor([0.0, 1.0])
    assert reset_membrane(h, s, reset, 1.0, -0.25).tolist() == expected


def test_step():
    neuron = Adder(threshold=2.0, reset_value=0.5)
    state = neuron.initial_state(torch.zeros(1, 2))
    assert state.v.tolist() == [[0.5, 0.5]]
    s, state = neuron.step(torch.tensor([[1.0, 1.5]]), state)
    assert s.tolist() == [[0.0, 1.0]]
    assert state.v.tolist() == [[1.5, 0.5]]


@pytest.mark.parametrize(("detach", "expected"), [(True, 0.0), (False, -1.2 * 0.8 * 0.7)])
def test_detached_reset(detach, expected):
    # x = (1.2, 0.7): the reset passes (1 - s) - h s'(h - 1) = -1.2 * 0.8, the second spike s'(-0.3) = 0.7
    x = torch.tensor([[[1.2]], [[0.7]]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(Adder(detach_reset=detach)(x)[1].sum(), x)
    assert grad.flatten().tolist() == pytest.approx([expected, 0.7])


def test_second_derivative_through_the_reset():
    # s''(-0.3) v'^2 + s'(-0.3) v'', where v' = -1.2 s'(0.2) and v'' = -2 s'(0.2) - 1.2 s''(0.2)
    x = torch.tensor([[[1.2]], [[0.7]]], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(Adder(detach_reset=False)(x)[1].sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first[0].sum(), x)
    assert second[0].item() == pytest.approx(0.96**2 + 0.7 * (-1.6 + 1.2))


def test_kernel_serves_step_and_sequence_where_it_applies():
    x = torch.ones(3, 1, 2)
    assert Fused()(x).unique().tolist() == [1.0]
    spikes, state = Fused()(x.double(), MembraneState(torch.zeros(1, 2, dtype=torch.float64)))
    assert spikes.unique().tolist() == [7.0]
    assert state.v.tolist() == [[3.0, 3.0]]
    spikes, state = Fused().step(x[0].double(), MembraneState(torch.ones(1, 2, dtype=torch.float64)))
    assert spikes.tolist() == [[7.0, 7.0]]
    assert state.v.tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": float("inf")}, "threshold must be finite and above 0, got inf"),
        ({"reset_value": float("nan")}, "reset_value must be below the threshold 1.0, got nan"),
        ({"reset": "none", "reset_value": 0.5}, "reset_value is used by a hard reset only"),
        ({"alpha": float("nan")}, "alpha must be finite and above 0, got nan"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match="^" + message):
        Adder(**settings)
