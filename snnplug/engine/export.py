"""The network of a run as a file that others read, read back in whoever is there to read it."""

from __future__ import annotations

import copy
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snnplug.contracts import Exported, Exporter, Reader
from snnplug.contracts.export import OUTPUT
from snnplug.engine.agreement import agreements, cause
from snnplug.engine.asked import asked_components
from snnplug.engine.chips import noise_input
from snnplug.engine.device import usual_settings
from snnplug.engine.digests import weights_digest
from snnplug.engine.prediction import Predictor, make_predictor, with_samples
from snnplug.engine.read_back import Place, Refused, places, read_back, version_there
from snnplug.errors import DataError, RecipeError, SnnplugError, StorageError
from snnplug.nn.margins import Sent, sent_by_layers
from snnplug.recipe.section import Table
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, is_text, refuse
from snnplug.registry.interrupts import listening
from snnplug.registry.registry import Registry
from snnplug.report.page import write_report
from snnplug.runs.checksums import checksum_of
from snnplug.runs.directory import RunDirectory
from snnplug.runs.export_records import ExportRecord, ExportsRecord, MarginRecord, ReaderRecord
from snnplug.runs.opening import open_directory
from snnplug.runs.reading import Records, read_resolved, to_plain

__all__ = ["export_run"]

_FOLDER = "exports"  # of a run directory
_EXPECTED = "a snnplug.Exported with the files that were written"
Say = Callable[[str], object]


@listening()
def export_run(
    path: Path,
    exporter: str | Table,
    registry: Registry,
    *,
    out: Path | None = None,
    readers: Sequence[str] = (),
    samples: int = 8,
    verify: bool = True,
    say: Say = lambda line: None,
) -> ExportRecord:
    """Write the trained network of a run to a file, and read it back in every reader that is installed.

    The record becomes part of the run's `exports.json`, in place of one of the same file, and its report is
    written again; into a shared run nothing is written.

    Args:
        path: run directory.
        exporter: name or table.
        registry: where names are looked up.
        out: the file; by default `exports/model` with the format's suffix, in the run directory.
        readers: `NAME`, or `NAME=PYTHON` for a Python of another environment; empty for all.
        samples: how many of the test set it is verified on, at least 1.
        verify: read it back.
        say: called with a line about what goes on.

    Raises:
        RunDirectoryError: it is no run, or nothing was trained.
        UsageError: the exporter or a reader is not known.
        ExportError: the format cannot say what the network does.
        ComponentError: the exporter fails.
        StorageError: the file cannot be written.
    """
    [component] = asked_components("exporter", [exporter], registry, "exporter")
    directory = open_directory(path)
    if out is None and not directory.writable:
        raise RecipeError([f"{path} is a shared run, into which nothing is written: name the file (-o FILE)"])
    read_resolved(directory)
    records = Records.read(directory.path)
    with calling(component, "an exporter with a suffix and readers"):
        built: Exporter = component.build()
        known = _readers(component, built)
        suffix = built.suffix
    wanted = places(known, tuple(readers)) if verify else []
    target = directory.path / _FOLDER / f"model{suffix}" if out is None else out
    _check_place(target, directory)
    with usual_settings():
        predictor = make_predictor(records, registry, "cpu")
        x, inputs = _inputs(predictor, records, registry, max(1, samples), say)
        model = predictor.model.eval()
        with directory.locked(f"snnplug export {path}") if directory.writable else nullcontext():
            exported = _written(component, built, copy.deepcopy(model), x, target)
            sent = sent_by_layers(model, x)
            margins = [
                MarginRecord(layer=name, ties=margin.ties, close=margin.close, all=margin.all)
                for name, margin in sent.margins.items()
            ]
            record = ExportRecord(
                exporter=component.qualified,
                version=component.version,
                parameters=component.parameters,
                file=f"{_FOLDER}/{target.name}" if out is None else target.name,
                files={file.name: checksum_of(file) for file in exported.files},
                weights=weights_digest(model),
                inputs=inputs,
                samples=x.shape[1],
                steps=x.shape[0],
                notes=tuple(exported.notes),
                margins=tuple(margins),
            )
            expected = _expected(exported, sent)
            with tempfile.TemporaryDirectory(prefix="snnplug-") as folder:
                inputs_file = Path(folder) / "inputs.npz"
                np.savez(inputs_file, x=x.numpy())
                told = [
                    _read(place, target, inputs_file, expected, exported, record, say) for place in wanted
                ]
            record = attrs.evolve(record, readers=tuple(told))
            if directory.writable:
                _keep(directory, record)
                write_report(path, lambda line, details: say(line))
    return record


