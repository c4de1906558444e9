"""What to say of a damaged file: which one, what is wrong with it, and what can still be had."""

from __future__ import annotations

from pathlib import Path

import cattrs

from snnplug.errors import RunDirectoryError
from snnplug.runs.checksums import is_whole, known_files
from snnplug.runs.shared_names import is_shared

__all__ = ["UNREADABLE", "damaged", "missing", "missing_files", "unchecked_files"]

UNREADABLE = (  # what parsers and converters raise over content of any sort
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    cattrs.BaseValidationError,
)
_RESULTS = ("summary.json", "report.html", "trials.json", "metrics.jsonl", "activity.json", "checkpoint.pt")


def damaged(directory: Path, name: str, what: str | Exception) -> RunDirectoryError:
    """Return the error of a file that cannot be used."""
    cause = _cause(what) if isinstance(what, Exception) else what
    return RunDirectoryError(f"{directory / name} is damaged: {cause}. {_rest(directory, name)}")


def missing(directory: Path, name: str) -> RunDirectoryError:
    """Return the error of a file that a run had."""
    return RunDirectoryError(f"{directory / name} is gone. {_rest(directory, name)}")


def missing_files(directory: Path) -> list[str]:
    """Return the files that a finished run had and that are gone."""
    if not (directory / "summary.json").exists():
        return []
    return [name for name in known_files(directory) or () if not (directory / name).exists()]


def unchecked_files(directory: Path) -> list[str]:
    """Return the files that an earlier snnplug wrote, without checksums."""
    known = known_files(directory) or ()
    names = ("resolved.json", *_RESULTS)
    return [name for name in names if name not in known and (directory / name).exists()]


def _cause(error: Exception) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error)[:3])
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__


def _rest(directory: Path, name: str) -> str:
    whole = [other for other in _RESULTS if other != name and is_whole(directory, other)]
    rest = f"Whole {'is' if len(whole) == 1 else 'are'} {', '.join(whole)}. " if whole else ""
    return rest + _remedy(directory, name)


def _remedy(directory: Path, name: str) -> str:
    if is_shared(directory):
        return "Get the shared run again, or ask who shared it"
    if name == "resolved.json":
        return (
            f"What was run is known from the recipe as given alone: snnplug run {directory / 'recipe.toml'}"
        )
    if name.startswith("checkpoint"):
        again = f"snnplug run --resume {directory}"
        return f"The network is lost; remove what is left of it and train it again with: {again}"
    if (directory / "resolved.json").exists():
        return f"It is made again by: snnplug run --resume {directory}"
    return "Remove it to begin anew"
