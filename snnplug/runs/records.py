"""What stands in the files of a run directory: a class for each, for whoever writes and whoever reads.

resolved.json   `Resolved`            summary.json   `Summary`
metrics.jsonl   an `Epoch` a line     trials.json    a list of `TrialRecord`
activity.json   `snnplug.contracts.Activity`

The records of energy.json, conversion.json and answers.json have modules of their own.

A run may be unfinished, and a number absent or not finite: both become None when a file is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from snnplug.contracts import Task
from snnplug.runs.comparison_records import Comparison
from snnplug.runs.conversion_records import ConversionRecord
from snnplug.runs.energy_records import Energy
from snnplug.runs.schema import SCHEMA, Number
from snnplug.runs.search_records import SearchRecord, TrialRecord

__all__ = [
    "Accuracy",
    "ComponentUse",
    "Epoch",
    "Origin",
    "Resolved",
    "SearchRecord",
    "Summary",
    "Threads",
    "TrialRecord",
]


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
        class_names: names of the classes, or empty.
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
    class_names: tuple[str, ...] = ()
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
class Summary:
    """`summary.json`: the result of a run, as far as it came.

    `interval` is the 95 % interval of the test accuracy by its number of samples (Wilson). `twins` are groups
    of layers that send identical spikes; each of them is counted. `notes` say what
    went wrong without costing the result; None for nothing. `more` holds what stages without a field of their
    own here have written, by key.
    """

    schema: int = SCHEMA
    name: str = ""
    stages: tuple[str, ...] = ()
    search: SearchRecord | None = None
    epochs: int | None = None
    conversion: ConversionRecord | None = None
    comparison: Comparison | None = None
    accuracy: Accuracy | None = None
    interval: tuple[Number, Number] | None = None
    spikes_per_sample: Number = None
    synaptic_operations: Number = None
    macs: Number = None
    latency_steps: Number = None
    parameters: Number = None
    twins: tuple[tuple[str, ...], ...] | None = None
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

    Attributes:
        gradient_norm: mean of the norms that were taken, before clipping; see `[train]`.
        skipped_steps: steps of the optimizer left out, as their gradients overflowed 16 bits; None in
            another precision.
        data_share: part of the epoch's time that waited for data.
        samples_per_second: of the epoch, its validation left out.
        memory: in which mode a step saves what its backward pass needs; see `[train]`.
        kept_bytes: that the first forward pass of this process has left for the backward pass.
        facts: numbers that a stage has counted in it, by name.
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
    gradient_norm: Number = None
    skipped_steps: int | None = None
    data_share: Number = None
    samples_per_second: Number = None
    memory: str | None = None
    kept_bytes: int | None = None
    facts: Mapping[str, Number] = attrs.field(factory=dict)

    @property
    def judged(self) -> Number:
        """The accuracy by which epochs are compared: of validation data, else of training data."""
        return self.accuracy if self.val_accuracy is None else self.val_accuracy
