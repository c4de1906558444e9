"""What snnplug-chips offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ChipSpec, ScorerSpec, SearchSpaceSpec, hookimpl


@hookimpl
def snnplug_chips() -> Iterable[ChipSpec]:
    """Return the chips."""
    yield ChipSpec(
        name="speck",
        target="snnplug_chips.speck:Speck",
        summary="Speck 2e/2f: nine cores of a convolution, integrate-and-fire neurons and a sum pool.",
        reference="sinabs, dynapcnn_layer.py, read 2026-02-04",
    )
    yield ChipSpec(
        name="xylo",
        target="snnplug_chips.xylo:Xylo",
        summary="Xylo Audio 2, Audio 3 or IMU: fully connected leaky neurons, decay by bit shift.",
        reference="Rockpool, mappers, read 2025-12-18",
    )
    yield ChipSpec(
        name="loihi2",
        target="snnplug_chips.loihi2:Loihi2",
        summary="Loihi 2, one chip: a million neurons, chains of convolutions and fully connected layers.",
        reference="lava-dl, netx/hdf5.py, read 2026-05-13",
    )
    yield ChipSpec(
        name="spinnaker2",
        target="snnplug_chips.spinnaker2:SpiNNaker2",
        summary="SpiNNaker2, one chip: 152 cores of about a thousand neurons, 19 MB for all.",
        reference="Open Neuromorphic, hardware pages, read 2026-07-18",
    )
    yield ChipSpec(
        name="brainscales2",
        target="snnplug_chips.brainscales2:BrainScaleS2",
        summary="BrainScaleS-2, one chip: 512 analog neurons with 128 signed weights each.",
        reference="Open Neuromorphic, hardware pages, read 2026-07-18",
    )
    yield ChipSpec(
        name="fpga",
        target="snnplug_chips.fpga:FPGA",
        summary="An FPGA whose block RAM holds all weights and membrane potentials.",
        reference="AMD DS180, 7 Series overview, 2020-09-08",
    )


@hookimpl
def snnplug_scorers() -> Iterable[ScorerSpec]:
    """Return the scorer."""
    yield ScorerSpec(
        name="chip_headroom",
        target="snnplug_chips.headroom:ChipHeadroom",
        summary="The smallest share left of any limit of a chip, negative where the network does not fit.",
        components={"chip": "chip"},
    )


@hookimpl
def snnplug_search_spaces() -> Iterable[SearchSpaceSpec]:
    """Return the search space."""
    yield SearchSpaceSpec(
        name="cores",
        target="snnplug_chips.cores:Cores",
        summary="Cores in a row, each a convolution, neurons and a pool: made for chips such as Speck.",
        components={"neuron": "neuron"},
    )
