"""Neurons of other libraries, encoders and the sparse loss give on the GPU what they give on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from snnplug import Task
from snnplug.nn import TimeSequential, as_neuron, seeded

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

NEURONS = [
    ("leaky", {"beta": 0.5}),
    ("leaky", {"beta": 0.75, "reset_mechanism": "zero", "learn_beta": True, "learn_threshold": True}),
    ("leaky", {"beta": 0.5, "reset_delay": False}),
    ("norse_lif", {"tau_mem": 2.0, "tau_syn": 2.0}),
    ("norse_lif", {"tau_mem": 4.0, "tau_syn": 2.0, "learnable": True, "surrogate": "circ"}),
    ("norse_lif_box", {"tau_mem": 2.0, "reset": "soft"}),
]
ENCODERS = [
    ("phase", {}),
    ("phase", {"period": 5, "weighted": False}),
    ("burst", {}),
    ("burst", {"threshold": 0.3, "beta": 1.7}),
    ("delta", {"threshold": 0.07}),
    ("delta", {"reference": "previous", "off": "negative"}),
    ("population", {}),
    ("population", {"base": {"use": "poisson", "rate": 0.9}}),
    ("population", {"neurons": 5, "base": {"use": "latency", "code": "log"}}),
]


def data(seed=0):
    """Current and loss weights `[T, B, C, H, W]`; multiples of 1/64, so that sums are exact in float32."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 160, (8, 4, 3, 5, 5), generator=generator) / 64
    return x, torch.randint(-64, 65, x.shape, generator=generator) / 64


def everything(neuron, device, dtype):
    neuron = neuron.to(device, dtype)
    x, weight = (values.to(device, dtype) for values in data())
    x.requires_grad_()
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    loss = (spikes * weight).sum() + state.v.square().sum()
    gradients = torch.autograd.grad(loss, [x, *neuron.parameters()])
    assert {t.device.type for t in (spikes, *state, *gradients)} == {device}
    return [result.detach().cpu() for result in (spikes, *state, *gradients)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "parameters"), NEURONS, ids=str)
def test_neurons(registry, name, parameters, dtype):
    if name.startswith("norse"):
        pytest.importorskip("norse")
    component = registry.use("neuron", name, **parameters)
    cpu = everything(component.build(), "cpu", dtype)
    gpu = everything(component.build(), "cuda", dtype)
    assert torch.equal(gpu[0], cpu[0])
    assert 0.05 < cpu[0].mean() < 0.95
    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    for a, b in zip(gpu[1:], cpu[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance * b.abs().max().item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize(("name", "parameters"), ENCODERS, ids=str)
def test_encoders_to_the_last_bit(registry, name, parameters, dtype):
    task = Task(input_shape=(2, 16, 16), classes=2)
    encoder = registry.create("encoder", name, task, steps=12, **parameters)
    generator = torch.Generator().manual_seed(0)
    values = torch.cat(
        [torch.rand(8, 2, 16, 16, generator=generator), torch.arange(512).reshape(1, 2, 16, 16) / 511]
    ).to(dtype)
    cpu = encoder(values, torch.Generator().manual_seed(1))
    gpu = encoder.cuda()(values.cuda(), torch.Generator().manual_seed(1))
    assert gpu.is_cuda
    assert torch.equal(gpu.cpu(), cpu)


def test_sparse_loss(registry):
    neuron = registry.use("neuron", "lif", threshold=0.25)
    with seeded(0):
        model = TimeSequential(
            nn.Flatten(), nn.Linear(75, 16), as_neuron(neuron), nn.Linear(16, 4), as_neuron(neuron)
        ).double()
    x, target = data()[0].double(), torch.tensor([0, 1, 2, 3])
    results = []
    for device in ("cpu", "cuda"):
        model = model.to(device)
        loss = registry.create("loss", "sparse", base="tet", weight=0.5, target=0.05).to(device)
        loss.watch(model)
        value = loss(model(x.to(device)), target.to(device))
        assert value > loss.base(model(x.to(device)), target.to(device))
        results.append([value, *torch.autograd.grad(value, list(model.parameters()))])
        loss.unwatch()
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a.cpu(), b.cpu())


def test_half_precision_under_autocast(registry):
    model = TimeSequential(nn.Linear(5, 16), as_neuron(registry.use("neuron", "lif"))).cuda()
    loss = registry.create("loss", "sparse", base="tet", weight=0.5)
    loss.watch(model)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        outputs = model(torch.rand(8, 4, 5, device="cuda"))
        value = loss(outputs, torch.tensor([0, 1, 2, 3], device="cuda"))
    assert torch.isfinite(value)
    assert loss.rates.spikes["layers.1"].dtype == torch.float32
    loss.unwatch()
