"""The contract of each kind, as it was checked with snnplug 0.1."""

from __future__ import annotations

from snnplug.testing import (
    EnergyModelConformance,
    LossConformance,
    NeuronConformance,
    PluginConformance,
    ScorerConformance,
)


class TestPlugin(PluginConformance):
    name = "acme-first"


class TestNeuron(NeuronConformance):
    name = "acme-first:first_neuron"
    params = ({}, {"tau": 4.0})
    compiles = False
    scale = 3.0


class TestLoss(LossConformance):
    name = "acme-first:first_loss"
    params = ({"base": "snnplug-tet:sdt"},)


class TestScorer(ScorerConformance):
    name = "acme-first:first_scorer"
    genotypes = ({"layers": ["conv3", "conv3"]}, {"layers": ["none", "conv1"]})


class TestEnergyModel(EnergyModelConformance):
    name = "acme-first:first_energy"
    fixed_items = ("layer 0",)
