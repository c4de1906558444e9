"""SC-TTFS against an independent simulation of its definition, time step by time step, in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug import Registry
from snnplug.nn import TimeSequential, WindowNeuron, record

pytestmark = pytest.mark.data
SETS = ("cifar10_S6", "cifar100_S7")


def load(oracles: Path, name: str) -> dict[str, Any]:
    return dict(np.load(oracles / "sc_ttfs" / f"{name}.npz", allow_pickle=False))


def neuron_of(registry: Registry, name: str, **parameters: Any) -> WindowNeuron:
    preset, _, slots = name.partition("_S")
    built = registry.create(
        "neuron", "snnplug-sc-ttfs:sc_ttfs", preset=preset, slots=int(slots), thresholds="paper", **parameters
    )
    neuron: WindowNeuron = built.double()
    with torch.no_grad():  # the constants in float64, not float32 ones widened
        for parameter, values in neuron.kernels.items():
            getattr(neuron, parameter).copy_(torch.tensor(values, dtype=torch.float64))
    return neuron


def times(window: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slots of both spikes of a window `[2 S, B, *]`, -1 for none."""
    sent = window.ne(0).unflatten(0, (-1, 2))
    first, second = (one.int().argmax(0).where(one.any(0), -1) for one in sent.unbind(1))
    return first, second


@pytest.mark.parametrize("name", SETS)
def test_two_thousand_potentials(oracles: Path, registry: Registry, name: str) -> None:
    truth = load(oracles, f"encode_{name}")
    neuron, v = neuron_of(registry, name), torch.from_numpy(truth["v"]).view(1, -1, 1)
    assert_close(neuron(v).flatten(), torch.from_numpy(truth["d"]), rtol=0, atol=1e-12)
    neuron.domain = "event"
    first, second = times(neuron(v))
    assert (first.flatten().numpy() == truth["t_e"]).all()
    assert (second.flatten().numpy() == truth["t_c"]).all()


@pytest.mark.parametrize("name", SETS)
def test_levels(oracles: Path, registry: Registry, name: str) -> None:
    from snnplug.nn import is_used

    truth, code = load(oracles, f"encode_{name}"), neuron_of(registry, name).code()
    used = is_used(code.edges)
    used[0] = False  # silence is not listed
    assert_close(code.levels[used].detach(), torch.from_numpy(truth["levels"][:, 0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_gradients_with_spike_times_held(oracles: Path, registry: Registry, name: str) -> None:
    truth = load(oracles, f"encode_{name}")
    neuron = neuron_of(registry, name)
    v = torch.from_numpy(truth["v"]).view(1, -1, 1).requires_grad_()
    G = torch.from_numpy(truth["G"])
    (neuron(v).flatten() * G).sum().backward()
    assert_close(neuron.encoding.grad, torch.from_numpy(truth["grad_e"]), rtol=1e-9, atol=1e-9)
    assert_close(neuron.calibration.grad, torch.from_numpy(truth["grad_c"]), rtol=1e-9, atol=1e-9)
    assert v.grad is not None
    assert_close(v.grad.flatten(), G * torch.from_numpy(truth["ste_mask"]), rtol=0, atol=0)


def network(registry: Registry, name: str, truth: dict[str, Any]) -> TimeSequential:
    layers: list[nn.Module] = []
    for i, (stride, padding) in enumerate(truth["stride_padding"].tolist()):
        weight = torch.from_numpy(truth[f"conv{i}_weight"]).double()
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, stride, padding).double()
        layer.load_state_dict({"weight": weight, "bias": torch.from_numpy(truth[f"conv{i}_bias"])})
        layers += [layer, neuron_of(registry, name)]
    linear = nn.Linear(160, 10).double()
    linear.load_state_dict({key: torch.from_numpy(truth[f"fc_{key}"]) for key in ("weight", "bias")})
    return TimeSequential(*layers, nn.Flatten(), linear).eval()


@pytest.mark.parametrize("name", SETS)
def test_network_in_the_value_domain(oracles: Path, registry: Registry, name: str) -> None:
    truth = load(oracles, f"net_{name}")
    model = network(registry, name, truth)
    x = torch.from_numpy(truth["x"]).double().unsqueeze(0)
    with torch.no_grad(), record(model) as activity:
        logits = model(x)
    assert_close(logits[0], torch.from_numpy(truth["logits"]), rtol=0, atol=1e-9)
    for i in range(3):
        expected = int(truth[f"count_e{i}"].sum() + truth[f"count_c{i}"].sum())
        assert activity.neurons[f"layers.{2 * i + 1}"].spikes == [expected]
    summary = json.loads((oracles / "sc_ttfs" / "summary.json").read_text())[name.partition("_")[0]]
    assert activity.latency_steps == summary["latency_steps"]
    assert activity.spikes_per_sample == summary["spikes_per_image"]
    assert [layer.analog for layer in activity.synapses.values()] == [True, False, False, False]
    assert not activity.uncounted


@pytest.mark.parametrize("name", SETS)
def test_every_layer_spike_by_spike(oracles: Path, registry: Registry, name: str) -> None:
    truth = load(oracles, f"net_{name}")
    neuron = neuron_of(registry, name)
    neuron.domain = "event"
    for i in range(3):
        window = neuron(torch.from_numpy(truth[f"v{i}"]).unsqueeze(0))
        first, second = times(window)
        assert (first.numpy() == truth[f"t_e{i}"]).all()
        assert (second.numpy() == truth[f"t_c{i}"]).all()
        sent = window.ne(0).unflatten(0, (-1, 2)).sum((2, 3, 4, 5))
        assert sent[:, 0].tolist() == truth[f"hist_e{i}"].tolist()
        assert sent[:, 1].tolist() == truth[f"hist_c{i}"].tolist()
        assert_close(window.sum(0), torch.from_numpy(truth[f"d{i}"]), rtol=0, atol=1e-12)
