"""Sharing a run: its folder is written, looked at or sent to a hub."""

from __future__ import annotations

import tempfile
from pathlib import Path

from snnplug.engine.device import usual_settings
from snnplug.engine.hub import Address, check_login, upload
from snnplug.engine.progress import Reporter
from snnplug.engine.sharing import write_shared
from snnplug.errors import UsageError
from snnplug.registry.registry import Registry

__all__ = ["push"]


def push(
    path: Path,
    repo: str,
    registry: Registry,
    *,
    private: bool | None = None,
    message: str = "",
    license: str = "",
    folder: Path | None = None,
    dry_run: bool = False,
    quiet: bool = True,
) -> str:
    """Share the run of a directory; see `snnplug.Run.push`."""
    address = Address.parse(repo)
    if dry_run and folder is None:
        raise UsageError("a dry run writes the files into a folder, to be looked at: name one")
    if not dry_run:
        check_login(address)
    report = Reporter(quiet=quiet)
    with tempfile.TemporaryDirectory(prefix="snnplug-") as temporary:
        target = Path(temporary) / "shared" if folder is None else folder
        with usual_settings():
            write_shared(path, target, address.repo, registry, license=license)
        count = sum(file.is_file() for file in target.rglob("*"))
        report.tell("written", f"{count} files written and read back", folder=str(target))
        if dry_run:
            return str(target)
        return upload(target, address, report, private=private, message=message)
