"""What two runs must have in common to be equal to the last bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

TIMES = ("seconds", "data_share", "samples_per_second")


def outcome(directory: Path) -> dict[str, Any]:
    """Return all that must be equal."""
    summary = json.loads((directory / "summary.json").read_text())
    summary.pop("seconds")
    search = summary.get("search", {})
    for record in (search, *search.get("rungs", ())) if search else ():
        record.pop("seconds")
        record.pop("seconds_per_candidate")
    found = directory / "trials.json"
    trials = json.loads(found.read_text()) if found.exists() else []
    above = directory / "rungs.json"
    trials += json.loads(above.read_text()) if above.exists() else []
    metrics = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for record in trials + metrics:
        for name in TIMES:
            record.pop(name, None)
    checkpoints = {
        str(file.relative_to(directory)): fingerprint(torch.load(file, weights_only=True))
        for file in sorted(directory.glob("**/checkpoint*.pt"))
    }
    return {"summary": summary, "trials": trials, "metrics": metrics, "checkpoints": checkpoints}


def fingerprint(value: Any) -> str:
    """Return a digest of every bit of a checkpoint but its times."""
    found = hashlib.sha256(type(value).__name__.encode())
    if isinstance(value, torch.Tensor):
        found.update(f"{value.dtype} {list(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for name in sorted(set(value) - {*TIMES}, key=str):
            found.update(f"{name} {fingerprint(value[name])}".encode())
    elif isinstance(value, list | tuple):
        found.update(" ".join(map(fingerprint, value)).encode())
    else:
        found.update(repr(value).encode())
    return found.hexdigest()
