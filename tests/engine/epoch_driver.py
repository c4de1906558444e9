"""A training that is killed in the middle of its epochs, again and again, and one that is not; print both.

Started by test_long_epochs.py. Every life of a run is a forked child, so that twenty need one import of
torch; with two processes Fabric starts this file once more, with the life's settings in the environment.
A life ends at a batch: before it, or right after the checkpoint that follows it.
"""

from __future__ import annotations

import copy
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import lightning_fabric  # noqa: F401 - imported here once rather than in every child
import sklearn.datasets  # noqa: F401
import torch
from matplotlib.figure import Figure

import snnplug.engine
from snnplug.engine.steps import Steps
from snnplug.engine.training import _Trainer
from snnplug.report import page  # noqa: F401

torch.set_num_threads(1)  # a forked child must not inherit a thread pool

sys.path.insert(0, str(Path(__file__).parent))
import undrawn  # noqa: E402
from outcomes import outcome  # noqa: E402

Figure.savefig = undrawn.save  # type: ignore[method-assign]

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits", "augment": [{"use": "crop", "pad": 1}, "mixup", "cutmix"]},
    "encoder": {"use": "poisson", "steps": 2},
    "neuron": {"use": "plif"},
    "architecture": {"use": "vgg", "layers": [8, "M"], "hidden": [16], "dropout": 0.2},
    "loss": {"use": "sdt"},
    "train": {
        "epochs": 5,
        "batch_size": 96,
        "accumulate": 2,
        "optimizer": {"use": "adamw", "lr": 0.02, "weight_decay": 0.05},
        "rates": {"neurons": 0.1},
        "schedule_by": "batch",
        "clip_norm": 1.0,
        "ema": 0.9,
        "checkpoint_minutes": 1e-9,
        "callbacks": [{"use": "gradual_pruning", "sparsity": 0.5, "updates": 9}],
    },
}
BATCHES = 5 * 14  # of a whole training
LIFE = "EPOCH_DRIVER_LIFE"  # directory, number of processes, batch to die at and when, resumed or not


def live(directory: str, devices: int, end: int, after: bool, resumed: bool) -> None:
    """Run or continue, and die at a batch of this life."""
    original, save = Steps._take, _Trainer._save_part
    seen = 0

    def batch(self: Any, *arguments: Any) -> Any:
        nonlocal seen
        if seen >= end and not after:
            os.killpg(0, signal.SIGKILL)
        seen += 1
        return original(self, *arguments)

    def save_part(self: Any, *arguments: Any) -> None:
        save(self, *arguments)
        if seen >= end and after:
            os.killpg(0, signal.SIGKILL)

    Steps._take, _Trainer._save_part = batch, save_part  # type: ignore[method-assign]
    if resumed:
        snnplug.resume(directory, device="cpu", devices=devices)
    else:
        snnplug.run(copy.deepcopy(RECIPE), out=directory, device="cpu", devices=devices)


def lives(directory: Path, devices: int, ends: list[tuple[int, bool]]) -> list[int]:
    """Live until each of these ends, then to the last batch; return the states of the children."""
    states = []
    for number, (end, after) in enumerate([*ends, (10**9, False)]):
        life = [str(directory), devices, end, after, number > 0]
        child = os.fork()
        if not child:
            os.setsid()
            os.environ[LIFE] = json.dumps(life)
            try:
                live(*life)  # type: ignore[arg-type]
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        states.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return states


def main(folder: Path, devices: int, kills: int) -> None:
    """Print a JSON report."""
    rng = random.Random(devices)
    most = max(2, min(BATCHES // (kills + 1), 20))  # so that the training does not end before the last one
    ends = [(rng.randint(2, most), rng.random() < 0.5) for _ in range(kills)]
    whole, broken = (lives(folder / name, devices, e) for name, e in (("whole", []), ("killed", ends)))
    names = sorted(path.name for path in (folder / "killed").glob("*.pt"))
    outcomes = [outcome(folder / name) for name in ("whole", "killed")]
    print(json.dumps({"states": [whole, broken], "files": names, "outcomes": outcomes}))


if __name__ == "__main__":
    if LIFE in os.environ:
        live(*json.loads(os.environ[LIFE]))
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
