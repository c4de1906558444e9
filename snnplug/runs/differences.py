"""Whether two results are the same apart from times."""

from __future__ import annotations

from typing import Any

__all__ = ["differences"]

_TIMES = ("seconds", "seconds_per_candidate", "device", "versions", "schema", "notes")
_LATER = ("interval", "twins", "rungs", "higher_is_better")  # an earlier version has not written them
_NONE: tuple[Any, ...] = (None, {})  # an earlier version has not written what is empty


def differences(before: Any, now: Any, key: str = "") -> list[str]:
    """Return a line for each value that differs, times left out."""
    if isinstance(before, dict) and isinstance(now, dict):
        lines = []
        for name in sorted({*before, *now}):
            if name not in _TIMES and (name in before or name not in _LATER):
                where = f"{key}.{name}" if key else name
                lines += differences(before.get(name), now.get(name), where)
        return lines
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{key}.{i}")]
    same = before == now or (before in _NONE and now in _NONE)
    return [] if same else [f"{key}: {before!r} -> {now!r}"]
