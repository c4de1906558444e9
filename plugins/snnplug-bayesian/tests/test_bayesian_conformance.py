from __future__ import annotations

from snnplug.testing import PluginConformance, StrategyConformance


class TestPlugin(PluginConformance):
    name = "snnplug-bayesian"


class TestBayesian(StrategyConformance):
    name = "snnplug-bayesian:bayesian"
    params = (
        {"trust": 3},
        {"keep": [7], "trust": 3},
        {"keep": [6, 2], "trust": 2, "prior_share": 0.0, "chance_share": 1.0},
    )
    adaptive = True
