"""What snnplug-energy offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import EnergyModelSpec, hookimpl

_SHARES = "Park et al., DAC 2020, arXiv:2003.11741 (shares after Moradi & Manohar 2018)"


@hookimpl
def snnplug_energy_models() -> Iterable[EnergyModelSpec]:
    """Return the energy models."""
    yield EnergyModelSpec(
        name="horowitz_45nm",
        target="snnplug_energy.horowitz:Horowitz45nm",
        summary="Arithmetic alone in 45 nm: MACs of layers with analog input, accumulates for spikes.",
        reference="Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323",
    )
    yield EnergyModelSpec(
        name="lemaire",
        target="snnplug_energy.lemaire:Lemaire",
        summary="Arithmetic, addressing and memory in 45 nm, layer by layer; disputed terms are switches.",
        reference="Lemaire et al., ICONIP 2022, arXiv:2210.13107",
    )
    yield EnergyModelSpec(
        name="loihi",
        target="snnplug_energy.loihi:loihi",
        summary="A chip of Loihi's class by events: synapses, neuron updates, spikes, axons and hops.",
        reference="Boyle et al., SANA-FE, IEEE TCAD 2025; Davies et al., IEEE Micro 38(1), 2018",
    )
    yield EnergyModelSpec(
        name="keras_spiking",
        target="snnplug_energy.keras_spiking:keras_spiking",
        summary="A device by name: CPU, GPU, ARM, Loihi, SpiNNaker or SpiNNaker 2, as keras-spiking has it.",
        reference="keras-spiking, ModelEnergy, Applied Brain Research",
    )
    yield EnergyModelSpec(
        name="table",
        target="snnplug_energy.table:table",
        summary="A chip of your own: prices of its events from a TOML file or the recipe.",
        reference="the table's own, which is mandatory",
    )
    yield EnergyModelSpec(
        name="neurobench",
        target="snnplug_energy.neurobench:NeuroBench",
        summary="Counts, no joules: effective and dense synaptic operations, sparsities, footprint.",
        reference="Yik et al., Nature Communications 16:1545, 2025, arXiv:2304.04640",
        unit="operations",
    )
    yield EnergyModelSpec(
        name="truenorth_relative",
        target="snnplug_energy.relative:truenorth_relative",
        summary="0.4 of the spikes plus 0.6 of the latency of a named reference network.",
        reference=_SHARES,
        unit="relative",
    )
    yield EnergyModelSpec(
        name="spinnaker_relative",
        target="snnplug_energy.relative:spinnaker_relative",
        summary="0.64 of the spikes plus 0.36 of the latency of a named reference network.",
        reference=_SHARES,
        unit="relative",
    )
