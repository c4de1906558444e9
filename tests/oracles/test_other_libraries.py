"""`leaky` against traces of snnTorch 1.0, `norse_lif` and `norse_lif_box` against those of Norse 1.1."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from snnplug.testing import step_loop

pytestmark = pytest.mark.data

LEAKY = [
    f"snntorch_leaky_beta{beta}_{mechanism}_{delay}"
    for beta in ("0.5", "0.9")
    for mechanism in ("subtract", "zero")
    for delay in ("delay", "nodelay")
]
NORSE = {"norse_lif": "norse_lif", "norse_lifbox": "norse_lif_box"}


@pytest.fixture(scope="module")
def traces(oracles):
    with np.load(oracles / "neurons" / "traces_seed0.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name.startswith(("snntorch", "norse"))}


@pytest.fixture(scope="module")
def settings(oracles):
    return json.loads((oracles / "neurons" / "traces_seed0_configs.json").read_text())


def trace(neuron, x):
    spikes, states = step_loop(neuron, x)
    return spikes, [torch.stack(field) for field in zip(*states, strict=True)]


def check(neuron, oracle, dtype, fields, gradient):
    """Compare spikes, states (by the oracle's names) and the gradient of the input."""
    x = oracle("x").to(dtype).requires_grad_()
    spikes, states = trace(neuron, x)
    assert torch.equal(spikes.to(torch.uint8), oracle("spikes"))
    assert torch.equal(spikes, neuron(x))
    membrane = 1e-6 if dtype == torch.float64 else 2e-5
    for name, got in zip(fields, states, strict=True):
        torch.testing.assert_close(got.to(oracle(name)), oracle(name), rtol=0, atol=membrane)
    (got,) = torch.autograd.grad((spikes * oracle("r").to(dtype)).sum(), x)
    expected = oracle(gradient)
    tolerance = (1e-6 if dtype == torch.float64 else 1e-4) * expected.abs().max().item()
    torch.testing.assert_close(got.to(expected), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "suffix"), [(torch.float64, "f64"), (torch.float32, "f32")], ids=str)
@pytest.mark.parametrize("name", LEAKY)
def test_leaky(registry, traces, settings, name, dtype, suffix):
    given = settings[name]
    neuron = registry.create(
        "neuron",
        "leaky",
        beta=given["beta"],
        threshold=given["threshold"],
        reset_mechanism=given["reset_mechanism"],
        reset_delay=given["reset_delay"],
    ).to(dtype)

    def oracle(what):
        return torch.from_numpy(traces[f"{name}/{what}"])

    check(neuron, oracle, dtype, [f"mem_{suffix}"], f"grad_x_{suffix}")


@pytest.mark.parametrize("name", NORSE)
def test_norse(registry, traces, name):
    neuron = registry.create("neuron", NORSE[name])

    def oracle(what):
        return torch.from_numpy(traces[f"{name}/{what}"])

    fields = ["v_post_f32", "i_post_f32"][: len(neuron.initial_state(torch.zeros(1, 1)))]
    check(neuron, oracle, torch.float32, fields, "grad_x_f32")
    # Norse's own trace is in float32; in float64 the spikes are the same
    spikes, _ = trace(neuron.double(), oracle("x").double())
    assert torch.equal(spikes.to(torch.uint8), oracle("spikes"))


def test_every_configuration_is_covered(settings):
    others = [name for name in settings if name.startswith(("snntorch", "norse"))]
    assert sorted(others) == sorted([*LEAKY, *NORSE])
