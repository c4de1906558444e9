"""What belongs to a run: its directory, its processes and its progress, beside the parts of its network."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

import attrs
import torch

from snnplug.engine.parts import Parts
from snnplug.engine.progress import Reporter
from snnplug.engine.tracking import Tracking
from snnplug.errors import RunDirectoryError
from snnplug.runs.directory import RunDirectory
from snnplug.runs.error_log import log_error
from snnplug.runs.reading import read_epochs, to_plain
from snnplug.runs.records import Epoch, Origin

__all__ = ["Session"]

T = TypeVar("T")
_MOST = 20  # kinds of failure that are worth a line each
_FOREVER = datetime.timedelta(days=1000)


@attrs.frozen(kw_only=True, slots=False)
class Session:
    """A run while it goes on.

    Attributes:
        parts: of the recipe's network.
        directory: where results go.
        fabric: Lightning Fabric: devices, precision and the processes of the run.
        report: progress.
        tracking: told of epochs and candidates, in the leading process.
        notes: what went wrong without costing the result, a line each.
        origins: what its files may have been computed with: as it was begun, then as was accepted; the last
            is what it is computed with now.
        replaces: what is finished may be replaced by another result, and is kept beside it.
        retry_failed: candidates that failed are scored again.
    """

    parts: Parts
    directory: RunDirectory
    fabric: Any
    report: Reporter
    tracking: Tracking = attrs.field(factory=Tracking)
    origins: tuple[Origin, ...] = (Origin(),)
    replaces: bool = False
    retry_failed: bool = False
    notes: list[str] = attrs.field(factory=list)
    _lamented: set[str] = attrs.field(factory=set)

    @property
    def origin(self) -> Origin:
        """What the run is computed with now."""
        return self.origins[-1]

    def check_origin(self, name: str, origin: Origin | None) -> None:
        """Refuse a file that was computed with something that this run was not.

        Args:
            name: of the file.
            origin: what it says of itself; None where it does not.

        Raises:
            RunDirectoryError: it is of another recipe, or of versions that were not accepted.
        """
        if origin is None:
            return
        file = self.directory.file(name)
        if origin.recipe and origin.recipe not in (known.recipe for known in self.origins):
            raise RunDirectoryError(
                f"{file} belongs to a run of another recipe; put the right one there, or remove it to do "
                "that part again"
            )
        if not self.replaces and all(origin.changes(known) for known in self.origins):
            changed = ", ".join(origin.changes(self.origin))
            raise RunDirectoryError(
                f"{file} was computed with other versions: {changed}. Remove it to do that part again, or go "
                f"on with these: snnplug run --resume {self.directory.path} --accept-versions"
            )

    def note(self, line: str, details: str = "") -> None:
        """Say what went wrong without costing the result; it stands in the summary and the report too.

        Args:
            line: what it cost and why.
            details: its traceback, for errors.log.
        """
        if line not in self.notes:
            self.notes.append(line)
            self.report.say(f"note: {line}")
            if details:
                log_error(self.directory.path, line, details)

    def lament(self, line: str, details: str = "") -> None:
        """Say what went wrong with one of many things, the first few kinds of it, and log the traceback."""
        if line not in self._lamented and len(self._lamented) < _MOST:
            self._lamented.add(line)
            self.report.say(f"note: {line}")
            log_error(self.directory.path, line, details or line)

    @functools.cached_property
    def _patient(self) -> Any:
        """A group of all processes in which one may wait for another as long as it takes.

        The usual one gives up after half an hour, in which no long search is done.
        """
        return torch.distributed.new_group(backend="gloo", timeout=_FOREVER)

    @property
    def leads(self) -> bool:
        """Whether this is the one process that writes files."""
        return bool(self.fabric.is_global_zero)

    def share(self, value: T) -> T:
        """Return the value that the leading process gives, in every process, however long it takes."""
        if self.fabric.world_size == 1:
            return value
        shared = [value]
        torch.distributed.broadcast_object_list(shared, src=0, group=self._patient)
        return shared[0]

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order, in the leading one; in the others nothing."""
        if self.fabric.world_size == 1:
            return [value]
        found: list[Any] | None = [None] * self.fabric.world_size if self.leads else None
        torch.distributed.gather_object(value, found, dst=0, group=self._patient)
        return found or []

    def wait(self) -> None:
        """Let every process come here before any goes on."""
        if self.fabric.world_size > 1:
            torch.distributed.barrier(group=self._patient)

    def write_metrics(self, stage: str, epochs: Sequence[Epoch]) -> None:
        """Replace a stage's lines of metrics.jsonl, and leave those of the others."""
        if self.leads:
            others = [epoch for epoch in self._epochs() if epoch.stage != stage]
            self.directory.write_lines("metrics.jsonl", [to_plain(e) for e in (*others, *epochs)])
            self.tracking.epochs(stage, epochs)

    def _epochs(self) -> tuple[Epoch, ...]:
        try:
            return read_epochs(self.directory)
        except RunDirectoryError as error:  # every stage writes its own from its checkpoint
            self.report.say(f"note: {error}; it is made again")
            return ()
