from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from snnplug.testing import NeuronConformance, PluginConformance, WindowNeuronConformance


class TestPlugin(PluginConformance):
    name = "snnplug-codings"


class OfTwoChannels(WindowNeuronConformance):
    """Currents have the two channels of the potentials, for parameters per channel."""

    def current(self, shape: tuple[int, ...] = (3, 2), seed: int = 0) -> Tensor:
        return super().current(shape, seed)


class TestWindowedRate(OfTwoChannels):
    name = "snnplug-codings:windowed_rate"
    scale = 0.3
    params = (
        {"steps": 8},
        {"steps": 8, "thresholds": "paper", "norm": "max"},
        {"steps": 8, "norm": "mse", "per_channel": True},
    )
    most_spikes = 8
    highest = 1.0


class TestQCFS(OfTwoChannels):
    name = "snnplug-codings:qcfs"
    params = ({}, {"norm": "percentile", "theta": 2.0}, {"per_channel": True})
    most_spikes = 8
    highest = 8.0


class TestFS(OfTwoChannels):
    name = "snnplug-codings:fs"
    params = (
        {},
        {"thresholds": "paper", "norm": "mse"},
        {"thresholds": "strict", "per_channel": True},
    )
    most_spikes = 10
    highest = 25.0


class TestT2FSNN(OfTwoChannels):
    name = "snnplug-codings:t2fsnn"
    scale = 0.2
    params = (
        {},
        {"thresholds": "paper", "fit": "least_squares"},
        {"slots": 12, "tau": 4.0, "delay": -1.5, "per_channel": True},
    )
    most_spikes = 1
    highest = 1.0


class TestRate(NeuronConformance):
    name = "snnplug-codings:rate"
    params = ({}, {"initial": "zero", "surrogate": "triangle"}, {"per_channel": True})


class TestRMP(NeuronConformance):
    name = "snnplug-codings:rmp"
    params = ({}, {"per_channel": True, "scale": 0.8})


class TestSNNCalibration(NeuronConformance):
    name = "snnplug-codings:snn_calibration"
    params: ClassVar = [{"mode": mode} for mode in ("none", "light", "advanced")] + [{"per_channel": True}]


class TestPhase(NeuronConformance):
    name = "snnplug-codings:phase"
    params = ({}, {"period": 3, "per_channel": True})


class TestBurst(NeuronConformance):
    name = "snnplug-codings:burst"
    params = ({}, {"growth": 1.5, "theta": 0.25, "per_channel": True})
