"""JSON that every reader takes."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["to_json"]


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """Return standard JSON: NaN and infinity become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)
