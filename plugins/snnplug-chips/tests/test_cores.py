"""The space of cores: its contract, its genotypes, and that what it makes fits chips but for their memory."""

from __future__ import annotations

import random

import pytest
import torch
from snnplug_chips.cores import Cores
from snnplug_chips.genotype import Core, read_cores, write_cores
from snnplug_chips.speck import Speck

from snnplug import Registry, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import IntegrateAndFire, Leak, layer_graph
from snnplug.testing import SearchSpaceConformance

TASK = Task(input_shape=(2, 16, 16), classes=10)


class TestCores(SearchSpaceConformance):
    name = "snnplug-chips:cores"
    params = ({}, {"cores": 2, "channels": (4,), "skips": False})


class Neuron(IntegrateAndFire):
    """Integrates and fires."""

    def __init__(self) -> None:
        super().__init__(
            threshold=1.0, reset="hard", reset_value=0.0, detach_reset=True, surrogate="atan", alpha=None
        )

    def leak(self) -> Leak:
        return Leak()


def test_text_and_cores_are_one() -> None:
    cores = (Core(8, 3, 2), Core(16, 5, 1, True))
    assert write_cores(cores) == "8k3p2 16k5+" and read_cores("8k3p2 16k5+") == cores
    for wrong in ("", "8", "8k3p2,16k5", "k3", None, 5, ["8k3"]):
        with pytest.raises(ParameterError, match="is no text such as"):
            read_cores(wrong)


@pytest.mark.parametrize(
    ("genotype", "said"),
    [
        ("8k3 8k3 8k3 8k3 8k3", "has 5 cores, the space at most 4"),
        ("6k3", "channels of 6 are none of 4, 8, 16, 32"),
        ("8k7", "kernels of 7 are none of"),
        ("8k3p4", "pools of 4 are none of"),
        ("8k3p2 8k3p2 8k3p2 8k3p2", "inside the space is '8k3p2 8k3p2 8k3p2 8k3'"),
        ("8k3+", "inside the space is '8k3'"),
        ("8k3 16k3+", "inside the space is '8k3 16k3'"),
    ],
)
def test_what_is_outside_is_said(genotype: str, said: str) -> None:
    space = Cores(Task(input_shape=(2, 15, 15), classes=10), neuron=Neuron)
    with pytest.raises(ParameterError, match=said):
        space.read(genotype)


def test_a_core_may_take_what_skips_one() -> None:
    torch.manual_seed(0)
    space = Cores(TASK, neuron=Neuron)
    network = space.build("8k3 8k3 8k3+").eval()
    x = (torch.rand(4, 3, 2, 16, 16) < 0.3).float()
    with torch.no_grad():
        first = network.cores[0](x)
        second = network.cores[1](first)
        third = network.cores[2](second + first)
        expected = network.neuron(torch.stack([network.classifier(y.flatten(1)) for y in third]))
        assert torch.equal(network(x), expected)
    sent = [(edge.source, edge.target) for edge in space.graph("8k3 8k3 8k3+").edges]
    assert sent == [
        ("input", "cores.0"),
        ("cores.0", "cores.1"),
        ("cores.0", "cores.2"),
        ("cores.1", "cores.2"),
        ("cores.2", "classifier"),
    ]


def test_what_is_drawn_lacks_nothing_of_speck_but_memory() -> None:
    space = Cores(TASK, neuron=Neuron, cores=6, channels=(8, 64, 256))
    rng, fits = random.Random(0), []
    for _ in range(40):
        network = space.build(space.sample(rng)).eval()
        fit = Speck()(layer_graph(network, torch.zeros(2, 1, 2, 16, 16)))
        assert {need.limit for need in fit.misfits} <= {
            "kernel words",
            "neuron words",
            "layers that need a core of their own",
        }
        fits.append(fit.fits)
    assert any(fits) and not all(fits)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ContractError, match="cores take images"):
        Cores(Task(input_shape=(5,), classes=2), neuron=Neuron)
    with pytest.raises(ValueError, match="kernels must be odd"):
        Cores(TASK, neuron=Neuron, kernels=(2, 3))
    with pytest.raises(ValueError, match="pools must hold 1"):
        Cores(TASK, neuron=Neuron, pools=(2,))
    lone = Cores(TASK, neuron=Neuron, cores=1, channels=(4,), kernels=(1,), pools=(1,), skips=False)
    with pytest.raises(ParameterError, match="one network only: 4k1"):
        lone.mutate("4k1", random.Random(0))


def test_a_neuron_of_a_recipe_is_taken() -> None:
    registry = Registry.from_installed(quiet=True)
    if "if" not in {registration.name for registration in registry.list("neuron")}:
        pytest.skip("snnplug-lif is not installed")
    space = Cores(TASK, neuron=registry.use("neuron", "if", threshold=0.5))
    assert {edge.threshold for edge in space.graph("8k3").edges} == {0.5}
