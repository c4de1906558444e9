"""The files of a training: its whole epochs, and the epoch under way where that is a long one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from snnplug.contracts import Genotype
from snnplug.engine.parts import Parts
from snnplug.engine.session import Session
from snnplug.engine.stage import Restored
from snnplug.engine.train_section import checkpoint_name
from snnplug.errors import RunDirectoryError, in_one_line
from snnplug.runs.damage import UNREADABLE, damaged
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import structure, to_plain
from snnplug.runs.records import Origin
from snnplug.seeds import digest

__all__ = ["Checkpoints", "restore_network"]


def restore_network(parts: Parts, directory: RunDirectory, genotype: Any, stage: str) -> Restored | None:
    """Return the network that a stage has trained, built anew; see `snnplug.engine.stage.Stage.restore`."""
    state = directory.load_checkpoint(checkpoint_name(stage))
    if state is None:
        return None
    if _is_of_another(state, genotype):
        raise RunDirectoryError(
            f"{directory.file(checkpoint_name(stage))} holds another candidate than the one that was found; "
            f"continue with: snnplug run --resume {directory.path}"
        )
    model = parts.network(genotype, stage)
    try:
        model.load_state_dict(state["model"])
    except (*UNREADABLE, RuntimeError) as error:
        raise RunDirectoryError(
            f"{directory.file(checkpoint_name(stage))} does not fit the network of this recipe: "
            f"{in_one_line(str(error))[:300]}"
        ) from error
    return Restored(parts, model.eval())


def _is_of_another(state: Mapping[str, Any], genotype: Genotype) -> bool:
    return state.get("genotype") not in (None, digest(genotype))


class Checkpoints:
    """Reads and writes the checkpoints of a stage.

    Args:
        session: of the run.
        stage: whose they are.
        genotype: of the network; a checkpoint of another is put aside.
    """

    def __init__(self, session: Session, stage: str, genotype: Genotype) -> None:
        self.session, self.directory, self.genotype = session, session.directory, genotype
        self.name = checkpoint_name(stage)
        self.part = f"{self.name.removesuffix('.pt')}.part.pt"

    def load(self) -> dict[str, Any] | None:
        """Return the checkpoint of the whole epochs, None where there is none."""
        return self._load(self.name)

    def load_part(self, epochs: int) -> dict[str, Any] | None:
        """Return that of the epoch after so many whole ones; None where it has none, or cannot be read."""
        try:
            state = self._load(self.part)
            return state if state is not None and state["epochs"] == epochs else None
        except (*UNREADABLE, RunDirectoryError) as error:
            self.session.report.say(f"note: {error}; the epoch begins anew")
            return None

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep whole epochs; only the leading process writes."""
        if self.session.leads:
            self.directory.save_checkpoint(self._signed(state), self.name)
            self.directory.remove(self.part)

    def save_part(self, state: Mapping[str, Any]) -> None:
        """Keep the epoch under way, besides."""
        if self.session.leads:
            self.directory.save_checkpoint(self._signed(state), self.part)

    @contextmanager
    def taken_in(self) -> Iterator[None]:
        """Say what is wrong where the block cannot make anything of a checkpoint."""
        try:
            yield
        except (*UNREADABLE, RuntimeError) as error:
            raise RunDirectoryError(
                f"{self.directory.file(self.name)} does not fit this recipe ({error}); "
                "remove it to train from the start"
            ) from error

    def _signed(self, state: Mapping[str, Any]) -> dict[str, Any]:
        made_with = to_plain(self.session.origin)
        return {**state, "genotype": digest(self.genotype), "made_with": made_with}

    def _load(self, name: str) -> dict[str, Any] | None:
        """Return a checkpoint; one of another candidate is put aside, where that is not the result."""
        session, directory = self.session, self.directory
        state = directory.load_checkpoint(name)
        if state is None:
            return None
        if not _is_of_another(state, self.genotype):
            try:
                origin = structure(state["made_with"], Origin) if "made_with" in state else None
            except UNREADABLE as error:
                raise damaged(directory.path, name, error) from error
            session.check_origin(name, origin)
            return state
        if directory.is_finished and not session.replaces:
            raise RunDirectoryError(
                f"{directory.file(name)} holds another candidate than the search finds now; take "
                f"the new one with: snnplug run --resume {directory.path} --accept-versions"
            )
        session.wait()
        if session.leads:
            kept = directory.set_aside(name)
            session.report.say(f"note: the search found another candidate; the checkpoint is kept as {kept}")
        session.wait()
        return None
