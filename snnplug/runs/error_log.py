"""`errors.log` of a run directory: the tracebacks behind lines that were said, one after the other."""

from __future__ import annotations

import datetime
from pathlib import Path

__all__ = ["ERROR_LOG", "log_error"]

ERROR_LOG = "errors.log"


def log_error(directory: Path, line: str, details: str) -> bool:
    """Add an error to the log; whether that went well, since a full disk must not hide the error itself."""
    now = datetime.datetime.now().isoformat(sep=" ", timespec="seconds")
    try:
        with open(directory / ERROR_LOG, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{now} {line}\n{details.rstrip()}\n\n")
    except OSError:
        return False
    return True
