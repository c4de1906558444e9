from __future__ import annotations

from snnplug.testing import NeuronConformance, PluginConformance


class TestPlugin(PluginConformance):
    name = "snnplug-ann"


class TestReLU(NeuronConformance):
    name = "snnplug-ann:relu"


class TestReLU6(NeuronConformance):
    name = "snnplug-ann:relu6"
    scale = 5.0


class TestClamp(NeuronConformance):
    name = "snnplug-ann:clamp"
    params = ({}, {"bound": 0.5})
