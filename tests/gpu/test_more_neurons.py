"""IMP, GLIF, KLIF and the PSN family give the same spikes and gradients on the GPU as on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch

from snnplug.nn import materialize, seeded
from snnplug.testing import step_loop

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

FUSED = [
    {"use": name, "reset": reset, "detach_reset": detach}
    for name in ("if", "lif", "plif")
    for reset in ("hard", "soft")
    for detach in (True, False)
]
CASES = [
    ("imp", {"base": {"use": "klif", "reset": "soft"}}),
    ("imp", {"base": "glif"}),
    ("glif", {}),
    ("glif", {"conductance": "static", "strict": True}),
    ("klif", {}),
    ("klif", {"reset": "soft", "scale_reset": True, "detach_reset": False}),
    ("psn", {}),
    ("masked_psn", {"k": 3, "lambda_": 0.4}),
    ("masked_psn", {"k": 3}),
    ("sliding_psn", {"k": 3}),
    ("sliding_psn", {"k": 1}),
]


def data(seed=0):
    """Current and loss weights `[T, B, C, H, W]`; multiples of 1/64, so that sums are exact in float32."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 160, (8, 4, 3, 5, 5), generator=generator) / 64
    return x, torch.randint(-64, 65, x.shape, generator=generator) / 64


def build(registry, name, parameters):
    with seeded(0):
        neuron = registry.create("neuron", name, **parameters)
        materialize(neuron, data()[0])
    if name == "imp":
        with torch.no_grad():
            neuron.theta.copy_((neuron.theta * 64).round() / 64)
    if neuron.windowed:
        with torch.no_grad():
            neuron.weight.mul_(4)  # so that it spikes now and then
    return neuron


def everything(neuron, device, dtype):
    neuron = copy.deepcopy(neuron).to(device, dtype)
    x, weight = (values.to(device, dtype) for values in data())
    x.requires_grad_()
    spikes = neuron(x)
    gradients = torch.autograd.grad((spikes * weight).sum(), [x, *neuron.parameters()])
    return [result.detach().cpu() for result in (spikes, *gradients)]


def compare(gpu, cpu, tolerance):
    assert torch.equal(gpu[0], cpu[0])
    assert 0.02 < cpu[0].mean() < 0.98
    for a, b in zip(gpu[1:], cpu[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * b.abs().max().item())


@pytest.mark.parametrize("shape", ["neuron", "channel", "layer"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("base", FUSED, ids=str)
def test_initial_potential_through_the_kernels(registry, base, dtype, shape):
    neuron = build(registry, "imp", {"base": base, "shape": shape})
    cpu, gpu = (everything(neuron, device, dtype) for device in ("cpu", "cuda"))
    compare(gpu, cpu, 1e-9 if dtype == torch.float64 else 1e-4)
    assert cpu[2].any()  # theta


@pytest.mark.parametrize("name", ["if", "lif", "plif"])
def test_initial_potential_uses_the_kernel_of_its_base(registry, name, monkeypatch):
    neuron = build(registry, "imp", {"base": name}).cuda()
    results = []
    kernel = neuron.base.kernel
    monkeypatch.setattr(neuron.base, "kernel", lambda x, v: results.append(kernel(x, v)) or results[-1])
    neuron(data()[0].cuda())
    (result,) = results  # one call for the whole sequence
    assert result is not None


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_gpu_equals_cpu(registry, name, parameters):
    neuron = build(registry, name, parameters)
    cpu, gpu = (everything(neuron, device, torch.float64) for device in ("cpu", "cuda"))
    compare(gpu, cpu, 1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [case for case in CASES if "psn" not in case[0] or case[0] == "sliding_psn"],
    ids=str,
)
def test_forward_equals_loop_of_step_on_the_gpu(registry, name, parameters, dtype):
    neuron = build(registry, name, parameters).cuda()
    generator = torch.Generator().manual_seed(3)
    x = (torch.rand(8, 4, 3, 5, 5, generator=generator) * 3).to("cuda", dtype)
    spikes, states = step_loop(neuron, x)
    whole = neuron(x)
    assert torch.equal(whole, spikes)
    assert whole.dtype == dtype
    assert states[-1].v.dtype == torch.float32


@pytest.mark.parametrize(("name", "parameters"), CASES, ids=str)
def test_mixed_precision_changes_no_spike(registry, name, parameters):
    neuron, x = build(registry, name, parameters).cuda(), data()[0].cuda()  # multiples of 1/64 below 2.5
    with torch.autocast("cuda", torch.float16):
        mixed = neuron(x.half())
    assert mixed.dtype == torch.float16
    assert torch.equal(mixed.float(), neuron(x))
