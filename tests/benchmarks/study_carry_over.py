"""Do scores of the structure carry over? Random SNASNet cells on the digits, trained alike.

    python tests/benchmarks/study_carry_over.py --out DIR [--cells 60] [--sets thresholds plif feedback]

trains each set of cells as a study, 360 images and 6 epochs each, and prints what `snnplug correlate` says
of scorers against the accuracies of 1,258 test images. What is there already is not trained again.
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

TASK = Task(input_shape=(1, 8, 8), classes=10)
THRESHOLDS = ["zero", "identity", "conv3@0.5", "conv3@1", "conv3@1.5"]
PAPER = ["zero", "identity", "conv1", "conv3", "avg_pool"]
LARGE = ["zero", "identity", "conv3", "conv5", "avg_pool"]
SETS: dict[str, dict[str, Any]] = {
    "thresholds": {"neuron": "lif", "operations": THRESHOLDS, "backward": False, "pooling": "avg"},
    "plif": {"neuron": "plif", "operations": THRESHOLDS, "backward": False, "pooling": "avg"},
    "feedback": {"neuron": "lif", "operations": PAPER, "backward": True, "pooling": "avg"},
    "variant": {"neuron": "lif", "operations": LARGE, "backward": True, "pooling": "max"},
}
SCORERS = ("spiking_chain", "spiking_depth", "sahd", "synflow")
STUDY = """
name = "{name}"
seeds = 1
[recipe]
dataset = {{ use = "digits", val_fraction = 0.1, test_fraction = 0.7 }}
encoder = {{ use = "direct", steps = 5 }}
neuron = {{ use = "{neuron}", tau = 1.3333333333333333 }}
architecture = {{ use = "snasnet_cell", channels = 8, operations = {operations}, pooling = "{pooling}" }}
loss = "tet"
train = {{ epochs = 6, batch_size = 32, optimizer = {{ use = "adamw", lr = 5e-3, weight_decay = 0.01 }} }}
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
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    given = parser.parse_args()
    for name in given.sets:
        facts, folder = SETS[name], given.out / name
        folder.mkdir(parents=True, exist_ok=True)
        file, operations = folder / "study.toml", json.dumps(facts["operations"])
        cells = json.dumps(draw(facts, given.cells))
        known = {"name": name, "neuron": facts["neuron"], "pooling": facts["pooling"]}
        file.write_text(STUDY.format(**known, operations=operations, cells=cells))
        snnplug.study(file, out=folder / "study", quiet=True)
        space = (
            f"{{ use = 'snasnet', channels = 8, operations = {operations}, pooling = '{facts['pooling']}', "
            f"backward = {str(facts['backward']).lower()} }}"
        )
        command = [
            *(sys.executable, "-m", "snnplug", "correlate", "--benchmark", "trained_runs", "-q"),
            *("-s", f"benchmark.root={folder / 'study' / 'runs'}", "-s", "benchmark.genotype=cell"),
            *("-s", f"search.space={space}"),
            *("-s", f"neuron={{ use = '{facts['neuron']}', tau = 1.3333333333333333 }}"),
            *("-s", "dataset={ use = 'digits', val_fraction = 0.1, test_fraction = 0.7 }"),
            *("-s", "encoder={ use = 'direct', steps = 5 }"),
            *(part for scorer in SCORERS for part in ("--scorer", scorer)),
            *("--sample", str(given.cells), "--out", str(folder / "scores")),
        ]
        print(f"== {name}", flush=True)
        subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
