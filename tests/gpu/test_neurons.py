"""The GPU gives the same spikes, potentials and gradients as the CPU."""

from __future__ import annotations

import pytest
import torch

from snnplug.testing import step_loop

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

CASES = [
    (name, {"reset": reset, "detach_reset": detach, **decay})
    for name in ("if", "lif", "plif")
    for reset in ("hard", "soft", "none")
    for detach in (True, False)
    for decay in ([{}] if name == "if" else [{"decay_input": True}, {"decay_input": False}])
] + [
    (name, {"surrogate": surrogate})
    for name in ("if", "lif", "plif")
    for surrogate in ("sigmoid", "triangle", "rectangle")
]


def data(seed=0):
    """Current and loss weights `[T, B, C, H, W]`; multiples of 1/64, so that sums are exact in float32."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 160, (8, 4, 3, 5, 5), generator=generator) / 64
    return x, torch.randint(-64, 65, x.shape, generator=generator) / 64


def everything(neuron, device, dtype, stepwise):
    neuron = neuron.to(device, dtype)
    x, weight = (values.to(device, dtype) for values in data())
    x.requires_grad_()
    if stepwise:
        spikes, states = step_loop(neuron, x)
        state = states[-1]
    else:
        spikes, state = neuron(x, neuron.initial_state(x[0]))
    loss = (spikes * weight).sum() + state.v.square().sum()
    gradients = torch.autograd.grad(loss, [x, *neuron.parameters()])
    return [result.detach().cpu() for result in (spikes, state.v, *gradients)]


@pytest.mark.parametrize("stepwise", [True, False], ids=["step", "forward"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_gpu_equals_cpu(registry, name, parameters, dtype, stepwise):
    component = registry.use("neuron", name, **parameters)
    cpu = everything(component.build(), "cpu", dtype, stepwise)
    gpu = everything(component.build(), "cuda", dtype, stepwise)
    assert torch.equal(gpu[0], cpu[0])
    assert 0.05 < cpu[0].mean() < 0.95
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    for a, b in zip(gpu[1:], cpu[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * b.abs().max().item())


@pytest.mark.parametrize("name", ["if", "lif", "plif"])
@pytest.mark.parametrize("tau", [2.0, 4 / 3, 3.7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_forward_equals_loop_of_step_on_the_gpu(registry, name, tau, dtype):
    neuron = registry.create("neuron", name, **({} if name == "if" else {"tau": tau})).cuda()
    generator = torch.Generator().manual_seed(3)
    x = (torch.rand(8, 4, 3, 5, 5, generator=generator) * 3).to("cuda", dtype)
    spikes, states = step_loop(neuron, x)
    whole = neuron(x)
    assert torch.equal(whole, spikes)
    assert whole.dtype == dtype
    assert states[-1].v.dtype == torch.float32


@pytest.mark.parametrize("name", ["if", "lif", "plif"])
def test_static_and_channels_last_input(registry, name):
    neuron = registry.create("neuron", name).cuda()
    x, _ = (values.cuda() for values in data())
    static = x[0].expand(5, *x.shape[1:])
    assert torch.equal(neuron(static), neuron(static.contiguous()))
    turned = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    assert torch.equal(neuron(turned), neuron(x))


@pytest.mark.parametrize("name", ["if", "lif", "plif"])
def test_kernel_is_used(registry, name):
    neuron = registry.create("neuron", name).cuda()
    x = torch.rand(2, 1, 3, device="cuda")
    assert neuron.kernel(x, x[0]) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["if", "lif", "plif"])
def test_compiles_without_a_graph_break(registry, name):
    torch._dynamo.reset()
    neuron = registry.create("neuron", name).cuda()
    x = data()[0].cuda().requires_grad_()
    compiled = torch.compile(neuron, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), neuron(x))
    (expected,) = torch.autograd.grad(neuron(x).sum(), x)
    (got,) = torch.autograd.grad(compiled(x).sum(), x)
    torch.testing.assert_close(got, expected)
