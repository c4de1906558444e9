"""The folder that a run is shared as: made of its files, looked through for this machine, and read back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from snnplug.engine.prediction import Predictor, make_predictor
from snnplug.errors import RunDirectoryError, SnnplugError, StorageError, UsageError, one_line
from snnplug.recipe.read import to_toml
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import LOCAL, Registry
from snnplug.report.card import model_card
from snnplug.report.page import render
from snnplug.runs.checksums import checksum_of
from snnplug.runs.conversion_records import ConversionErrors
from snnplug.runs.directory import RunDirectory
from snnplug.runs.energy_records import EnergyRecord
from snnplug.runs.export_records import ExportsRecord
from snnplug.runs.lint_records import LintRecord
from snnplug.runs.opening import open_directory
from snnplug.runs.portable import Machine, portable_resolved
from snnplug.runs.reading import Records, read_resolved, structure, to_plain
from snnplug.runs.records import Epoch
from snnplug.runs.shared import Shared, write_weights
from snnplug.runs.shared_names import CARD, CONFIG, EXPORTS, TRIALS, WEIGHTS
from snnplug.runs.standard_json import to_json

__all__ = ["write_shared"]

_TEXTS = (".json", ".jsonl", ".txt", ".md", ".csv", ".toml", ".html", ".yml", ".yaml")
_SHOWN = {  # in the report alone
    "epochs": tuple[Epoch, ...],
    "energy": EnergyRecord,
    "lint": LintRecord,
    "exports": ExportsRecord,
    "conversion": ConversionErrors,
}


def write_shared(path: Path, folder: Path, repo: str, registry: Registry, *, license: str = "") -> None:
    """Write the folder of a run, and read it back.

    Args:
        path: run directory of a finished run.
        folder: is empty, or is made.
        repo: where it is going to be, `ORG/NAME`.
        registry: where names are looked up.
        license: identifier of the licence for the model card.

    Raises:
        RunDirectoryError: the run is not finished, was shared itself, has no trained network, or is damaged.
        UsageError: what it is made of cannot be built from names, or the folder is taken.
        StorageError: the folder cannot be written.
    """
    directory = _finished(path)
    records = Records.read(path)
    if records.problems:
        raise RunDirectoryError(next(iter(records.problems.values())))
    predictor = make_predictor(records, registry, "cpu")
    _check_names(records, predictor)
    machine = Machine.here(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already and is not an empty folder; name another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        left_out = _write_records(directory, folder, machine, predictor)
        _copy_exports(path / EXPORTS, folder / EXPORTS, machine)
        _write_pages(records, folder, machine, repo, license, left_out)
        _check_clean(folder, machine)
        _read_back(folder, registry, predictor)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)  # half of it, or what is not fit to go out
        if isinstance(error, OSError) and not isinstance(error, SnnplugError):
            raise StorageError(f"cannot write {folder}: {error.strerror or one_line(error)}") from error
        raise


def _finished(path: Path) -> RunDirectory:
    directory = open_directory(path)
    if not directory.writable:
        raise RunDirectoryError(
            f"{path} was shared already; what is pushed is a run of your own, such as one that goes on from "
            f"its weights: snnplug run --from {path} --weights"
        )
    read_resolved(directory)
    if not directory.is_finished:
        raise RunDirectoryError(
            f"{path} is not finished, so there is nothing to share yet; finish it with: "
            f"snnplug run --resume {path}"
        )
    return directory


def _check_names(records: Records, predictor: Predictor) -> None:
    """Refuse a network that cannot be built from the names of installed plugins."""
    local = [use.use for use in records.resolved.components if use.use.startswith(f"{LOCAL}:")]
    if local:
        raise UsageError(
            f"{records.directory} uses {', '.join(local)}, registered from Python, and whoever loads a "
            "shared run has only what is installed; put it into a plugin (snnplug new), and run again"
        )
    architecture = predictor.parts.plan.get("architecture")
    if architecture is not None and getattr(architecture.spec, "trained", False):
        raise UsageError(
            f"{records.directory} reads its network from a file ({architecture.qualified}), and a shared run "
            "is built of names alone; share the file itself"
        )


def _write_records(
    directory: RunDirectory, folder: Path, machine: Machine, predictor: Predictor
) -> tuple[str, ...]:
    """Write what was run, the weights and the result; return the keys that have lost a path."""
    write_weights(predictor.model.state_dict(), folder / WEIGHTS)
    resolved, left_out = portable_resolved(directory.read_json("resolved.json"), machine)
    shared = Shared(weights=checksum_of(folder / WEIGHTS), left_out=left_out)
    _write(folder / CONFIG, to_json({"library_name": "snnplug", **attrs.asdict(shared), **resolved}))
    _write(folder / "recipe.toml", to_toml(Recipe.from_dict(resolved["recipe"])))
    for name in ("summary.json", "activity.json"):
        if (content := directory.read_json(name)) is not None:
            _write(folder / name, to_json(machine.without(content)))
    trials = [*(directory.read_json("trials.json") or ()), *(directory.read_json("rungs.json") or ())]
    if trials:
        lines = (to_json(machine.without(trial), indent=None) for trial in trials)
        _write(folder / TRIALS, "\n".join(lines))
    return left_out


def _copy_exports(source: Path, target: Path, machine: Machine) -> None:
    """Copy the files that the network was written to."""
    for file in sorted(source.rglob("*")) if source.is_dir() and not source.is_symlink() else ():
        if file.is_symlink() or not file.is_file() or file.name.startswith("."):
            continue  # a link may lead anywhere
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix in _TEXTS:
            _write(copy, machine.text(file.read_text("utf-8", errors="replace")))
        else:
            copy.write_bytes(file.read_bytes())


def _write_pages(
    records: Records,
    folder: Path,
    machine: Machine,
    repo: str,
    license: str,
    left_out: tuple[str, ...],
) -> None:
    """Write card and report, from what was written and what the run knows beside."""
    beside: dict[str, Any] = {
        name: structure(machine.without(to_plain(getattr(records, name))), record)
        for name, record in _SHOWN.items()
        if getattr(records, name) is not None
    }
    shared = attrs.evolve(Records.read(folder), directory=Path(repo), answers=records.answers, **beside)
    card = model_card(shared, repo=repo, license=license, left_out=left_out)
    _write(folder / CARD, card)
    _write(folder / "report.html", render(shared, lambda line, details: None, f"hf://{repo}"))


def _check_clean(folder: Path, machine: Machine) -> None:
    """Refuse to give away a file that names a folder of this machine."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (told := machine.left(file.read_bytes())):
            raise UsageError(
                f"{file.relative_to(folder)} holds the path {told} of this machine, which would be public; "
                "make it again without, or move it out of the run directory"
            )


def _read_back(folder: Path, registry: Registry, predictor: Predictor) -> None:
    """Load what was written, and compare the networks.

    Raises:
        SnnplugError: it cannot be loaded, or is another network.
    """
    try:
        again = make_predictor(Records.read(open_directory(folder).path), registry, "cpu")
    except SnnplugError as error:
        raise type(error)(f"the run cannot be shared, for what was written does not load: {error}") from error
    before, after = predictor.model.state_dict(), again.model.state_dict()
    differing = [name for name in {**before, **after} if not _equal(before.get(name), after.get(name))]
    if differing:
        raise RunDirectoryError(
            f"the run cannot be shared: {', '.join(differing[:3])} of the network is another one once it is "
            f"loaded from {folder}"
        )


def _equal(one: Any, other: Any) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.dtype != other.dtype:
        return False
    return one.shape == other.shape and torch.equal(
        one.contiguous().flatten().view(torch.uint8) if one.numel() else one.flatten(),
        other.contiguous().flatten().view(torch.uint8) if other.numel() else other.flatten(),
    )


def _write(file: Path, text: str) -> None:
    file.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
