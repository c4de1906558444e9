"""Candidates that are trained while they are searched for, each in a folder of its own.

A candidate's training is the beginning of the one that the stage train would give it: the same weights at
the start, the same order of samples, the same schedule. So a training of eight epochs goes on where
that of two has ended, and the run's own goes on from there. It computes in one thread, as all scores do.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch

from snnplug.contracts import Genotype
from snnplug.engine.data import Some, some
from snnplug.engine.device import alone
from snnplug.engine.parts import Parts
from snnplug.engine.progress import Reporter
from snnplug.engine.session import Session
from snnplug.engine.train_section import checkpoint_name
from snnplug.engine.training import train
from snnplug.errors import ContractError, RunDirectoryError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.records import Epoch, Origin
from snnplug.seeds import derive_seed, digest

__all__ = ["Trainings", "folder_of", "take_over"]

_FOLDER = "candidates"
_STAGE = "train"  # whose training it is the beginning of


def folder_of(run: Path, key: str) -> Path:
    """Return where a candidate of a run is trained."""
    return run / _FOLDER / key[:16]


@attrs.frozen
class Trainings:
    """How the candidates of a run are trained.

    Attributes:
        run: its directory.
        origins: what its files may have been computed with; see `Session`.
        replaces: whether others are taken; see `Session`.
    """

    run: Path
    origins: tuple[Origin, ...] = (Origin(),)
    replaces: bool = False

    def train(
        self,
        parts: Parts,
        genotype: Genotype,
        key: str,
        epochs: int,
        *,
        samples: int = 0,
        space: Mapping[str, Any] | None = None,
    ) -> Sequence[Epoch]:
        """Train a candidate up to a number of epochs, from its last checkpoint on.

        Args:
            parts: of the run.
            genotype, key: the candidate.
            epochs: how many of those of [train].
            samples: of the training data, drawn once for all candidates; 0 for all.
            space: parameters of the search space in place of the recipe's, by name.

        Returns:
            A record for each epoch, fewer where the training has stopped early.

        Raises:
            NonFiniteLoss: the loss became NaN or infinite.
            ContractError: the recipe trains for fewer epochs.
            StorageError: the disk is full or not writable.
        """
        section = parts.plan.recipe.train
        if section is None or not 0 < epochs <= section.epochs:
            given = "no [train]" if section is None else f"train.epochs = {section.epochs}"
            raise ContractError(f"a candidate cannot be trained for {epochs} epochs with {given}")
        folder, less = folder_of(self.run, key), len(parts.splits.train)
        if space or 0 < samples < less:
            folder = folder.with_name(f"{folder.name}-{digest([samples, dict(space or {})])[:8]}")
            parts = _smaller(parts, samples, space or {})
        with RunDirectory(self.run).storage_errors(_FOLDER):
            folder.mkdir(parents=True, exist_ok=True)
        directory = RunDirectory(folder, self.run)
        _whole_checkpoint(directory)
        session = Session(
            parts=parts,
            directory=directory,
            fabric=_fabric(parts.device),
            report=Reporter(quiet=True),
            origins=self.origins,
            replaces=self.replaces,
        )
        model = parts.network(genotype, _STAGE)
        with torch.enable_grad():
            history = train(session, parts, model, section, _STAGE, genotype, until=epochs, threads=1)
        return history[:epochs]


def take_over(session: Session, key: str) -> int:
    """Let the run's own training go on where that of a candidate has ended, if it has not begun.

    Returns:
        The epochs that are done already.
    """
    name, done = checkpoint_name(_STAGE), 0
    folder = folder_of(session.directory.path, key)
    if session.leads and folder.is_dir() and not session.directory.file(name).exists():
        state = _whole_checkpoint(RunDirectory(folder))
        if state is not None:
            session.directory.save_checkpoint(state, name)
            done = len(state["history"])
    return int(session.share(done))


def _whole_checkpoint(directory: RunDirectory) -> dict[str, Any] | None:
    """Return the checkpoint of a candidate; one that is damaged is removed, as it can be had again."""
    name = checkpoint_name(_STAGE)
    try:
        return directory.load_checkpoint(name)
    except RunDirectoryError:
        directory.file(name).unlink()
        return None


@functools.lru_cache(maxsize=1)
def _fabric(device: torch.device) -> Any:
    return alone(device)


def _smaller(parts: Parts, samples: int, space: Mapping[str, Any]) -> Parts:
    """Return parts with fewer training samples, and networks of another space."""
    split = parts.splits.train
    chosen = some(len(split), samples, derive_seed(parts.seed, "samples of candidates"))
    splits = attrs.evolve(parts.splits, train=Some(split, chosen))
    return attrs.evolve(parts, splits=splits, plan=parts.plan.with_space(space))
