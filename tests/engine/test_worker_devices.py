"""Where worker processes compute: each on the next GPU, and in the place of one that has died."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import torch

from snnplug.engine.device import worker_device
from snnplug.engine.scoring import workers
from snnplug.engine.scoring.evaluator import Job


def test_workers_are_spread_over_the_gpus_from_the_runs_own_on() -> None:
    def places(run: str, count: int, gpus: int) -> list[str]:
        return [str(worker_device(torch.device(run), number, gpus)) for number in range(count)]

    assert places("cpu", 3, 2) == ["cpu"] * 3
    assert places("cuda", 5, 3) == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert places("cuda:2", 4, 3) == ["cuda:2", "cuda:0", "cuda:1", "cuda:2"]
    assert places("cuda:0", 3, 1) == ["cuda:0"] * 3


def test_a_worker_in_place_of_a_dead_one_takes_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    class Idle:
        """A worker that is given a job and never answers."""

        def __init__(self, orders: bytes, number: int) -> None:
            self.number, self.job = number, None

        def give(self, job: Any) -> None:
            self.job = job

        def end(self, patience: float = 0.0) -> int:
            return -9

    monkeypatch.setattr(workers, "Worker", Idle)
    monkeypatch.setattr(workers, "_orders", lambda *_: b"")
    score: Any = workers.Workers(None, [], 3, "again")  # type: ignore[arg-type]
    jobs = [Job(index, index, str(index)) for index in range(5)]
    score._hand_out(deque(jobs[:4]))
    assert [worker.number for worker in score._workers] == [0, 1, 2]
    assert score._bury(score._workers[1]) == jobs[1]
    score._hand_out(deque(jobs[4:]))
    assert [worker.number for worker in score._workers] == [0, 2, 1]
