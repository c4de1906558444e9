from __future__ import annotations

from snnplug.testing import EncoderConformance, PluginConformance, WindowNeuronConformance


class TestPlugin(PluginConformance):
    name = "snnplug-sc-ttfs"


class TestSCTTFS(WindowNeuronConformance):
    name = "snnplug-sc-ttfs:sc_ttfs"
    params = (
        {},
        {"preset": "cifar100", "thresholds": "paper"},
        {"slots": 3, "strict": True},
        {"slots": 4, "per_channel": True},
    )
    most_spikes = 2


class TestTTFS(WindowNeuronConformance):
    name = "snnplug-sc-ttfs:ttfs"
    params = ({}, {"slots": 32, "encoding": [3.0, 0.0, 0.1], "thresholds": "paper"})
    most_spikes = 1


class TestAlwaysFires(WindowNeuronConformance):
    name = "snnplug-sc-ttfs:ttfs"
    params = ({"silent": False},)
    most_spikes = 1
    silent_without_input = False


class TestSCTTFSEncoder(EncoderConformance):
    name = "snnplug-sc-ttfs:sc_ttfs"
    params = ({}, {"slots": 4, "thresholds": "paper", "fit": False})
