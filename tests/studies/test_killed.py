"""A study whose processes are killed comes to the same, and computes nothing twice that was finished."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TEXT = """
recipe = "imp_digits"
seeds = 2
[set]
"train.epochs" = 2
[axes]
neuron = ["lif", "plif", { use = "imp", base = "lif" }]
loss = ["sdt", "tet"]
"""


def begin(file: Path, out: Path, workers: int, executor: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "snnplug", "study", str(file), "--out", str(out), "-q"]
    command += ["--workers", str(workers), *(["--executor", executor] if executor else [])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def answer(out: Path) -> Any:
    return json.loads((out / "answer.json").read_text())


def finished(out: Path) -> dict[str, tuple[int, bytes]]:
    return {
        file.parent.name: (file.stat().st_mtime_ns, file.read_bytes())
        for file in out.glob("runs/*/summary.json")
        if (file.parent / "report.html").exists()
    }


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "start"), [("processes", 3.0), ("ray", 10.0)])
def test_killed_ten_times_and_gone_on_with_equals_unbroken(
    executor: str, start: float, tmp_path: Path
) -> None:
    if executor == "ray":
        pytest.importorskip("snnplug_ray", reason="needs snnplug-ray: tox -e clusters")
        pytest.importorskip("ray", reason="needs snnplug-ray: tox -e clusters")
    file = tmp_path / "s.toml"
    file.write_text(TEXT)
    began = time.monotonic()
    end(begin(file, tmp_path / "whole", 1))
    took = time.monotonic() - began
    rng = random.Random(0)
    out, kills = tmp_path / "killed", 0
    while kills < 10:
        process = begin(file, out, 2, executor)
        time.sleep(took / 6 * rng.random() + start)
        if process.poll() is not None:
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()  # type: ignore[union-attr]
        seen, kills = finished(out), kills + 1
        time.sleep(1.0)  # its workers end with it
        assert seen.items() <= finished(out).items()
    end(begin(file, out, 2, executor))
    assert kills >= 3
    assert seen.items() <= finished(out).items()  # nothing was computed again
    assert answer(out) == answer(tmp_path / "whole")
    assert len(finished(out)) == 12


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_a_process_that_dies_costs_one_more_try(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(TEXT.replace("seeds = 2", "seeds = 1").replace('["sdt", "tet"]', '["sdt"]'))
    process = begin(file, tmp_path / "s", 2)
    killed = 0
    while process.poll() is None and not killed:
        for worker in children(process.pid):
            if list((tmp_path / "s").glob("runs/*/resolved.json")):
                os.kill(worker, signal.SIGKILL)
                killed = worker
                break
        time.sleep(0.05)
    end(process)
    assert killed and len(finished(tmp_path / "s")) == 3


def children(pid: int) -> list[int]:
    """Workers of a process: those of its children that are not the tracker of its resources."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            command = Path(f"/proc/{child}/cmdline")
            if command.exists() and b"resource_tracker" not in command.read_bytes():
                found.append(child)
    return found
