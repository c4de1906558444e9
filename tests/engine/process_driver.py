"""A run with a supernet in several processes, each of which writes down what it has seen.

Started by test_supernet_processes.py; Fabric starts it once more for every other process.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

import snnplug
from snnplug.engine.supernet import Paths
from snnplug.engine.training import _Trainer

sys.path.insert(0, str(Path(__file__).parent))
import supernets
import undrawn
from outcomes import fingerprint

Figure.savefig = undrawn.save  # type: ignore[method-assign]
SEEN: dict[str, list[Any]] = {"paths": [], "epochs": []}
original_batch, original_epoch = Paths.before_batch, _Trainer._finish_epoch


def before_batch(self: Any, epoch: int, index: int) -> None:
    """Note the path."""
    original_batch(self, epoch, index)
    SEEN["paths"].append([layer.selected for layer in self.model.layers if hasattr(layer, "selected")])


def finish_epoch(self: Any, *arguments: Any) -> None:
    """Note what the network is."""
    original_epoch(self, *arguments)
    last = self.history[-1]
    SEEN["epochs"].append([self.stage, last.val_accuracy, fingerprint(self.plain.state_dict())])


def main(out: Path, devices: int, neuron: str, batch_norm: str) -> None:
    """Run, or continue, and write what this process has seen beside the run."""
    torch.set_num_threads(1)
    Paths.before_batch, _Trainer._finish_epoch = before_batch, finish_epoch  # type: ignore[method-assign]
    recipe = copy.deepcopy(supernets.RECIPE)
    recipe["neuron"] = json.loads(neuron)
    recipe["search"]["space"]["batch_norm"] = batch_norm
    recipe["train"]["keep"] = "best"
    if (out / "resolved.json").exists():
        run = snnplug.resume(out, device="cpu", devices=devices)
    else:
        run = snnplug.run(recipe, out=out, device="cpu", devices=devices)
    seen = {**SEEN, "network": fingerprint(run.model().state_dict())}
    rank = os.environ.get("LOCAL_RANK", "0")
    out.with_name(f"{out.name}-{devices}-{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
