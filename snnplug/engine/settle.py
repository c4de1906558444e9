"""The end of a run: a result that stands is replaced by an equal one, or on request, and then kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from snnplug.engine.session import Session
from snnplug.errors import RunDirectoryError, RunFailed
from snnplug.runs.differences import differences
from snnplug.runs.reading import to_plain
from snnplug.runs.records import Summary
from snnplug.runs.standard_json import to_json

__all__ = ["settle_result", "standing_result"]


def standing_result(session: Session) -> Any:
    """Return the summary that stands, None where there is none that can be read."""
    try:
        return session.directory.read_json("summary.json")
    except RunDirectoryError as error:
        session.report.say(f"note: {error}; it is made again")
        return None


def settle_result(session: Session, stands: Any, make: Callable[[], Summary]) -> None:
    """Write the result, and what was held back; called in every process.

    Args:
        session: of the run.
        stands: the summary before, None if there was none.
        make: returns the summary now; called in the leading process.

    Raises:
        RunFailed: the result is another one, and was not to be replaced; nothing has been written.
    """
    refused = session.share(_settle(session, stands, make()) if session.leads else "")
    if refused:
        raise RunFailed(refused)


def _settle(session: Session, stands: Any, summary: Summary) -> str:
    directory, record = session.directory, to_plain(summary)
    changed = differences(stands, json.loads(to_json(record))) if stands else []
    if changed and not session.replaces:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        return (
            f"{directory.path} is finished and gives another result now: {'; '.join(changed[:3])}{more}. "
            "What stands is left as it is; take the new result, and keep the old one beside it, with: "
            f"snnplug run --resume {directory.path} --accept-versions"
        )
    if changed:  # first: killed from here on, the run is an unfinished one
        kept = directory.set_aside("summary.json")
        session.report.say(f"note: the result is another one now; the one before is kept as {kept}")
    directory.let_go()
    if changed or not stands:
        directory.write_json("summary.json", record)
    return ""
