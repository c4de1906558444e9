"""From the files of a run directory to their records and back."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
import cattrs

from snnplug.contracts import Activity, NeuronActivity, SynapseActivity
from snnplug.errors import RunDirectoryError
from snnplug.runs.answer_records import AnswerRecord
from snnplug.runs.conversion_records import ConversionErrors
from snnplug.runs.damage import UNREADABLE, missing, missing_files
from snnplug.runs.directory import RunDirectory
from snnplug.runs.energy_records import EnergyRecord
from snnplug.runs.export_records import ExportsRecord
from snnplug.runs.lint_records import LintRecord
from snnplug.runs.opening import directory_at
from snnplug.runs.records import Accuracy, Epoch, Resolved, SearchRecord, Summary, TrialRecord
from snnplug.runs.schema import SCHEMAS, Number

__all__ = [
    "Records",
    "activity_digest",
    "read_activity",
    "read_epochs",
    "read_resolved",
    "read_summary",
    "structure",
    "to_plain",
]

R = TypeVar("R")


@attrs.frozen(kw_only=True)
class Records:
    """All that a run directory holds, as far as the run came.

    Attributes:
        directory: the run directory, as it was given.
        resolved: what was run.
        summary, epochs, trials, rungs, activity, energy, lint, exports, conversion, answers: what came out;
            None where the file is missing or cannot be read.
        problems: what is wrong with a file that cannot be read, or is gone from a finished run, by its name.
        notes: what to know of the directory as a whole, a sentence each.
    """

    directory: Path
    resolved: Resolved
    summary: Summary | None = None
    epochs: tuple[Epoch, ...] | None = None
    trials: tuple[TrialRecord, ...] | None = None
    rungs: tuple[TrialRecord, ...] | None = None
    activity: Activity | None = None
    energy: EnergyRecord | None = None
    lint: LintRecord | None = None
    exports: ExportsRecord | None = None
    conversion: ConversionErrors | None = None
    answers: AnswerRecord | None = None
    problems: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, directory: Path) -> Records:
        """Read a run directory.

        Raises:
            RunDirectoryError: there is no readable `resolved.json` in it.
        """
        opened = directory_at(directory)
        problems = {name: str(missing(directory, name)) for name in missing_files(directory)}

        def read(name: str, record: Any, parse: Callable[[str], Any] = json.loads) -> Any:
            try:
                text = opened.read_text(name)
                return None if text is None else structure(parse(text), record)
            except RunDirectoryError as error:
                problems[name] = str(error)
            except UNREADABLE as error:
                problems[name] = str(opened.damaged(name, error))
            return None

        resolved = read("resolved.json", Resolved)
        if resolved is None:
            absent = f"{directory} is not a run directory: it has no resolved.json"
            raise RunDirectoryError(problems.get("resolved.json", absent))
        return cls(
            directory=directory,
            resolved=resolved,
            summary=read("summary.json", Summary),
            epochs=read("metrics.jsonl", tuple[Epoch, ...], _lines),
            trials=read("trials.json", tuple[TrialRecord, ...]),
            rungs=read("rungs.json", tuple[TrialRecord, ...]),
            activity=read("activity.json", Activity),
            conversion=read("conversion.json", ConversionErrors),
            answers=read("answers.json", AnswerRecord),
            lint=read("lint.json", LintRecord),
            exports=read("exports.json", ExportsRecord),
            energy=_of_this_activity(opened, read("energy.json", EnergyRecord), problems),
            problems=problems,
            notes=opened.notes,
        )


def _of_this_activity(
    directory: RunDirectory, record: EnergyRecord | None, problems: dict[str, str]
) -> EnergyRecord | None:
    """Return what models said later, unless the network has been measured again since."""
    try:
        if record is None or record.activity == activity_digest(directory):
            return record
    except RunDirectoryError:  # it is damaged, which is said of it
        return None
    problems["energy.json"] = (
        f"{directory.file('energy.json')} is of another measurement; make it again with: "
        f"snnplug energy {directory.path} --models ..."
    )
    return None


def activity_digest(directory: RunDirectory) -> str:
    """Return the SHA-256 of activity.json, or an empty text without it.

    Raises:
        RunDirectoryError: it is damaged.
    """
    content = directory.read_bytes("activity.json")
    return "" if content is None else hashlib.sha256(content).hexdigest()


def read_activity(directory: RunDirectory) -> Activity:
    """Return what the network did.

    Raises:
        RunDirectoryError: it was not measured, or the file is damaged.
    """
    plain = directory.read_json("activity.json")
    if plain is None:
        raise RunDirectoryError(
            f"{directory.path} has no activity.json, which the stage measure writes; continue the run with: "
            f"snnplug run --resume {directory.path}"
        )
    return _structured(plain, Activity, directory, "activity.json")


def read_resolved(directory: RunDirectory) -> Resolved:
    """Return what was run.

    Raises:
        RunDirectoryError: the file is damaged, or of a version that this one does not read.
    """
    content = directory.read_json("resolved.json")
    if not isinstance(content, dict) or content.get("schema") not in SCHEMAS or "recipe" not in content:
        raise RunDirectoryError(
            f"{directory.file('resolved.json')} was not written by this version of snnplug or one before it"
        )
    return _structured(content, Resolved, directory, "resolved.json")


def read_summary(directory: RunDirectory) -> Summary:
    """Return the result.

    Raises:
        RunDirectoryError: the run was never finished, or the file is damaged.
    """
    return _structured(directory.read_summary(), Summary, directory, "summary.json")


def read_epochs(directory: RunDirectory) -> tuple[Epoch, ...]:
    """Return the epochs of all stages, none without a file; a torn last line is left out.

    Raises:
        RunDirectoryError: the file is damaged.
    """
    name = "metrics.jsonl"
    text = directory.read_text(name)
    try:
        lines = _lines(text or "")
    except UNREADABLE as error:
        raise directory.damaged(name, error) from error
    return _structured(lines, tuple[Epoch, ...], directory, name)


def to_plain(record: Any) -> Any:
    """Return plain data of a record, as the file of its class holds it."""
    return _converter().unstructure(record)


def structure(plain: Any, record: Any) -> Any:
    """Return the record of plain data, as `to_plain` gives it."""
    return _converter().structure(plain, record)


def _structured(plain: Any, record: type[R], directory: RunDirectory, name: str) -> R:
    try:
        result: R = structure(plain, record)
        return result
    except UNREADABLE as error:
        raise directory.damaged(name, error) from error


def _lines(text: str) -> list[Any]:
    """Parse JSON lines, without the last one where a killed run left it torn."""
    *whole, rest = text.split("\n")
    records = [json.loads(line) for line in whole if line.strip()]
    try:
        return [*records, json.loads(rest)] if rest.strip() else records
    except ValueError:
        return records


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(Number, _number)
    converter.register_structure_hook(Summary, _summary_hook(converter))
    converter.register_structure_hook(Activity, functools.partial(_to_activity, converter))
    converter.register_unstructure_hook(Activity, functools.partial(_from_activity, converter))
    converter.register_unstructure_hook(
        Epoch,
        cattrs.gen.make_dict_unstructure_fn(
            Epoch, converter, facts=cattrs.gen.override(omit_if_default=True)
        ),
    )
    for record in (TrialRecord, SearchRecord, Accuracy, Summary):  # the inner ones first
        plain = cattrs.gen.make_dict_unstructure_fn(record, converter)
        converter.register_unstructure_hook(record, functools.partial(_without_none, plain))
    return converter


def _number(value: Any, _: Any) -> Number:
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _summary_hook(converter: cattrs.Converter) -> Callable[[Any, Any], Summary]:
    structure = cattrs.gen.make_dict_structure_fn(Summary, converter)
    known = {field.name for field in attrs.fields(Summary)} - {"more"}

    def hook(value: Any, cls: Any) -> Summary:
        own = {key: entry for key, entry in value.items() if key in known}
        return structure({**own, "more": {k: v for k, v in value.items() if k not in known}}, cls)

    return hook


def _without_none(plain: Callable[[Any], dict[str, Any]], record: Any) -> dict[str, Any]:
    """Leave out what there is none of; a summary's further parts stand beside its own."""
    content = plain(record)
    content |= content.pop("more", {})
    return {key: value for key, value in content.items() if value is not None}


def _to_activity(converter: cattrs.Converter, value: Any, _: Any) -> Activity:
    if not isinstance(value, dict):
        raise TypeError("a table of keys and values is expected")
    neurons = converter.structure(value.get("neurons", ()), tuple[NeuronActivity, ...])
    synapses = converter.structure(value.get("synapses", ()), tuple[SynapseActivity, ...])
    plain = {k: v for k, v in value.items() if k in {field.name for field in attrs.fields(Activity)}}
    plain |= {"neurons": {n.name: n for n in neurons}, "synapses": {s.name: s for s in synapses}}
    return Activity(**plain)


def _from_activity(converter: cattrs.Converter, activity: Activity) -> dict[str, Any]:
    content = attrs.asdict(activity)
    content["neurons"] = [{**attrs.asdict(n), "rate": n.rate} for n in activity.neurons.values()]
    content["synapses"] = [attrs.asdict(s) for s in activity.synapses.values()]
    return content
