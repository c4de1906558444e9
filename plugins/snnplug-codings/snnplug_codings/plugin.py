"""What snnplug-codings offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import NeuronSpec, hookimpl

_RATE = "Rueckauer et al., Frontiers in Neuroscience 2017, doi:10.3389/fnins.2017.00682"


@hookimpl
def snnplug_neurons() -> Iterable[NeuronSpec]:
    """Return the neurons."""
    yield NeuronSpec(
        name="rate",
        target="snnplug_codings.rate:Rate",
        summary="Rate coding: integrate and fire with a soft reset, starting at half its threshold.",
        reference=_RATE,
        graded=True,
    )
    yield NeuronSpec(
        name="windowed_rate",
        target="snnplug_codings.windowed_rate:WindowedRate",
        summary="Rate coding in a window: the potential as a number of equal spikes.",
        reference=_RATE,
        windowed=True,
        graded=True,
    )
    yield NeuronSpec(
        name="snn_calibration",
        target="snnplug_codings.snn_calibration:SNNCalibration",
        summary="Rate coding with thresholds by search and layers corrected one after the other.",
        reference="Li et al., ICML 2021, arXiv:2106.06984",
        graded=True,
    )
    yield NeuronSpec(
        name="rmp",
        target="snnplug_codings.rmp:RMP",
        summary="Rate coding with thresholds balanced in the spiking network, layer after layer.",
        reference="Han, Srinivasan and Roy, CVPR 2020, arXiv:2003.01811",
        graded=True,
    )
    yield NeuronSpec(
        name="qcfs",
        target="snnplug_codings.qcfs:QCFS",
        summary="Quantised activation to train an ANN with that becomes a rate-coded network.",
        reference="Bu et al., ICLR 2022, arXiv:2303.04347",
        windowed=True,
        graded=True,
    )
    yield NeuronSpec(
        name="phase",
        target="snnplug_codings.phase:Phase",
        summary="Phase coding: spikes whose value halves in each step of a period.",
        reference="Kim et al., Neurocomputing 2018, doi:10.1016/j.neucom.2018.05.087",
        graded=True,
    )
    yield NeuronSpec(
        name="burst",
        target="snnplug_codings.burst:Burst",
        summary="Burst coding: spikes whose value doubles while they follow each other.",
        reference="Park et al., DAC 2019, arXiv:1809.03142",
        graded=True,
    )
    yield NeuronSpec(
        name="t2fsnn",
        target="snnplug_codings.t2fsnn:T2FSNN",
        summary="Time to first spike with an exponential kernel for each layer: at most one spike a window.",
        reference="Park et al., DAC 2020, arXiv:2003.11741",
        windowed=True,
        graded=True,
    )
    yield NeuronSpec(
        name="fs",
        target="snnplug_codings.fs:FS",
        summary="Few spikes: the binary digits of the potential, at most K spikes a window.",
        reference="Stöckl and Maass, Nature Machine Intelligence 2021, doi:10.1038/s42256-021-00311-4",
        windowed=True,
        graded=True,
    )
