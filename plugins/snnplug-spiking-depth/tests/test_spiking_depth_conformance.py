from __future__ import annotations

from snnplug.testing import PluginConformance, ScorerConformance


class TestPlugin(PluginConformance):
    name = "snnplug-spiking-depth"


class TestSpikingDepth(ScorerConformance):
    name = "snnplug-spiking-depth:spiking_depth"
    params = ({"batch_size": 8}, {"weight": 0.0})
