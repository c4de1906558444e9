"""A training that is killed in the middle of an epoch goes on there, to the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("epoch_driver.py")


def killed(folder: Path, devices: int, kills: int) -> Any:
    """Return the report of the driver."""
    command = [sys.executable, str(DRIVER), str(folder), str(devices), str(kills)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("devices", "kills"),
    [
        (1, 1),
        pytest.param(1, 20, marks=pytest.mark.slow),
        pytest.param(2, 1, marks=pytest.mark.slow),
        pytest.param(2, 20, marks=pytest.mark.slow),
    ],
)
def test_killed_in_the_middle_of_epochs_and_resumed_equals_unbroken(
    devices: int, kills: int, tmp_path: Path
) -> None:
    report = killed(tmp_path, devices, kills)
    assert report["states"] == [[0], [-signal.SIGKILL] * kills + [0]]
    assert report["files"] == ["checkpoint.pt"]
    whole, broken = report["outcomes"]
    assert [epoch["gradient_norm"] > 0 for epoch in whole["metrics"]] == [True] * 5
    assert broken == whole
