"""Repeat a run from its record and say whether the result is identical."""

from __future__ import annotations

from pathlib import Path

import attrs

from snnplug.engine.provenance import recorded_origin
from snnplug.engine.result import Run
from snnplug.engine.run import recorded_recipe, run
from snnplug.registry.registry import Registry
from snnplug.runs.differences import differences
from snnplug.runs.directory import RunDirectory
from snnplug.runs.opening import open_directory
from snnplug.runs.reading import read_resolved, read_summary

__all__ = ["Replay", "replay"]


@attrs.frozen(kw_only=True)
class Replay:
    """A repeated run.

    Attributes:
        run: the new run.
        differences: lines `key: before -> now`; none if the result is identical apart from times.
        changed_versions: lines for packages that are of another version now.
    """

    run: Run
    differences: tuple[str, ...]
    changed_versions: tuple[str, ...]

    @property
    def identical(self) -> bool:
        """Whether the result is the same apart from times."""
        return not self.differences


def replay(
    directory: str | Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    registry: Registry | None = None,
    quiet: bool = True,
) -> Replay:
    """Run a finished run again in a new directory and compare.

    Raises:
        RunDirectoryError: it is not a run directory, or was never finished.
    """
    opened = open_directory(Path(directory))
    read_summary(opened)  # refuses what is no summary
    before = opened.read_json("summary.json")
    registry = registry or Registry.from_installed(quiet=quiet)
    again = run(
        recorded_recipe(opened),
        out=out,
        device=device,
        registry=registry,
        quiet=quiet,
        threads=recorded_origin(read_resolved(opened)).threads,
    )
    now = RunDirectory.open(again.directory).read_json("summary.json")
    return Replay(
        run=again,
        differences=tuple(differences(before, now)),
        changed_versions=tuple(differences(before.get("versions"), now["versions"])),
    )
