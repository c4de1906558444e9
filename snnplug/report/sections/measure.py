"""What a trained network does: accuracy, spikes, energy, and operations layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from markupsafe import Markup

from snnplug.contracts import Activity, SynapseActivity
from snnplug.report import words
from snnplug.report.section import Section, Stat, render_template
from snnplug.runs.reading import Records
from snnplug.runs.records import Energy, Summary

__all__ = ["Measure"]


class Measure(Section):
    """The section of the stage measure."""

    def stats(self, records: Records) -> list[Stat]:
        """Return accuracy, spikes, operations, energy, latency and size."""
        return [] if records.summary is None else list(_stats(records.summary))

    def render(self, records: Records) -> Markup:
        """Return spikes, energy and operations."""
        values = {"activity": _shown(records.activity), "energies": _energies(records)}
        return render_template("sections/measure.html.j2", records, **values)


def _stats(summary: Summary) -> Iterator[Stat]:
    accuracy = summary.accuracy
    if accuracy is not None and accuracy.test is not None:
        others = (("training", accuracy.train), ("validation", accuracy.val))
        note = ", ".join(f"{name} {words.percent(value)}" for name, value in others if value is not None)
        yield Stat("Test accuracy", words.percent(accuracy.test), note=note, first=True)
    if summary.spikes_per_sample is not None:
        spikes, operations = (
            words.number(summary.spikes_per_sample),
            words.number(summary.synaptic_operations),
        )
        yield Stat("Spikes", spikes, "per sample", "all layers and time steps")
        yield Stat("Synaptic operations", operations, "SOP per sample", "accumulates caused by spikes")
        macs = words.number(summary.macs)
        yield Stat("Multiply-accumulates", macs, "MAC per sample", "in layers with analog input")
    for energy in summary.energy or ():
        unit = "per sample" if energy.unit == "J" else f"{energy.unit} per sample"
        yield Stat(
            "Energy", words.quantity(energy.value, energy.unit), unit, f"by {words.plain(energy.model)}"
        )
    if summary.latency_steps is not None:
        yield Stat("Latency", words.number(summary.latency_steps), "time steps")
    if summary.parameters is not None:
        yield Stat("Parameters", words.number(summary.parameters))


@attrs.frozen
class _Raster:
    """Spikes of one layer for one sample."""

    name: str
    size: int
    shown: int
    rate: float | None
    graded: bool
    picture: Markup


@attrs.frozen
class _Synapse:
    """Work of one synaptic layer, per sample."""

    layer: SynapseActivity
    events: float
    operations: float | None  # None where the input is analog and MACs are billed
    macs: float | None
    share: float | None


@attrs.frozen
class _Shown:
    """What the network did, per sample."""

    samples: int
    steps: int
    rasters: Sequence[_Raster]
    bars: Markup | None
    by_step: Markup | None
    neurons: Sequence[tuple[str, int, float, float | None]]
    synapses: Sequence[_Synapse]
    operations: float
    macs: float
    uncounted: Sequence[tuple[str, str]]


def _shown(activity: Activity | None) -> _Shown | None:
    """Return spikes, rates and operations, per sample."""
    from snnplug.report.figures.activity import raster, rate_bars, rate_steps

    if activity is None:
        return None
    samples = max(activity.samples, 1)
    layers, inputs = list(activity.neurons.values()), list(activity.synapses.values())
    rasters = [
        _Raster(n.name, n.size, len(n.raster[0]), n.rate, n.graded, raster(n, f"raster{i}"))
        for i, n in enumerate(layers)
        if n.raster and n.raster[0]
    ]
    operations = sum(sum(s.operations) for s in inputs if not s.analog)
    synapses = [
        _Synapse(
            layer=s,
            events=sum(s.events) / samples,
            operations=None if s.analog else sum(s.operations) / samples,
            macs=s.macs / samples if s.analog else None,
            share=None if s.analog or not operations else sum(s.operations) / operations,
        )
        for s in inputs
    ]
    return _Shown(
        samples=activity.samples,
        steps=activity.steps,
        rasters=rasters,
        bars=rate_bars(layers, "rates") if layers else None,
        by_step=rate_steps(layers, samples, "steps") if any(n.spikes for n in layers) else None,
        neurons=[(n.name, n.size, sum(n.spikes) / samples, n.rate) for n in layers],
        synapses=synapses,
        operations=operations / samples,
        macs=sum(s.macs for s in inputs if s.analog) / samples,
        uncounted=list(activity.uncounted.items()),
    )


def _energies(data: Records) -> list[tuple[Energy, Markup | None]]:
    """Return each estimate with its picture, which one without items has not."""
    from snnplug.report.figures.energy import energy_bar

    estimates = (data.summary.energy if data.summary else None) or ()
    return [(e, energy_bar(e, f"energy{i}") if e.items else None) for i, e in enumerate(estimates)]
