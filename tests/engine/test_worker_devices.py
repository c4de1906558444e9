"""Where worker processes compute: each on the next GPU."""

from __future__ import annotations

import torch

from snnplug.engine.device import worker_device


def test_workers_are_spread_over_the_gpus_from_the_runs_own_on() -> None:
    def places(run: str, count: int, gpus: int) -> list[str]:
        return [str(worker_device(torch.device(run), number, gpus)) for number in range(count)]

    assert places("cpu", 3, 2) == ["cpu"] * 3
    assert places("cuda", 5, 3) == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert places("cuda:2", 4, 3) == ["cuda:2", "cuda:0", "cuda:1", "cuda:2"]
    assert places("cuda:0", 3, 1) == ["cuda:0"] * 3
