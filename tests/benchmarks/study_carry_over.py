"""Do scores of the structure carry over? Random SNASNet cells on small data, trained alike.

    python tests/benchmarks/study_carry_over.py --out DIR [--cells 60] [--sets thresholds plif feedback]
    python tests/benchmarks/study_carry_over.py --out DIR --sets images --root IMAGES

trains each set of cells as a study, and prints what `snnplug correlate` says of scorers against the test
accuracies: 360 of the digits, 6 epochs or 40, 8 channels, 1,258 test images; or of a folder of CIFAR-10
images, scaled to 16 x 16 pixels, 1,500 of them, 4 epochs, 16 channels, 2,000 test images. What is there
already is not trained again.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import snnplug
from snnplug import Registry, Task

TASK = Task(input_shape=(3, 16, 16), classes=10)  # cells are drawn alike for any images
THRESHOLDS = ["zero", "identity", "conv3@0.5", "conv3@1", "conv3@1.5"]
PAPER = ["zero", "identity", "conv1", "conv3", "avg_pool"]
LARGE = ["zero", "identity", "conv3", "conv5", "avg_pool"]
DIGITS = "{ use = 'digits', val_fraction = 0.1, test_fraction = 0.7 }"
IMAGES = (
    "{ use = 'image_folder', root = ROOT, size = 16, train_samples = 1500, val_samples = 500, "
    "test_samples = 2000, mean = [0.49, 0.48, 0.45], std = [0.25, 0.24, 0.26] }"
)
BASE = {
    "neuron": "lif",
    "operations": THRESHOLDS,
    "backward": False,
    "pooling": "avg",
    "channels": 8,
    "dataset": DIGITS,
    "epochs": 6,
}
SETS: dict[str, dict[str, Any]] = {
    "thresholds": BASE,
    "longer": {**BASE, "epochs": 40},
    "plif": {**BASE, "neuron": "plif"},
    "feedback": {**BASE, "operations": PAPER, "backward": True},
    "variant": {**BASE, "operations": LARGE, "backward": True, "pooling": "max"},
    "images": {**BASE, "channels": 16, "dataset": IMAGES, "epochs": 4},
}
SCORERS = ("spiking_chain", "spiking_depth", "sahd", "synflow")
STUDY = """
name = "{name}"
seeds = 1
[recipe]
dataset = {dataset}
encoder = {{ use = "direct", steps = 5 }}
neuron = {{ use = "{neuron}", tau = 1.3333333333333333 }}
loss = "tet"
[recipe.architecture]
use = "snasnet_cell"
channels = {channels}
operations = {operations}
pooling = "{pooling}"
[recipe.train]
epochs = {epochs}
batch_size = 32
optimizer = {{ use = "adamw", lr = 5e-3, weight_decay = 0.01 }}
[axes]
"architecture.cell" = {cells}
"""


def draw(facts: dict[str, Any], count: int) -> list[str]:
    """Return so many different cells of a set, drawn with one seed."""
    registry, rng = Registry.from_installed(), random.Random(0)
    neuron = registry.use("neuron", facts["neuron"])
    parameters = {key: facts[key] for key in ("backward", "pooling")}
    parameters["operations"] = tuple(facts["operations"])
    space = registry.create("search_space", "snasnet", TASK, neuron=neuron, channels=8, **parameters)
    found: dict[str, str] = {}
    while len(found) < count:
        cell = space.sample(rng)
        found.setdefault(space.key(cell), cell)
    return list(found.values())


def main() -> None:
    """Train what is missing, and correlate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=60)
    parser.add_argument(
        "--sets", nargs="+", choices=SETS, default=[name for name in SETS if name != "images"]
    )
    parser.add_argument("--root", help="folder of a folder of images for each class, for the set images")
    given = parser.parse_args()
    if "images" in given.sets and given.root is None:
        parser.error("the set images needs --root")
    for name in given.sets:
        facts, folder = SETS[name], given.out / name
        folder.mkdir(parents=True, exist_ok=True)
        file, operations = folder / "study.toml", json.dumps(facts["operations"])
        cells = json.dumps(draw(facts, given.cells))
        dataset = facts["dataset"].replace("ROOT", json.dumps(given.root))
        known = {**facts, "name": name, "dataset": dataset, "operations": operations, "cells": cells}
        file.write_text(STUDY.format(**known))
        snnplug.study(file, out=folder / "study", quiet=True)
        space = (
            f"{{ use = 'snasnet', channels = {facts['channels']}, operations = {operations}, "
            f"pooling = '{facts['pooling']}', backward = {str(facts['backward']).lower()} }}"
        )
        command = [
            *(sys.executable, "-m", "snnplug", "correlate", "--benchmark", "trained_runs", "-q"),
            *("-s", f"benchmark.root={folder / 'study' / 'runs'}", "-s", "benchmark.genotype=cell"),
            *("-s", f"search.space={space}"),
            *("-s", f"neuron={{ use = '{facts['neuron']}', tau = 1.3333333333333333 }}"),
            *("-s", f"dataset={dataset}"),
            *("-s", "encoder={ use = 'direct', steps = 5 }"),
            *(part for scorer in SCORERS for part in ("--scorer", scorer)),
            *("--sample", str(given.cells), "--out", str(folder / "scores")),
        ]
        print(f"== {name}", flush=True)
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
