from __future__ import annotations

import json
import os
from pathlib import Path

import attrs
import pytest
import torch
from snnplug_autosnn.fitness import SpikeAwareFitness
from snnplug_autosnn.space import AutoSNN
from torch import nn

from snnplug import Candidate, EnergyEstimate, EnergyItem, EnergyModelSpec, Registry, Task
from snnplug.errors import ContractError
from snnplug.nn import record, seeded
from snnplug.testing.candidates import TinyNeuron, tiny_candidate

TASK = Task(input_shape=(1, 8, 8), classes=3, steps=2)
SPACE = AutoSNN(TASK, neuron=TinyNeuron, channels=4, macro=[4, "m", 8])
X = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(2, 50, 1, 8, 8)
Y = torch.randint(3, (50,), generator=torch.Generator().manual_seed(1))


def candidate(network: nn.Module, **facts: float) -> Candidate:
    def held_out(index: int, size: int):
        part = slice(index * size, (index + 1) * size)
        return X[:, part], Y[part]

    return Candidate(
        genotype="",
        key="",
        build=lambda repeat=0: network,
        batch=lambda index, size: (X[:, index * 8 : index * 8 + 8], Y[:8]),
        seed=0,
        inherit=lambda: network,
        held_out=held_out,
        held_out_samples=50,
        facts=facts,
    )


@pytest.fixture
def network() -> nn.Module:
    with seeded(0):
        return SPACE.build("SRB_k3 SCB_k3")


def direct(network: nn.Module, count: int = 50) -> tuple[float, float, float]:
    """Accuracy, spikes of neurons and of pools, from one pass."""
    pooled = []
    hooks = [
        m.register_forward_hook(lambda module, args, out: pooled.append(float(out.sum())))
        for m in network.modules()
        if isinstance(m, nn.MaxPool2d)
    ]
    network.eval()
    with torch.no_grad(), record(network) as activity:
        outputs = network(X[:, :count])
    for hook in hooks:
        hook.remove()
    right = (outputs.mean(0).argmax(1) == Y[:count]).sum() / count
    return float(right), activity.spikes_per_sample, sum(pooled) / count


@pytest.mark.parametrize("batch_size", [7, 50, 64])
@pytest.mark.parametrize(("samples", "count"), [(None, 50), (20, 20), (500, 50)])
def test_accuracy_and_spikes_whatever_the_batches(
    network: nn.Module, batch_size: int, samples, count
) -> None:
    accuracy, spikes, pools = direct(network, count)
    assert pools > 0
    for which, expected in (("neurons", spikes), ("neurons_and_pools", spikes + pools)):
        fitness = SpikeAwareFitness(spikes=which, batch_size=batch_size, samples=samples, average=100.0)
        score = fitness(candidate(network))
        assert score.parts["accuracy"] == pytest.approx(accuracy, abs=1e-6)
        assert score.parts["spikes"] == pytest.approx(expected)
        assert score.value == pytest.approx(accuracy * (expected / 100) ** -0.08)


def test_synaptic_operations(network: nn.Module) -> None:
    with torch.no_grad(), record(network.eval()) as activity:
        network(X)
    score = SpikeAwareFitness(spikes="synaptic_operations")(candidate(network))
    assert score.parts["spikes"] == pytest.approx(activity.synaptic_operations)


def test_an_energy_model_in_place_of_spikes(network: nn.Module) -> None:
    registry = Registry()
    registry.register(
        EnergyModelSpec(name="twice", target=lambda: twice, summary="Two a spike.", reference="none")
    )

    def twice(activity):
        item = EnergyItem(name="spikes", count=activity.spikes_per_sample, each=2.0)
        return EnergyEstimate(unit="J", items=(item,), reference="none")

    score = SpikeAwareFitness(energy=registry.use("energy_model", "twice"), exponent=-1.0)(candidate(network))
    assert score.parts["energy"] == pytest.approx(2 * direct(network)[1])
    assert score.value == pytest.approx(score.parts["accuracy"] / score.parts["energy"])


@pytest.mark.parametrize(
    ("which", "fact"), [("neurons", "spikes"), ("neurons_and_pools", "spikes_and_pools")]
)
def test_the_average_is_the_supernets(network: nn.Module, which: str, fact: str) -> None:
    given = candidate(network, **{fact: 40.0})
    assert SpikeAwareFitness(spikes=which)(given) == SpikeAwareFitness(spikes=which, average=40.0)(given)


def test_silence_does_not_win(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, TinyNeuron):
            module.step = lambda x, state: (torch.zeros_like(x), state)
    score = SpikeAwareFitness(average=100.0)(candidate(network))
    assert score.parts["spikes"] == 0.0
    assert score.value == pytest.approx(score.parts["accuracy"] * 0.01**-0.08)


def test_recalibration_changes_the_statistics_and_nothing_else(network: nn.Module) -> None:
    before = {k: v.clone() for k, v in network.state_dict().items()}
    SpikeAwareFitness()(candidate(network))
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    SpikeAwareFitness(recalibrate=3)(candidate(network))
    changed = {k for k, v in network.state_dict().items() if not torch.equal(before[k], v)}
    assert changed
    assert {name.rpartition(".")[2] for name in changed} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


@pytest.mark.data
@pytest.mark.skipif("SNNPLUG_SHARED" not in os.environ, reason="needs the oracles")
def test_fitness_of_the_published_code(network: nn.Module) -> None:
    file = Path(os.environ["SNNPLUG_SHARED"]) / "oracles" / "autosnn" / "evolution.json"
    for case in json.loads(file.read_text())["fitness_cases"]:
        fitness = SpikeAwareFitness(exponent=case["fitness_lambda"], average=case["avg_num_spikes"])
        fitness._whole = lambda candidate, case=case: (case["acc"], case["spikes"])
        assert fitness(candidate(network)).value == pytest.approx(case["fitness"], rel=1e-12)


def test_without_a_supernet_or_held_out_data() -> None:
    plain = attrs.evolve(tiny_candidate(), held_out_samples=0)
    with pytest.raises(ContractError, match="needs held-out data"):
        SpikeAwareFitness()(plain)
    bare = Candidate(genotype=0, key="", build=plain.build, batch=plain.batch, seed=0)
    with pytest.raises(ContractError, match=r"needs \[search\.supernet\]"):
        SpikeAwareFitness()(bare)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"samples": 0}, "samples must be at least 1"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"average": 0.0}, "average must be above 0"),
        ({"average": float("nan")}, "average must be finite and above 0"),
        ({"recalibrate": -1}, "recalibrate must be at least 0"),
    ],
)
def test_numbers_out_of_range(settings, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        SpikeAwareFitness(**settings)
