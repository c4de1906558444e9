"""Transforms of torch.func work on every neuron of ours: gradients, batches, stacked neurons."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from snnplug import Registry
from snnplug.nn import StepwiseBatchNorm2d, materialize, seeded

REGISTRY = Registry.from_installed(quiet=True)
OTHERS = ("norse_lif", "norse_lif_box")  # whose own functions have no rule for vmap
NAMES = sorted(one.name for one in REGISTRY.list("neuron") if one.name not in OTHERS)


def neuron(name: str) -> Any:
    base = {"base": REGISTRY.use("neuron", "plif")} if name == "imp" else {}
    made = REGISTRY.create("neuron", name, **base).double()
    materialize(made, inputs())
    return made


def inputs() -> Tensor:
    return torch.rand(4, 2, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2


def total(made: Any, x: Tensor) -> Tensor:
    weights = torch.linspace(0.5, 1.5, 5, dtype=torch.float64)
    found: Tensor = (made(x) * weights).sum()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_gradients_by_transforms_equal_those_of_autograd(name: str) -> None:
    made, x = neuron(name), inputs()
    wanted = torch.autograd.grad(total(made, y := x.clone().requires_grad_()), y)[0]
    torch.testing.assert_close(grad(lambda x: total(made, x))(x), wanted)
    batch = torch.stack([x, x.flip(0)])
    outputs = vmap(made)(batch)
    assert torch.equal(outputs[0], made(x))
    assert torch.equal(outputs[1], made(x.flip(0)))
    each = vmap(grad(lambda x: total(made, x)))(batch)
    torch.testing.assert_close(each[0], wanted)


@pytest.mark.parametrize("name", NAMES)
def test_stacked_neurons_equal_each_by_itself(name: str) -> None:
    with seeded(0):
        several, x = [neuron(name) for _ in range(3)], inputs()
    for number, one in enumerate(several):
        for parameter in one.parameters():
            with torch.no_grad():
                parameter.mul_(1 + 0.1 * number)
    parameters, buffers = stack_module_state(several)
    if not parameters and not buffers:
        pytest.skip("nothing of it could be stacked")
    found = vmap(lambda p, b: functional_call(several[0], (p, b), (x,)))(parameters, buffers)
    for one, outputs in zip(several, found, strict=True):
        torch.testing.assert_close(outputs, one(x))


def test_stepwise_norms_under_transforms() -> None:
    norm = StepwiseBatchNorm2d(3).double().eval()
    x = torch.rand(2, 2, 4, 3, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(vmap(norm)(x)[1], norm(x[1]))
