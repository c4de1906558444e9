"""What stands in the files of a run directory: a class for each, for whoever writes and whoever reads.

resolved.json   `Resolved`            summary.json   `Summary`
metrics.jsonl   an `Epoch` a line     trials.json    a list of `TrialRecord`
activity.json   `snnplug.contracts.Activity`      energy.json    `EnergyRecord`
                                      conversion.json   `ConversionErrors`

A run may be unfinished, and a number absent or not finite: both become None when a file is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from snnplug.contracts import Baseline, EnergyEstimate, EnergyItem, Graph, Task, Trace, Trial

__all__ = [
    "SCHEMA",
    "SCHEMAS",
    "Accuracy",
    "ComponentUse",
    "ConversionErrors",
    "ConversionRecord",
    "ConversionRow",
    "Energy",
    "EnergyBaseline",
    "EnergyLine",
    "EnergyRecord",
    "Epoch",
    "Number",
    "Origin",
    "Resolved",
    "SearchRecord",
    "Summary",
    "Threads",
    "TrialRecord",
]

SCHEMA = 2
SCHEMAS = (1, 2)  # that are read; 1 does not know the task
Number = float | None  # None: absent, NaN or infinite


@attrs.frozen(kw_only=True)
class ComponentUse:
    """A registered thing as the run used it, with every parameter; `key` is its place in the recipe."""

    key: str = ""
    kind: str
    use: str
    version: str = ""
    summary: str = ""
    reference: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)

    def nested_names(self) -> Iterator[str]:
        """Yield the qualified names in nested tables of its parameters."""
        tables = [value for value in self.parameters.values() if isinstance(value, Mapping)]
        while tables:
            table = tables.pop()
            if ":" in str(table.get("use", "")):
                yield table["use"]
            tables += [value for value in table.values() if isinstance(value, Mapping)]


@attrs.frozen(kw_only=True)
class Threads:
    """How many CPU threads a run may take: as many as its work pays for, or, if `fixed`, exactly so many."""

    count: int
    fixed: bool = False


@attrs.frozen(kw_only=True)
class Origin:
    """What a file was computed with, which its numbers may depend on.

    Attributes:
        recipe: hash of the resolved recipe.
        versions: of snnplug, torch, the plugins that were used, and what these require.
        contents: hashes of the files of snnplug and of the plugins.
        threads: as the run was begun with.
    """

    recipe: str = ""
    versions: Mapping[str, str] = attrs.field(factory=dict)
    contents: Mapping[str, str] = attrs.field(factory=dict)
    threads: Threads | None = None

    def changes(self, now: Origin) -> list[str]:
        """Return a line for each thing that is of another version or has other content now.

        What only one of them knows was not used, or not recorded by an earlier snnplug.
        """
        lines = []
        for name, before in sorted(self.versions.items()):
            version, content = now.versions.get(name, before), self.contents.get(name)
            if version != before:
                lines.append(f"{name} {before} -> {version}")
            elif content is not None and now.contents.get(name, content) != content:
                lines.append(f"{name} {before}: other content")
        if self.contents:
            added = sorted(now.contents.keys() - self.versions.keys())
            lines += [f"{name} {now.versions[name]}: not there before" for name in added]
        return lines


@attrs.frozen(kw_only=True)
class Resolved:
    """`resolved.json`: what was run.

    Attributes:
        schema: of the run directory.
        name, command, seed: of the run.
        recipe: the recipe with qualified names, plain data.
        components: everything used.
        task: what the data set says of its samples.
        environment: versions of what was used, and the machine.
        origins: what its files are computed with: as the run was begun, then as was accepted since.
        accepted: versions that the run was continued with though they had changed, a line each.
    """

    schema: int = SCHEMA
    name: str = ""
    command: str = ""
    seed: Any = None
    recipe: Mapping[str, Any] = attrs.field(factory=dict)
    components: tuple[ComponentUse, ...] = ()
    task: Task | None = None
    environment: Mapping[str, Any] = attrs.field(factory=dict)
    origins: tuple[Origin, ...] = ()
    accepted: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Accuracy:
    """Fractions of samples classified rightly, by split."""

    train: Number = None
    val: Number = None
    test: Number = None


@attrs.frozen(kw_only=True)
class EnergyLine:
    """One line of an energy estimate, per sample; see `snnplug.contracts.EnergyItem`."""

    name: str
    count: Number = None
    each: Number = None
    value: Number = None
    term: str = ""

    @classmethod
    def of(cls, items: Iterable[EnergyItem]) -> tuple[EnergyLine, ...]:
        """Return the records of items."""
        return tuple(cls(**attrs.asdict(item), value=item.value) for item in items)


@attrs.frozen(kw_only=True)
class EnergyBaseline:
    """What a model says of another network; see `snnplug.contracts.Baseline`."""

    name: str
    value: Number = None
    items: tuple[EnergyLine, ...] = ()
    how: str = ""
    upper_bound: bool = False

    @classmethod
    def of(cls, baseline: Baseline) -> EnergyBaseline:
        """Return the record of a baseline."""
        return cls(
            name=baseline.name,
            value=baseline.value,
            items=EnergyLine.of(baseline.items),
            how=baseline.how,
            upper_bound=baseline.upper_bound,
        )


@attrs.frozen(kw_only=True)
class Energy:
    """What one energy model says of one inference of one sample; `parameters` are those it was given."""

    model: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    value: Number = None
    unit: str = ""
    items: tuple[EnergyLine, ...] = ()
    reference: str = ""
    node: str = ""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    baselines: tuple[EnergyBaseline, ...] = ()
    facts: Mapping[str, Number] = attrs.field(factory=dict)

    @classmethod
    def of(cls, model: str, estimate: EnergyEstimate, parameters: Mapping[str, Any] | None = None) -> Energy:
        """Return the record of an estimate."""
        return cls(
            model=model,
            parameters=dict(parameters or {}),
            value=estimate.value,
            unit=estimate.unit,
            items=EnergyLine.of(estimate.items),
            reference=estimate.reference,
            node=estimate.node,
            assumptions=tuple(estimate.assumptions),
            warnings=tuple(estimate.warnings),
            baselines=tuple(map(EnergyBaseline.of, estimate.baselines)),
            facts=dict(estimate.facts),
        )


@attrs.frozen(kw_only=True)
class EnergyRecord:
    """`energy.json`: what models say that were asked after the run.

    Attributes:
        schema: of the file.
        activity: SHA-256 of the `activity.json` that they read.
        models: the models with their parameters, as a recipe writes them.
        energy: what they say.
    """

    schema: int = 1
    activity: str = ""
    models: tuple[Mapping[str, Any], ...] = ()
    energy: tuple[Energy, ...] = ()


@attrs.frozen(kw_only=True)
class TrialRecord:
    """One candidate of `trials.json`.

    Attributes:
        index: position among the evaluated ones.
        genotype, key: the candidate.
        score: the scorer's.
        values: scores of the baselines and objectives, by name.
        parts: what the score is made of, by name; None where the scorer does not say.
        seconds: time of all its scores together.
        draws: how often it was drawn.
        reason: why it has no score.
        beyond: what it has of `parameters`, `neurons` or `memory` beyond a limit of the search, for which
            it was refused; None where it is within them.
    """

    index: int | None = None
    genotype: Any = None
    key: str = ""
    score: Number = None
    values: Mapping[str, Number] = attrs.field(factory=dict)
    parts: Mapping[str, Number] | None = None
    seconds: Number = None
    draws: int | None = None
    reason: str | None = None
    beyond: Mapping[str, Number] | None = None

    @classmethod
    def of(
        cls,
        trial: Trial,
        draws: int | None = None,
        reason: str | None = None,
        beyond: Mapping[str, float] | None = None,
    ) -> TrialRecord:
        """Return the record of a trial; without `draws` also without its time."""
        return cls(
            index=trial.index,
            genotype=trial.genotype,
            key=trial.key,
            score=trial.score,
            values=dict(trial.values),
            parts=dict(trial.parts) or None,
            seconds=None if draws is None else trial.seconds,
            draws=draws,
            reason=reason,
            beyond=dict(beyond) if beyond else None,
        )


@attrs.frozen(kw_only=True)
class SearchRecord:
    """What a search found; `best` is the genotype, plain JSON.

    `objectives` are goals ("min" or "max") by scorer; no candidate beats one of `pareto` in all of them
    and in the score. Of the `distinct` candidates some were `refused` by limits, None without limits, and all
    others `evaluated`. `references` are networks made by hand, by name, scored beside the search.
    """

    space: str = ""
    strategy: str = ""
    scorer: str = ""
    draws: int | None = None
    distinct: int | None = None
    evaluated: int | None = None
    refused: int | None = None
    best: Any = None
    key: str = ""
    score: Number = None
    values: Mapping[str, Number] = attrs.field(factory=dict)
    objectives: Mapping[str, str] = attrs.field(factory=dict)
    pareto: tuple[TrialRecord, ...] = ()
    references: Mapping[str, TrialRecord] = attrs.field(factory=dict)
    seconds: Number = None
    seconds_per_candidate: Number = None
    graph: Graph | None = None


@attrs.frozen(kw_only=True)
class ConversionRow:
    """A network of one task under one coding.

    `difference` is that of its accuracy from the first row's, over the same test samples, with a 95 %
    interval; `latency` is of one sample in time steps, `interval` the steps from one sample to the next in a
    pipeline; `noise` holds accuracies by the standard deviation of noise on the images.
    """

    name: str
    neuron: Mapping[str, Any] = attrs.field(factory=dict)
    chosen: bool = False
    accuracy: Number = None
    difference: Number = None
    low: Number = None
    high: Number = None
    latency: Number = None
    interval: Number = None
    spikes: Number = None
    operations: Number = None
    macs: Number = None
    energy: tuple[Energy, ...] = ()
    noise: Mapping[str, Number] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ConversionErrors:
    """`conversion.json`: where each converted network errs, by the name of its row.

    `curves` are potentials and decoded values of its first layer's neurons.
    """

    schema: int = SCHEMA
    traces: Mapping[str, Trace] = attrs.field(factory=dict)
    curves: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ConversionRecord:
    """What a conversion came to: the ANN first, then every coding; over so many test samples."""

    rows: tuple[ConversionRow, ...] = ()
    samples: int = 0


@attrs.frozen(kw_only=True)
class Summary:
    """`summary.json`: the result of a run, as far as it came.

    `notes` say what went wrong without costing the result; None for nothing. `more` holds what stages
    without a field of their own here have written, by key.
    """

    schema: int = SCHEMA
    name: str = ""
    stages: tuple[str, ...] = ()
    search: SearchRecord | None = None
    epochs: int | None = None
    conversion: ConversionRecord | None = None
    accuracy: Accuracy | None = None
    spikes_per_sample: Number = None
    synaptic_operations: Number = None
    macs: Number = None
    latency_steps: Number = None
    parameters: Number = None
    energy: tuple[Energy, ...] | None = None
    device: str = ""
    versions: Mapping[str, Any] = attrs.field(factory=dict)
    seconds: Mapping[str, Number] = attrs.field(factory=dict)
    notes: tuple[str, ...] | None = None
    more: Mapping[str, Any] = attrs.field(factory=dict)

    @classmethod
    def of(cls, records: Mapping[str, Any]) -> Summary:
        """Return a summary of what stages have recorded, by key."""
        known = {field.name for field in attrs.fields(cls)} - {"more"}
        own = {key: value for key, value in records.items() if key in known}
        return cls(**own, more={key: value for key, value in records.items() if key not in known})


@attrs.frozen(kw_only=True)
class Epoch:
    """One line of `metrics.jsonl`: an epoch, from 1, of the training of a stage, in that many CPU threads.

    `facts` are numbers that a stage has counted in it, by name.
    """

    stage: str = "train"
    epoch: int
    loss: Number = None
    accuracy: Number = None
    val_loss: Number = None
    val_accuracy: Number = None
    lr: Number = None
    seconds: Number = None
    threads: int | None = None
    facts: Mapping[str, Number] = attrs.field(factory=dict)

    @property
    def judged(self) -> Number:
        """The accuracy by which epochs are compared: of validation data, else of training data."""
        return self.accuracy if self.val_accuracy is None else self.val_accuracy
