from __future__ import annotations

import pytest
from snnplug_sahd.baselines import Parameters, SpikingLayers
from torch import nn

from snnplug import Candidate, Registry
from snnplug.nn import SpikingNeuron, TimeSequential
from snnplug.testing import PluginConformance, ScorerConformance


class TestPlugin(PluginConformance):
    name = "snnplug-sahd"


class TestParameters(ScorerConformance):
    name = "snnplug-sahd:parameters"


class TestSpikingLayers(ScorerConformance):
    name = "snnplug-sahd:spiking_layers"


class Around(SpikingNeuron):
    """A neuron with a neuron inside."""

    def __init__(self, base):
        super().__init__()
        self.base = base


def candidate(model):
    return Candidate(genotype={}, key="k", build=lambda repeat=0: model, batch=lambda i, n: None, seed=0)


def test_trainable_parameters_are_counted():
    frozen = nn.Linear(10, 10).requires_grad_(False)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), frozen)
    assert Parameters()(candidate(model)) == (2 * 9 + 2) + 4


def test_a_neuron_around_a_neuron_is_one_layer():
    model = TimeSequential(
        Around(SpikingNeuron()), nn.Sequential(nn.Identity(), SpikingNeuron()), SpikingNeuron()
    )
    assert SpikingLayers()(candidate(model)) == 3
    assert SpikingLayers()(candidate(SpikingNeuron())) == 1


def test_a_layer_that_sends_analog_values_does_not_spike():
    class Rectify(SpikingNeuron):
        analog = True

    assert SpikingLayers()(candidate(TimeSequential(Rectify(), SpikingNeuron()))) == 1


@pytest.mark.parametrize(
    ("name", "baseline"),
    [("sahd", False), ("hamming", False), ("parameters", True), ("spiking_layers", True)],
)
def test_baselines_are_marked(name, baseline):
    spec = Registry.from_installed(quiet=True).find("scorer", name).spec
    assert spec.baseline is baseline
    assert spec.cost == ("model" if baseline else "forward")
