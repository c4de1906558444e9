"""IF, LIF and PLIF against traces of SpikingJelly 2.0, step by step."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from snnplug.testing import step_loop

pytestmark = pytest.mark.data

NAMES = [
    f"{neuron}_{reset}_{detach}"
    for neuron in ("if", "lif_decayin", "lif_nodecayin", "plif_decayin", "plif_nodecayin")
    for reset in ("hard", "soft")
    for detach in ("detach", "nodetach")
]


@pytest.fixture(scope="module")
def traces(oracles):
    with np.load(oracles / "neurons" / "traces_seed0.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name.startswith("sj_")}


@pytest.fixture(scope="module")
def settings(oracles):
    return json.loads((oracles / "neurons" / "traces_seed0_configs.json").read_text())


def build(registry, settings, dtype):
    name = {"IFNode": "if", "LIFNode": "lif", "ParametricLIFNode": "plif"}[settings["neuron"]]
    parameters = {
        "reset": "soft" if settings["v_reset"] is None else "hard",
        "detach_reset": settings["detach_reset"],
        "threshold": settings["v_threshold"],
    }
    if name != "if":
        parameters["tau"] = settings.get("tau", settings.get("init_tau"))
        parameters["decay_input"] = settings["decay_input"]
    return registry.create("neuron", name, **parameters).to(dtype)


@pytest.mark.parametrize(
    ("dtype", "membrane", "gradient"), [("f64", 1e-6, 1e-6), ("f32", 2e-5, 1e-4)], ids=["f64", "f32"]
)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stepwise", [True, False], ids=["step", "forward"])
def test_traces(registry, traces, settings, name, dtype, membrane, gradient, stepwise):
    def oracle(what):
        return torch.from_numpy(traces[f"sj_{name}/{what}"])

    torch_dtype = {"f64": torch.float64, "f32": torch.float32}[dtype]
    neuron = build(registry, settings[f"sj_{name}"], torch_dtype)
    x = oracle("x").to(torch_dtype).requires_grad_()
    if stepwise:
        spikes, states = step_loop(neuron, x)
        v, expected = torch.stack([state.v for state in states]), oracle(f"v_post_{dtype}")
        torch.testing.assert_close(v, expected, rtol=0, atol=membrane)
    else:
        spikes = neuron(x)
    assert torch.equal(spikes.to(torch.uint8), oracle("spikes"))

    (spikes * oracle("r").to(torch_dtype)).sum().backward()
    expected = oracle(f"grad_x_{dtype}")
    torch.testing.assert_close(x.grad, expected, rtol=0, atol=gradient * expected.abs().max().item())
    if name.startswith("plif"):
        expected = oracle(f"grad_w_{dtype}")
        assert neuron.w.item() == pytest.approx(oracle("w").item(), abs=1e-7)
        torch.testing.assert_close(neuron.w.grad, expected, rtol=gradient, atol=0)


def test_every_configuration_is_covered(settings):
    family = [name for name in settings if name.split("_")[1] in ("if", "lif", "plif")]
    assert sorted(name for name in family if name.startswith("sj_")) == sorted(f"sj_{n}" for n in NAMES)