def _readers(component: Component, built: Any) -> dict[str, Reader]:
    readers = getattr(built, "readers", None)
    if not isinstance(getattr(built, "suffix", None), str):
        refuse(component, "a suffix of its files", getattr(built, "suffix", None))
    if not isinstance(readers, list | tuple) or not all(isinstance(one, Reader) for one in readers):
        refuse(component, "a list of snnplug.Readers", readers)
    return {reader.name: reader for reader in readers}


def _inputs(
    predictor: Predictor, records: Records, registry: Registry, samples: int, say: Say
) -> tuple[Tensor, str]:
    """Return encoded samples `[T, B, *]`, and where they are from."""
    try:
        parts = with_samples(predictor.parts, records, registry)
    except DataError as error:
        say(f"{error}; the file is verified on noise")
        return noise_input(predictor.parts, samples).contiguous(), "noise"
    splits = {name: getattr(parts.splits, name) for name in ("test", "val", "train")}
    name, split = next((n, s) for n, s in splits.items() if s is not None and len(s))
    batch = torch.arange(min(samples, len(split)))
    values, _ = next(iter(parts.batches(split, [batch], name)))
    return parts.encode(values, "export", name).contiguous(), name


def _check_place(target: Path, directory: RunDirectory) -> None:
    """Refuse a file in the place of one of the run's own.

    Raises:
        RecipeError: it is.
    """
    run, place = directory.path.resolve(), target.resolve()
    if run in place.parents and run / _FOLDER not in place.parents:
        raise RecipeError(
            [f"{target} is among the run's own files; name one in {_FOLDER}/ of it, or outside of it"]
        )


def _written(component: Component, built: Exporter, model: nn.Module, x: Tensor, target: Path) -> Exported:
    """Let an exporter write beside the target, and move all of it there at once.

    Raises:
        StorageError: there is no room, or no right to write.
    """
    folder: Path | None = None
    exported: Exported
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
        with calling(component, _EXPECTED), torch.no_grad():
            written: Any = built(model, x, folder / target.name)
            exported, files = written, _files(component, written, folder)
        moved = [target.parent / file.name for file in files]
        for file, place in zip(files, moved, strict=True):
            os.replace(file, place)
        return attrs.evolve(exported, files=moved)
    except OSError as error:
        if isinstance(error, SnnplugError):  # missing data, say, which is none of the disk
            raise
        raise StorageError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _files(component: Component, exported: Any, folder: Path) -> list[Path]:
    """Return what an exporter has written, all of it in a folder."""
    if not isinstance(exported, Exported):
        refuse(component, _EXPECTED, exported)
    files, notes = exported.files, exported.notes
    if not isinstance(files, list | tuple) or not files:
        refuse(component, _EXPECTED, files)
    if not all(isinstance(file, Path) and file.parent == folder and file.is_file() for file in files):
        refuse(component, "paths of files beside the one that it is given", [str(file) for file in files])
    if not isinstance(notes, list | tuple) or not all(is_text(note) for note in notes):
        refuse(component, "texts as notes", notes)
    return list(files)


def _expected(exported: Exported, sent: Sent) -> dict[str, NDArray[np.float64]]:
    """Return what readers are to answer, by the names in the network."""
    if exported.expected is not None:
        return {name: np.asarray(value, dtype=np.float64) for name, value in exported.expected.items()}
    known = set(exported.layers.values())
    found = {name: spikes for name, spikes in sent.layers.items() if name in known}
    return {name: value.double().numpy() for name, value in {**found, OUTPUT: sent.output}.items()}


def _read(
    place: Place,
    file: Path,
    inputs: Path,
    expected: dict[str, NDArray[np.float64]],
    exported: Exported,
    record: ExportRecord,
    say: Say,
) -> ReaderRecord:
    name, python = place.reader.name, place.python
    version = version_there(place)
    if not version:
        return ReaderRecord(
            name=name, python=python, state="absent", said=f"{place.reader.module} is missing"
        )
    say(f"reading it back with {place.reader.distribution} {version}")
    try:
        answered = read_back(place, file.resolve(), inputs, inputs.with_name(f"{name}.npz"))
        known = {exported.layers.get(layer, layer): value for layer, value in answered.items()}
        layers = agreements(expected, known)
    except (Refused, ValueError) as error:
        return ReaderRecord(name=name, version=version, python=python, state="refused", said=str(error))
    said, equal = "", not any(layer.differing for layer in layers)
    if not equal:
        said = cause(layers, {one.layer: one for one in record.margins}, place.reader.refuses)
    return ReaderRecord(
        name=name,
        version=version,
        python=python,
        state="equal" if equal else "differs",
        layers=tuple(layers),
        said=said,
    )


def _keep(directory: RunDirectory, record: ExportRecord) -> None:
    there = Records.read(directory.path).exports  # as it is now that nobody else writes
    others = [one for one in (there.exports if there is not None else ()) if one.file != record.file]
    directory.write_json("exports.json", to_plain(ExportsRecord(exports=(*others, record))))
