"""The contract of chips and of scorers, and that each limit says where it is from."""

from __future__ import annotations

import re

import pytest
from snnplug_chips.profile import read_profile

from snnplug.testing import ChipConformance, PluginConformance, ScorerConformance

PROFILES = ("speck", "xylo", "loihi2", "spinnaker2", "brainscales2", "fpga")


class TestPlugin(PluginConformance):
    name = "snnplug-chips"


class TestSpeck(ChipConformance):
    name = "snnplug-chips:speck"


class TestXylo(ChipConformance):
    name = "snnplug-chips:xylo"
    params = ({}, {"version": "audio3"}, {"version": "imu"})


class TestLoihi2(ChipConformance):
    name = "snnplug-chips:loihi2"


class TestSpiNNaker2(ChipConformance):
    name = "snnplug-chips:spinnaker2"


class TestBrainScaleS2(ChipConformance):
    name = "snnplug-chips:brainscales2"


class TestFPGA(ChipConformance):
    name = "snnplug-chips:fpga"
    params = ({}, {"memory": 1.0, "bits": 4, "state_bits": 8})


class TestChipHeadroom(ScorerConformance):
    name = "snnplug-chips:chip_headroom"
    params = ({"chip": "fpga"}, {"chip": {"use": "fpga", "memory": 0.1}})


@pytest.mark.parametrize("name", PROFILES)
def test_every_limit_has_a_source_with_a_date(name: str) -> None:
    profile = read_profile(name)
    for limit in profile:
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", profile[limit].source), limit
