"""Taking what another run has trained: its checkpoint is copied once, and its hash recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnplug.engine.provenance import differing_parameters
from snnplug.errors import ContractError, RunDirectoryError
from snnplug.runs.checksums import checksum_of
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import read_resolved

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session

__all__ = ["check_same", "copy_checkpoint", "other_run"]


def other_run(path: str, key: str, checkpoint: str, what: str) -> RunDirectory:
    """Return the directory of a run that has trained something.

    Args:
        path: of the directory.
        key: of the recipe that names it.
        checkpoint: name of the file.
        what: that it holds, such as "supernet".

    Raises:
        RunDirectoryError: it is no run directory, or has none.
    """
    try:
        directory = RunDirectory.open(Path(path))
    except RunDirectoryError as error:
        raise RunDirectoryError(f"{key}: {error}") from error
    if not directory.file(checkpoint).exists():
        raise RunDirectoryError(f"{key}: {path} has no {what}: no {checkpoint}")
    return directory


def check_same(parts: Parts, other: RunDirectory, components: tuple[str, ...], key: str, advice: str) -> None:
    """Refuse another run whose networks are not those of this recipe.

    Args:
        parts: of this recipe.
        other: the other run.
        components: keys of what weights depend on.
        key: of the recipe that names it.
        advice: what it is not, and what to do.

    Raises:
        ContractError: a parameter differs.
    """
    here = tuple(name for name in components if parts.plan.get(name) is not None)
    lines = differing_parameters(parts.plan, read_resolved(other), here)
    if others := [line for line in lines if not line.startswith("dataset.root ")]:  # it may have been moved
        what, do = advice.split("; ", 1)
        raise ContractError(f"{key}: {what}: {others[0]}. {do}")


def copy_checkpoint(session: Session, other: str, key: str, checkpoint: str, what: str) -> dict[str, Any]:
    """Copy a checkpoint of another run, once, and return what is recorded of that."""
    own = session.directory
    if session.leads and not own.file(checkpoint).exists():  # what was taken once stays
        content = other_run(other, key, checkpoint, what).read_bytes(checkpoint)
        assert content is not None
        own.write_bytes(checkpoint, content)
    session.wait()
    return {"from": str(other), "sha256": checksum_of(own.file(checkpoint))}
