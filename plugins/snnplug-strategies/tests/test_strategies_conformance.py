from __future__ import annotations

from snnplug.testing import PluginConformance, StrategyConformance


class TestPlugin(PluginConformance):
    name = "snnplug-strategies"


class TestRandom(StrategyConformance):
    name = "snnplug-strategies:random"


class TestEvolution(StrategyConformance):
    name = "snnplug-strategies:evolution"
    params = (
        {"population": 4, "sample_size": 2},
        {"population": 3, "sample_size": 5, "crossover": 1.0, "repeats": True},
    )
    adaptive = True


class TestNSGA2(StrategyConformance):
    name = "snnplug-strategies:nsga2"
    params = ({"population": 4}, {"population": 2, "crossover": 0.0, "mutation": 1.0, "repeats": True})
    adaptive = True


class TestSpikeAwareEvolution(StrategyConformance):
    name = "snnplug-strategies:spike_aware_evolution"
    params = (
        {"pool": 4, "best": 2, "mutants": 2, "children": 1},
        {"pool": 3, "best": 1, "mutants": 0, "children": 0},
    )
    adaptive = True
