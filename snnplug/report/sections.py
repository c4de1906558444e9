"""What each section of the page shows, computed from the records of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from markupsafe import Markup

from snnplug.report import words
from snnplug.report.cell import draw
from snnplug.runs.records import ActivityData, Energy, Epoch, ReportData, SynapticLayer, TrialResult
from snnplug.statistics.ranking import kendall

__all__ = [
    "Activity",
    "Baseline",
    "Curves",
    "Front",
    "Raster",
    "Search",
    "Synapse",
    "cell_picture",
    "energy_estimates",
    "learning_curves",
    "network_activity",
    "search_scores",
]

_STAGES = {"train": "training", "convert": "conversion", "search": "search"}


def cell_picture(data: ReportData) -> Markup | None:
    """Draw the cell that the search found."""
    found = data.summary.search if data.summary else None
    return draw(found.graph) if found and found.graph and found.graph.nodes else None


@attrs.frozen
class Curves:
    """Learning curves of one stage."""

    title: str
    epochs: int
    loss: Markup | None
    accuracy: Markup | None
    validated: bool
    test: float | None


def learning_curves(data: ReportData) -> list[Curves]:
    """Return the pictures of each stage that has epochs."""
    from snnplug.report.figures import accuracy_curve, loss_curve

    by_stage: dict[str, dict[int, Epoch]] = {}
    for epoch in data.epochs or ():
        by_stage.setdefault(epoch.stage, {})[epoch.epoch] = (
            epoch  # the last counts: a run may have been resumed
        )
    result = []
    last = list(by_stage)[-1:]
    for i, (stage, numbered) in enumerate(by_stage.items()):
        epochs = [numbered[n] for n in sorted(numbered)]
        losses = any(e.loss is not None or e.val_loss is not None for e in epochs)
        accuracies = any(e.accuracy is not None or e.val_accuracy is not None for e in epochs)
        test = data.summary.accuracy.test if data.summary and [stage] == last else None
        result.append(
            Curves(
                title=_STAGES.get(stage, stage),
                epochs=len(epochs),
                loss=loss_curve(epochs, f"loss{i}") if losses else None,
                accuracy=accuracy_curve(epochs, test, f"accuracy{i}") if accuracies else None,
                validated=any(e.val_loss is not None or e.val_accuracy is not None for e in epochs),
                test=test,
            )
        )
    return result


@attrs.frozen
class Baseline:
    """Scores against one baseline, with Kendall's tau-b."""

    name: str
    tau: float | None
    picture: Markup


@attrs.frozen
class Front:
    """Scores against one objective, with the candidates marked that no other beats."""

    name: str
    goal: str
    picture: Markup


@attrs.frozen
class Search:
    """Scores of a search, without pictures where no candidate has one."""

    candidates: int
    failed: int
    baselines: Sequence[Baseline] = ()
    fronts: Sequence[Front] = ()
    ranks: Markup | None = None
    histogram: Markup | None = None


def search_scores(data: ReportData) -> Search | None:
    """Return the pictures of the scores, None without a trial file."""
    from snnplug.report.figures import score_histogram, score_ranks, score_scatter

    if data.trials is None:
        return None
    scored = [(trial, trial.score) for trial in data.trials if trial.score is not None]
    failed = len(data.trials) - len(scored)
    if not scored:
        return Search(len(data.trials), failed)
    found = data.summary.search if data.summary else None
    top = next(
        (pair for pair in scored if found and pair[0].key == found.key), max(scored, key=lambda pair: pair[1])
    )
    baselines, fronts = [], []
    goals, front = (found.objectives, found.pareto) if found else ({}, ())
    for i, name in enumerate(dict.fromkeys(name for trial in data.trials for name in trial.values)):
        points = _points(data.trials, name)
        if points:
            values, theirs = [v for v, _ in points], [score for _, score in points]
            best = next(iter(_points([top[0]], name)), None)
            marked = _points(front, name) if name in goals else []
            picture = score_scatter(values, theirs, best, words.plain(name), f"scatter{i}", marked)
            if name in goals:
                fronts.append(Front(name, goals[name], picture))
            else:
                baselines.append(Baseline(name, kendall(values, theirs), picture))
    scores = [score for _, score in scored]
    ranks, histogram = score_ranks(scores, top[1], "ranks"), score_histogram(scores, top[1], "histogram")
    return Search(len(data.trials), failed, baselines, fronts, ranks, histogram)


def _points(trials: Iterable[TrialResult], name: str) -> list[tuple[float, float]]:
    """Return value and score of the trials that have both."""
    pairs = ((trial.values.get(name), trial.score) for trial in trials)
    return [(value, score) for value, score in pairs if value is not None and score is not None]


@attrs.frozen
class Raster:
    """Spikes of one layer for one sample."""

    name: str
    size: int
    shown: int
    rate: float | None
    graded: bool
    picture: Markup


@attrs.frozen
class Synapse:
    """Work of one synaptic layer, per sample."""

    layer: SynapticLayer
    events: float
    operations: float | None  # None where the input is analog and MACs are billed
    macs: float | None
    share: float | None


@attrs.frozen
class Activity:
    """What the network did, per sample."""

    samples: int
    steps: int
    rasters: Sequence[Raster]
    bars: Markup | None
    by_step: Markup | None
    neurons: Sequence[tuple[str, int, float, float | None]]
    synapses: Sequence[Synapse]
    operations: float
    macs: float
    uncounted: Sequence[tuple[str, str]]


def network_activity(activity: ActivityData | None) -> Activity | None:
    """Return spikes, rates and operations, per sample."""
    from snnplug.report.figures import raster, rate_bars, rate_steps

    if activity is None:
        return None
    samples = max(activity.samples, 1)
    layers = activity.neurons
    rasters = [
        Raster(n.name, n.size, len(n.raster[0]), n.rate, n.graded, raster(n, f"raster{i}"))
        for i, n in enumerate(layers)
        if n.raster and n.raster[0]
    ]
    operations = sum(sum(s.operations) for s in activity.synapses if not s.analog)
    synapses = [
        Synapse(
            layer=s,
            events=sum(s.events) / samples,
            operations=None if s.analog else sum(s.operations) / samples,
            macs=s.macs / samples if s.analog else None,
            share=None if s.analog or not operations else sum(s.operations) / operations,
        )
        for s in activity.synapses
    ]
    return Activity(
        samples=activity.samples,
        steps=activity.steps,
        rasters=rasters,
        bars=rate_bars(layers, "rates") if layers else None,
        by_step=rate_steps(layers, samples, "steps") if any(n.spikes for n in layers) else None,
        neurons=[(n.name, n.size, sum(n.spikes) / samples, n.rate) for n in layers],
        synapses=synapses,
        operations=operations / samples,
        macs=sum(s.macs for s in activity.synapses if s.analog) / samples,
        uncounted=list(activity.uncounted.items()),
    )


def energy_estimates(data: ReportData) -> list[tuple[Energy, Markup | None]]:
    """Return each estimate with its picture, which one without items has not."""
    from snnplug.report.figures import energy_bar

    estimates = data.summary.energy if data.summary else ()
    return [(e, energy_bar(e, f"energy{i}") if e.items else None) for i, e in enumerate(estimates)]
