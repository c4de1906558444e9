"""What all files of a run directory share: their version, and numbers that may be absent."""

from __future__ import annotations

__all__ = ["SCHEMA", "SCHEMAS", "Number"]

SCHEMA = 2
SCHEMAS = (1, 2)  # that are read; 1 does not know the task
Number = float | None  # None: absent, NaN or infinite
