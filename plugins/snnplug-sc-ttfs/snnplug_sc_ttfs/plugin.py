"""What snnplug-sc-ttfs offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import EncoderSpec, NeuronSpec, hookimpl

_PAPER = "Feng et al., Computer Science 51(3):244-250, 2024"


@hookimpl
def snnplug_neurons() -> Iterable[NeuronSpec]:
    """Return the neurons."""
    yield NeuronSpec(
        name="sc_ttfs",
        target="snnplug_sc_ttfs.neuron:SCTTFS",
        summary="First-spike time, and a calibration spike for what it leaves: at most two spikes a window.",
        reference=_PAPER,
        windowed=True,
        graded=True,
    )
    yield NeuronSpec(
        name="ttfs",
        target="snnplug_sc_ttfs.neuron:TTFS",
        summary="First-spike time with a falling threshold: at most one spike a window.",
        reference=_PAPER,
        windowed=True,
        graded=True,
    )


@hookimpl
def snnplug_encoders() -> Iterable[EncoderSpec]:
    """Return the encoder."""
    yield EncoderSpec(
        name="sc_ttfs",
        target="snnplug_sc_ttfs.encoder:SCTTFSEncoder",
        summary="Pixels as SC-TTFS decodes them: at most two spikes each, one window before the network.",
        reference=_PAPER,
    )
