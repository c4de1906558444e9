from __future__ import annotations

import itertools

from snnplug.testing import PluginConformance, StrategyConformance, TinySpace


class TestPlugin(PluginConformance):
    name = "snnplug-strategies"


class TestRandom(StrategyConformance):
    name = "snnplug-strategies:random"


class Listed(TinySpace):
    """The tiny space with a list, in which equal networks stand more than once."""

    def genotypes(self):
        return ({"layers": list(pair)} for pair in itertools.product(("none", "conv1", "conv3"), repeat=2))


class TestExhaustive(StrategyConformance):
    name = "snnplug-strategies:exhaustive"
    draws = 7
    drawn = False

    def space(self):
        return Listed()


class TestSuccessiveHalving(StrategyConformance):
    name = "snnplug-strategies:successive_halving"
    params = ({"keep": [5, 2]}, {"keep": [5, 2], "asynchronous": True}, {"keep": [12]})
    adaptive = True


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
