from __future__ import annotations

from snnplug.testing import PluginConformance, ScorerConformance


class TestPlugin(PluginConformance):
    name = "snnplug-proxies"


class TestSynFlow(ScorerConformance):
    name = "snnplug-proxies:synflow"
    params = ({}, {"neurons": "surrogate"})


class TestGradNorm(ScorerConformance):
    name = "snnplug-proxies:grad_norm"
    params = ({"batch_size": 8},)


class TestJacobianCovariance(ScorerConformance):
    name = "snnplug-proxies:jacob_cov"
    params = ({"batch_size": 8},)


class TestShortTraining(ScorerConformance):
    name = "snnplug-proxies:short_training"
    params = ({"steps": 2, "batch_size": 8}, {"steps": 2, "batch_size": 8, "held_out": 4})


class TestTrained(ScorerConformance):
    name = "snnplug-proxies:trained"
    params = ({"measure": "loss"}, {"epochs": 3, "measure": "loss", "last": 2, "samples": 8})


class TestFiringRate(ScorerConformance):
    name = "snnplug-proxies:firing_rate"
    params = ({"batch_size": 8},)
