from __future__ import annotations

from snnplug.testing import EnergyModelConformance, PluginConformance

REFERENCE = {"reference": "a network", "reference_spikes": 100.0, "reference_latency": 4.0}

CHIP = {"source": "a data sheet", "node": "22 nm", "synaptic_operation": 2e-12, "mac": 4e-12}


class TestPlugin(PluginConformance):
    name = "snnplug-energy"


class TestHorowitz(EnergyModelConformance):
    name = "snnplug-energy:horowitz_45nm"
    params = ({}, {"precision": "int8"}, {"static_layers": "every_step"}, {"neuron_updates": True})


class TestLemaire(EnergyModelConformance):
    name = "snnplug-energy:lemaire"
    params = (
        {},
        {"precision": "int8", "memory": "linear", "leak": True, "reset": False},
        {"memory": "constant", "fc_addressing": "rate", "ann_fc_addressing": "inputs_and_outputs"},
        {"bytes_per_access": 4, "conv_addressing": "taps", "biases": "recorded", "bias_steps": "once"},
    )


class TestLoihi(EnergyModelConformance):
    name = "snnplug-energy:loihi"
    params = ({}, {"synapses": "sparse", "axons_per_spike": 2.5, "hops_per_axon": 3.0})


class TestKerasSpiking(EnergyModelConformance):
    name = "snnplug-energy:keras_spiking"
    params = tuple({"device": name} for name in ("loihi", "spinnaker", "spinnaker2"))  # others see no spikes


class TestTable(EnergyModelConformance):
    name = "snnplug-energy:table"
    params = (CHIP, {**CHIP, "spike": 1e-11, "step": 1e-9, "static_power": 1e-3, "step_seconds": 1e-6})


class TestNeuroBench(EnergyModelConformance):
    name = "snnplug-energy:neurobench"


class TestTrueNorth(EnergyModelConformance):
    name = "snnplug-energy:truenorth_relative"
    params = (REFERENCE,)


class TestSpiNNaker(EnergyModelConformance):
    name = "snnplug-energy:spinnaker_relative"
    params = (REFERENCE,)
