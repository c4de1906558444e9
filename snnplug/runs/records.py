"""What a run directory holds, read into typed records.

A run may be unfinished: every file but `resolved.json` may be missing, and every number may be
absent or not finite. Both become None here, so that nothing downstream has to ask twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import cattrs

from snnplug.contracts import Graph
from snnplug.errors import RunDirectoryError

__all__ = [
    "Accuracy",
    "ActivityData",
    "ComponentUse",
    "Energy",
    "EnergyLine",
    "Epoch",
    "NeuronLayer",
    "ReportData",
    "Resolved",
    "SearchResult",
    "Summary",
    "SynapticLayer",
    "TrialResult",
]

R = TypeVar("R")
Number = float | None  # None: absent, NaN or infinite


@attrs.frozen(kw_only=True)
class ComponentUse:
    """A registered thing as the run used it, with every parameter."""

    kind: str
    use: str
    version: str = ""
    summary: str = ""
    reference: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Resolved:
    """`resolved.json`: what was run."""

    name: str = ""
    command: str = ""
    seed: Any = None
    recipe: Mapping[str, Any] = attrs.field(factory=dict)
    components: tuple[ComponentUse, ...] = ()
    environment: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Accuracy:
    """Fractions of samples classified rightly, by split."""

    train: Number = None
    val: Number = None
    test: Number = None


@attrs.frozen(kw_only=True)
class EnergyLine:
    """One line of an energy estimate, per sample."""

    name: str
    count: Number = None
    each: Number = None
    value: Number = None


@attrs.frozen(kw_only=True)
class Energy:
    """What one energy model says of one inference of one sample."""

    model: str
    value: Number = None
    unit: str = ""
    reference: str = ""
    items: tuple[EnergyLine, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class TrialResult:
    """One candidate of `trials.json`; `values` are the scores of the baselines and objectives, by name."""

    genotype: Any = None
    key: str = ""
    score: Number = None
    values: Mapping[str, Number] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SearchResult:
    """What the search found; `best` is the genotype, plain JSON.

    `objectives` are goals ("min" or "max") by scorer; no candidate beats one of `pareto` in all of them
    and in the score.
    """

    draws: int | None = None
    distinct: int | None = None
    evaluated: int | None = None
    best: Any = None
    key: str = ""
    score: Number = None
    scorer: str = ""
    objectives: Mapping[str, str] = attrs.field(factory=dict)
    pareto: tuple[TrialResult, ...] = ()
    seconds: Number = None
    seconds_per_candidate: Number = None
    graph: Graph | None = None


@attrs.frozen(kw_only=True)
class Summary:
    """`summary.json`: the result of a run, as far as it came."""

    stages: tuple[str, ...] = ()
    accuracy: Accuracy = attrs.field(factory=Accuracy)
    spikes_per_sample: Number = None
    synaptic_operations: Number = None
    macs: Number = None
    latency_steps: Number = None
    parameters: Number = None
    energy: tuple[Energy, ...] = ()
    search: SearchResult | None = None
    seconds: Mapping[str, Number] = attrs.field(factory=dict)
    device: str = ""
    versions: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Epoch:
    """One line of `metrics.jsonl`."""

    epoch: int
    stage: str = "train"
    loss: Number = None
    accuracy: Number = None
    val_loss: Number = None
    val_accuracy: Number = None
    lr: Number = None
    seconds: Number = None


@attrs.frozen(kw_only=True)
class NeuronLayer:
    """Spikes of a layer of neurons: per time step, summed over all samples; `raster` is `[T, n]`."""

    name: str
    graded: bool = False
    size: int = 0
    spikes: tuple[float, ...] = ()
    updates: float = 0
    rate: Number = None
    raster: tuple[tuple[float, ...], ...] = ()


@attrs.frozen(kw_only=True)
class SynapticLayer:
    """Input of a synaptic layer: events and operations per time step, summed over all samples."""

    name: str
    layer: str = ""
    parameters: int = 0
    events: tuple[float, ...] = ()
    operations: tuple[float, ...] = ()
    macs: float = 0
    analog: bool = False


@attrs.frozen(kw_only=True)
class ActivityData:
    """`activity.json`: what the network did over `samples` samples and `steps` time steps."""

    samples: int = 0
    steps: int = 0
    neurons: tuple[NeuronLayer, ...] = ()
    synapses: tuple[SynapticLayer, ...] = ()
    uncounted: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ReportData:
    """All that a report is made of.

    Attributes:
        directory: the run directory, as it was given.
        resolved: what was run.
        summary, epochs, trials, activity: what came out; None where the file is missing or unreadable.
        problems: one sentence for each file that is there and cannot be read, by file name.
    """

    directory: Path
    resolved: Resolved
    summary: Summary | None = None
    epochs: tuple[Epoch, ...] | None = None
    trials: tuple[TrialResult, ...] | None = None
    activity: ActivityData | None = None
    problems: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def read(cls, directory: Path) -> ReportData:
        """Read a run directory.

        Raises:
            RunDirectoryError: there is no readable `resolved.json` in it.
        """
        problems: dict[str, str] = {}

        def read(name: str, record: Any, parse: Callable[[str], Any] = json.loads) -> Any:
            try:
                return _converter().structure(parse((directory / name).read_text("utf-8")), record)
            except FileNotFoundError:
                return None
            except (OSError, ValueError, TypeError, cattrs.BaseValidationError) as error:
                problems[name] = f"{name} cannot be read: {_cause(error)}."
                return None

        resolved = read("resolved.json", Resolved)
        if resolved is None:
            cause = problems.get("resolved.json", "it has no resolved.json.")
            raise RunDirectoryError(
                f"no report can be made of {str(directory)!r}: {cause} Give a run directory."
            )
        return cls(
            directory=directory,
            resolved=resolved,
            summary=read("summary.json", Summary),
            epochs=read("metrics.jsonl", tuple[Epoch, ...], _lines),
            trials=read("trials.json", tuple[TrialResult, ...]),
            activity=read("activity.json", ActivityData),
            problems=problems,
        )


def _lines(text: str) -> list[Any]:
    """Parse JSON lines, without the last one where a killed run left it torn."""
    *whole, rest = text.split("\n")
    records = [json.loads(line) for line in whole if line.strip()]
    try:
        return [*records, json.loads(rest)] if rest.strip() else records
    except ValueError:
        return records


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(Number, _number)
    return converter


def _number(value: Any, _: Any) -> Number:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _cause(error: Exception) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error)[:3])
    return str(error).rstrip(".")
