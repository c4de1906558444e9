"""PSN, masked and sliding PSN and GLIF against traces of SpikingJelly 2.0, and KLIF against it live."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from snnplug.nn import materialize
from snnplug.testing import step_loop

PSN = ["psn", "masked_psn_k4_lambda0.4", "masked_psn_k4_lambda1.0", "sliding_psn_k3", "sliding_psn_k4"]
GLIF = {  # our name of each parameter: SpikingJelly's
    "gate_leak": "alpha",
    "gate_input": "beta",
    "gate_reset": "gamma",
    "retention": "tau",
    "threshold": "v_threshold",
    "leak": "linear_decay",
    "subtracted": "v_subreset",
    "conductance": "conduct",
}
PRECISIONS = pytest.mark.parametrize(
    ("dtype", "potential", "gradient"),
    [(torch.float64, 1e-9, 1e-6), (torch.float32, 2e-5, 1e-4)],
    ids=["f64", "f32"],
)


@pytest.fixture(scope="module")
def traces(oracles):
    with np.load(oracles / "neurons" / "traces_seed0.npz", allow_pickle=False) as file:
        wanted = [name for name in file.files if "psn" in name or "glif" in name]
        return {name: torch.from_numpy(file[name]) for name in wanted}


@pytest.fixture(scope="module")
def settings(oracles):
    return json.loads((oracles / "neurons" / "traces_seed0_configs.json").read_text())


def close(found, expected, tolerance):
    expected = expected.to(found.dtype)
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance * max(1, expected.abs().max().item()))


def potentials(neuron, x):
    """Spikes and membrane potentials of the loop of `step`."""
    spikes, states = step_loop(neuron, x)
    return spikes, torch.stack([state.v for state in states])


@pytest.mark.data
@PRECISIONS
@pytest.mark.parametrize("name", PSN)
def test_psn(registry, traces, settings, name, dtype, potential, gradient):
    def oracle(what):
        return traces[f"sj_{name}/{what}"]

    facts = settings[f"sj_{name}"]
    registered = {"PSN": "psn", "MaskedPSN": "masked_psn", "SlidingPSN": "sliding_psn"}[facts["neuron"]]
    renamed = {"k": "k", "lambda_": "lambda_"}
    neuron = registry.create("neuron", registered, **{renamed[k]: facts[k] for k in renamed if k in facts})
    x = oracle("x").to(dtype, copy=True)
    materialize(neuron, x)
    neuron = neuron.to(dtype)
    assert neuron.weight.shape == oracle("weight").shape
    assert neuron.bias.shape == oracle("bias").shape
    with torch.no_grad():
        neuron.weight.copy_(oracle("weight"))
        neuron.bias.copy_(oracle("bias"))

    x.requires_grad_()
    spikes = neuron(x)
    assert torch.equal(spikes.to(torch.uint8), oracle("spikes"))
    if neuron.windowed:
        h = (neuron.matrix() @ x.flatten(1) + neuron.bias).view_as(x)
    else:
        by_step, v = potentials(neuron, x)
        assert torch.equal(by_step, spikes)
        h = v + neuron.bias
    close(h, oracle("h_f64"), potential)

    (spikes * oracle("r").to(dtype)).sum().backward()
    close(x.grad, oracle("grad_x_f64"), gradient)
    close(neuron.weight.grad, oracle("grad_weight_f64"), gradient)
    close(neuron.bias.grad, oracle("grad_bias_f64"), gradient)


@pytest.mark.data
@PRECISIONS
@pytest.mark.parametrize("stepwise", [True, False], ids=["step", "forward"])
@pytest.mark.parametrize("layout", ["[B, N]", "[B, C, 1, 1]"])
def test_glif(registry, traces, layout, stepwise, dtype, potential, gradient):
    def oracle(what):
        return traces[f"sj_glif/{what}"]

    more = (1, 1) if layout == "[B, C, 1, 1]" else ()
    x, r = (oracle(name).to(dtype, copy=True).view(16, 4, 8, *more) for name in ("x", "r"))
    neuron = registry.create("neuron", "glif")
    materialize(neuron, x)
    with torch.no_grad():
        for ours, theirs in GLIF.items():
            neuron.get_parameter(ours).copy_(oracle(f"param_{theirs}"))

    x.requires_grad_()
    if stepwise:
        spikes, u = potentials(neuron, x)
        close(u.view(16, 4, 8), oracle("u_pre_f64"), potential)
    else:
        spikes = neuron(x)
    assert torch.equal(spikes.to(torch.uint8).view(16, 4, 8), oracle("spikes"))

    (spikes * r).sum().backward()
    close(x.grad.view(16, 4, 8), oracle("grad_x_f64"), gradient)
    for ours, theirs in GLIF.items():
        close(neuron.get_parameter(ours).grad, oracle(f"grad_{theirs}_f64"), gradient)


@pytest.mark.data
def test_every_configuration_is_covered(settings):
    assert sorted(n for n in settings if "psn" in n or "glif" in n) == sorted(
        ["sj_glif", *(f"sj_{name}" for name in PSN)]
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("detach", [True, False], ids=["detach", "through"])
@pytest.mark.parametrize("reset", ["hard", "soft", "below"])
@pytest.mark.parametrize("decay_input", [True, False], ids=["decayed", "whole"])
@pytest.mark.parametrize("scale_reset", [True, False], ids=["scaled", "unscaled"])
def test_klif(registry, scale_reset, decay_input, reset, detach, dtype):
    node = pytest.importorskip("spikingjelly.activation_based.neuron")
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    target = {"hard": 0.0, "soft": None, "below": -0.25}[reset]
    theirs = node.KLIFNode(
        scale_reset=scale_reset,
        tau=3.0,
        decay_input=decay_input,
        v_reset=target,
        surrogate_function=surrogate.ATan(),
        detach_reset=detach,
        step_mode="m",
    ).to(dtype)
    ours = registry.create(
        "neuron",
        "klif",
        tau=3.0,
        scale_reset=scale_reset,
        decay_input=decay_input,
        reset="soft" if reset == "soft" else "hard",
        reset_value=target or 0.0,
        detach_reset=detach,
    ).to(dtype)
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(12, 4, 8, generator=generator, dtype=dtype) * 3 - 0.5
    weights = torch.randn(12, 4, 8, generator=generator, dtype=dtype)
    results = []
    for neuron in (ours, theirs):
        torch.nn.init.constant_(neuron.k, 1.3)
        x = values.clone().requires_grad_()
        spikes = neuron(x)
        gradients = torch.autograd.grad((spikes * weights).sum(), (x, neuron.k))
        results.append((spikes, *gradients))
    assert torch.equal(results[0][0], results[1][0])
    assert 0.05 < results[0][0].mean() < 0.95
    for found, expected in zip(results[0][1:], results[1][1:], strict=True):
        close(found, expected, 1e-9 if dtype == torch.float64 else 1e-4)
