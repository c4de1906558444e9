"""The recorder and the model `neurobench` against NeuroBench's own harness, where that is installed."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from snnplug import Registry
from snnplug.contracts import EnergyEstimate
from snnplug.nn import MembraneState, SpikingNeuron, TimeSequential, record

with warnings.catch_warnings():  # of what it imports
    warnings.simplefilter("ignore")
    pytest.importorskip("neurobench")
    from neurobench.benchmarks import Benchmark
    from neurobench.metrics.static import ConnectionSparsity, Footprint, ParameterCount
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import TorchModel

STEPS, SAMPLES = 5, 6


class Fire(SpikingNeuron):
    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = 0.5 * state.v + x
        spikes = (v >= 0.3).to(x.dtype)
        return spikes, MembraneState(v - spikes)


def network() -> nn.Module:
    torch.manual_seed(0)
    model = TimeSequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        Fire(),
        nn.Conv2d(4, 6, (3, 2), padding=1, groups=2, bias=False),
        Fire(),
        nn.AvgPool2d(2),  # its values are no spikes: MACs
        nn.Conv2d(6, 4, 1),
        Fire(),
        nn.Flatten(),
        nn.Linear(4 * 2 * 3, 10),
    )
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight[torch.rand_like(layer.weight) < 0.3] = 0
    return model


def harness(model: nn.Module, inputs: Tensor) -> dict[str, Any]:
    """Return NeuroBench's metrics of a network that takes `[T, B, *]`, for inputs `[B, T, *]`."""
    wrapped = TorchModel(model)
    wrapped.add_activation_module(Fire)
    loader = DataLoader(TensorDataset(inputs, torch.zeros(len(inputs))), batch_size=3)
    static = [ConnectionSparsity, Footprint, ParameterCount]
    measures = [static, [SynapticOperations, ActivationSparsity]]
    benchmark = Benchmark(wrapped, loader, [lambda batch: (batch[0].transpose(0, 1), batch[1])], [], measures)
    found: dict[str, Any] = benchmark.run(quiet=True)
    return found


def ours(model: nn.Module, inputs: Tensor) -> EnergyEstimate:
    with torch.no_grad(), record(model) as activity:
        for part in inputs.split(3):
            model(part.transpose(0, 1))
    found: EnergyEstimate = Registry.from_installed().create("energy_model", "neurobench")(activity)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["spikes", "signed", "counts", "analog"])
def test_counts_are_those_of_the_harness(kind: str) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randint(0, 4, (SAMPLES, STEPS, 2, 8, 9), generator=generator).float()
    inputs = {
        "spikes": (inputs > 2).float(),
        "signed": (inputs > 2).float() - (inputs == 0).float(),
        "counts": inputs,
        "analog": inputs * 0.37,
    }[kind]
    theirs, found = harness(network(), inputs), ours(network(), inputs)
    counts = {item.name: item.count for item in found.items}
    operations = theirs["SynapticOperations"]
    assert operations["Effective_ACs"] > 0
    assert operations["Effective_MACs"] > 0
    assert counts["effective ACs"] == operations["Effective_ACs"]
    assert counts["effective MACs"] == operations["Effective_MACs"]
    assert found.facts["dense operations"] == operations["Dense"]
    assert found.facts["connection sparsity"] == theirs["ConnectionSparsity"]
    assert found.facts["activation sparsity"] == pytest.approx(theirs["ActivationSparsity"], abs=1e-6)
    assert found.facts["footprint (bytes)"] == theirs["Footprint"]
    assert found.facts["parameters"] == theirs["ParameterCount"]
