"""What a trained network does: accuracy, spikes, energy, and operations layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from markupsafe import Markup

from snnplug.contracts import Activity, SynapseActivity
from snnplug.report import words
from snnplug.report.energy_models import ModelRow, disagreements, model_rows, terms_of
from snnplug.report.section import Section, Stat, render_template
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import Records
from snnplug.runs.records import Summary

__all__ = ["Measure"]


class Measure(Section):
    """The section of the stage measure."""

    def stats(self, records: Records) -> list[Stat]:
        """Return accuracy, spikes, operations, energy, latency and size."""
        return [] if records.summary is None else list(_stats(records.summary))

    def render(self, records: Records) -> Markup:
        """Return spikes, energy and operations."""
        energies = _energies(records)
        values = {
            "activity": _shown(records.activity),
            "energies": [(e, _picture(e, i)) for i, e in enumerate(energies)],
            "models": _models(energies),
            "answers": _answers(records),
            "twins": _twins(records),
        }
        return render_template("sections/measure.html.j2", records, **values)


def _stats(summary: Summary) -> Iterator[Stat]:
    accuracy = summary.accuracy
    if accuracy is not None and accuracy.test is not None:
        others = (("training", accuracy.train), ("validation", accuracy.val))
        note = ", ".join(f"{name} {words.percent(value)}" for name, value in others if value is not None)
        if summary.interval is not None and None not in summary.interval:
            low, high = summary.interval
            interval = f"95 % interval {words.percent(low)} to {words.percent(high)}"
            note = f"{interval}; {note}" if note else interval
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
        note = f"by {words.plain(energy.model)}"
        if energy.baselines and energy.value is not None and energy.baselines[0].value:
            ratio, dense = energy.value / energy.baselines[0].value, energy.baselines[0]
            note += f"; {words.number(ratio, 2)} of the {dense.name}"
        yield Stat("Energy", words.quantity(energy.value, energy.unit), unit, note)
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


@attrs.frozen
class _Answers:
    """Pictures of what the network says of the test data."""

    samples: int
    by_step: Markup | None
    confusion: Markup | None


def _answers(data: Records) -> _Answers | None:
    from snnplug.report.figures.answers import accuracy_steps, confusion_matrix

    found = data.answers
    if found is None or not found.labels:
        return None
    by_step = accuracy_steps(found.by_step, "answers-step") if len(found.by_step) > 1 else None
    return _Answers(len(found.labels), by_step, confusion_matrix(found.confusion(), "confusion"))


@attrs.frozen
class _Twins:
    """Layers that send the same spikes, and the spikes a sample if each were counted once."""

    groups: Sequence[Sequence[str]]
    once: float
    share: float


def _twins(data: Records) -> _Twins | None:
    groups = (data.summary.twins if data.summary else None) or ()
    if data.activity is None or not groups:
        return None
    spikes = {
        name: sum(n.spikes) / max(data.activity.samples, 1) for name, n in data.activity.neurons.items()
    }
    again = sum(spikes.get(name, 0.0) for group in groups for name in group[1:])
    total = sum(spikes.values())
    return _Twins(groups, total - again, again / total if total else 0.0)


def _energies(data: Records) -> list[Energy]:
    """Return the estimates of the run, then those asked for later, which may be of the same models."""
    found = list((data.summary.energy if data.summary else None) or ())
    return found + [energy for energy in (data.energy.energy if data.energy else ()) if energy not in found]


def _picture(energy: Energy, index: int) -> Markup | None:
    from snnplug.report.figures.energy import energy_bar

    return energy_bar(energy, f"energy{index}") if energy.items else None


@attrs.frozen
class _Models:
    """All models side by side.

    Attributes:
        rows: those with a baseline, by which they compare.
        apart: those in units of their own, without one.
        terms: that any of them counts.
    """

    rows: Sequence[ModelRow]
    apart: Sequence[ModelRow]
    terms: Sequence[str]
    picture: Markup | None
    lines: Sequence[str]


def _models(energies: Sequence[Energy]) -> _Models | None:
    from snnplug.report.figures.energy import models_bars

    rows = model_rows(energies)
    if len(rows) < 2 and not any(row.against for row in rows):
        return None
    known = [
        row for row in rows if row.energy.unit == "J" and row.against and row.against[0].ratio is not None
    ]
    apart = [row for row in rows if row not in known]
    terms = terms_of(known)
    picture = models_bars(known, terms, "models") if known else None
    return _Models(known, apart, terms, picture, list(disagreements(known)))
