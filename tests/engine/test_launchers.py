"""Runs whose processes torchrun or srun has started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from snnplug.engine.device import find_place
from snnplug.engine.launcher import Launched, is_first, launched
from snnplug.errors import DeviceError

TORCHRUN = {"TORCHELASTIC_RUN_ID": "a", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "RANK": "5"}
SRUN = {"SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "train"}


@pytest.mark.parametrize(
    ("environment", "found", "first"),
    [
        ({}, None, True),
        ({"LOCAL_RANK": "1"}, None, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, None, False),
        (TORCHRUN, Launched("torchrun", 5, 4, 2), False),
        (TORCHRUN | {"RANK": "0"}, Launched("torchrun", 0, 4, 2), True),
        (SRUN, Launched("srun", 0, 4, 2), True),
        (SRUN | {"SLURM_PROCID": "3"}, Launched("srun", 3, 4, 2), False),
        (SRUN | {"SLURM_JOB_NAME": "bash"}, None, True),
        (SRUN | {"SLURM_NTASKS": "1"}, None, True),
        (TORCHRUN | {"LOCAL_WORLD_SIZE": "0"}, None, True),
    ],
)
def test_what_launchers_say(environment: dict[str, str], found: Launched | None, first: bool) -> None:
    assert launched(environment) == found
    assert is_first(environment) is first


def test_the_processes_that_were_started_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    place = find_place("cpu")
    assert (place.devices, place.nodes) == (4, 2)
    assert find_place("cpu", 4).nodes == 2
    with pytest.raises(DeviceError, match="asked for 2 devices, and torchrun has started 4 processes"):
        find_place("cpu", 2)


def test_tasks_whose_nodes_are_not_known_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    for name, value in SRUN.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DeviceError, match=r"started 8 processes by --ntasks alone.*--ntasks-per-node=4"):
        find_place("cpu")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def command(out: Path) -> list[str]:
    keys = ["train.epochs=1", "measure.samples=16", "neuron.base.tau=3.0"]
    settings = [word for key in keys for word in ("-s", key)]
    return ["-m", "snnplug", "run", "imp_digits", *settings, "--device", "cpu", "--out", str(out)]


def together(commands: list[list[str]], environments: list[dict[str, str]]) -> list[str]:
    base = {k: v for k, v in os.environ.items() if k not in ("LOCAL_RANK", "RANK", "WORLD_SIZE")}
    processes = [
        subprocess.Popen(
            words,
            env={**base, "OMP_NUM_THREADS": "1", **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words, more in zip(commands, environments, strict=True)
    ]
    said = [process.communicate(timeout=400) for process in processes]
    for process, (_, errors) in zip(processes, said, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [out for out, _ in said]


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_nodes_by_torchrun_and_by_srun_are_two_devices(tmp_path: Path) -> None:
    together([[sys.executable, *command(tmp_path / "two"), "--devices", "2"]], [{}])
    port = str(free_port())
    words = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
    words += ["--master-addr", "127.0.0.1", "--master-port", port]
    nodes = [[*words, "--node-rank", str(rank), *command(tmp_path / "torchrun")] for rank in range(2)]
    said = together(nodes, [{}, {}])
    assert [text.strip() for text in said] == [str(tmp_path / "torchrun"), ""]  # the first speaks
    port = str(free_port())
    tasks = {"SLURM_NTASKS": "2", "SLURM_NNODES": "2", "SLURM_LOCALID": "0", "SLURM_JOB_NAME": "train"}
    tasks |= {"SLURM_NTASKS_PER_NODE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environments = [{**tasks, "SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank)} for rank in range(2)]
    said = together([[sys.executable, *command(tmp_path / "srun")]] * 2, environments)
    assert [text.strip() for text in said] == [str(tmp_path / "srun"), ""]
    assert losses(tmp_path / "torchrun") == losses(tmp_path / "srun") == losses(tmp_path / "two")
    summary = json.loads((tmp_path / "srun" / "summary.json").read_text())
    assert summary["device"] == "2 x cpu"
