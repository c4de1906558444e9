"""What a command takes as a run: a directory, or `hf://ORG/NAME` of one that was shared on a hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

__all__ = ["RunPath", "local_run"]


class RunPath(click.Path):
    """A run's directory; that of a shared run is where it was downloaded to."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the directory, once it is there."""
        return local_run(value) if isinstance(value, str) else super().convert(value, param, ctx)


def local_run(source: str) -> Path:
    """Return the directory of a run; what is on a hub is downloaded.

    Raises:
        UsageError: the hub has no such repository or cannot be reached, or its client is not installed.
    """
    if not source.startswith("hf://"):
        return Path(source)
    from snnplug.engine.hub import Address, download
    from snnplug.engine.progress import Reporter

    return download(Address.parse(source), Reporter())
