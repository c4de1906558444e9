from __future__ import annotations

from snnplug.testing import PluginConformance, ScorerConformance


class TestPlugin(PluginConformance):
    name = "snnplug-spiking-chain"


class TestSpikingChain(ScorerConformance):
    name = "snnplug-spiking-chain:spiking_chain"
    params = ({}, {"weight": 0.0})
