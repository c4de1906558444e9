"""Supernet, search and training in two processes, which stay of one mind, also where they are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from outcomes import outcome

pytestmark = pytest.mark.slow

DRIVER = Path(__file__).with_name("process_driver.py")
NEURONS = {"plif": {"use": "plif"}, "imp": {"use": "imp", "base": {"use": "lif"}}}
WAIT = 500  # seconds; only a process that hangs takes as long


def start(out: Path, devices: int, neuron: str = "plif", batch_norm: str = "per_step") -> Any:
    command = [sys.executable, str(DRIVER), str(out), str(devices), json.dumps(NEURONS[neuron]), batch_norm]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def seen(out: Path, devices: int, *settings: str) -> list[Any]:
    """Run to the end, and return what each process has seen."""
    process = start(out, devices, *settings)
    try:
        _, errors = process.communicate(timeout=WAIT)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, errors[-3000:]
    return [json.loads(out.with_name(f"{out.name}-{devices}-{r}.json").read_text()) for r in range(devices)]


@pytest.mark.parametrize(("neuron", "batch_norm"), [("plif", "per_step"), ("imp", "joint")])
def test_two_processes_have_one_network(neuron: str, batch_norm: str, tmp_path: Path) -> None:
    one, other = seen(tmp_path / "two", 2, neuron, batch_norm)
    assert one == other  # weights and batch norm statistics after every epoch, and those of the result
    assert [stage for stage, *_ in one["epochs"]] == ["search.supernet"] * 4 + ["train"] * 4
    [alone] = seen(tmp_path / "one", 1, neuron, batch_norm)
    assert alone["paths"] == one["paths"]
    assert len({tuple(path) for path in one["paths"]}) > 4


def test_two_processes_killed_in_any_stage_come_to_the_same(tmp_path: Path) -> None:
    seen(tmp_path / "whole", 2)
    for file in ("checkpoint-search.supernet.pt", "trials.journal", "checkpoint.pt"):
        out = tmp_path / f"killed after {file}"
        process = start(out, 2)
        while not (out / file).exists():
            assert process.poll() is None
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (out / "summary.json").exists()
        one, other = seen(out, 2)
        assert one["network"] == other["network"]
        assert outcome(out) == outcome(tmp_path / "whole")
