"""A made-up run directory, with all files and every kind of entry."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snnplug.report.page import write_report

LAYERS = ["stem.neuron", "cells.0.edges.input-1.neuron", "cells.0.edges.2-output.neuron", "classifier.neuron"]
STEPS, SAMPLES = 4, 512
LONG_GENOTYPE = "block " * 20

Files = dict[str, Any]


def component(kind: str, use: str, summary: str, reference: str = "", **parameters: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "use": use,
        "version": "0.1.0",
        "summary": summary,
        "reference": reference,
        "parameters": parameters,
    }


def resolved() -> dict[str, Any]:
    return {
        "schema": 1,
        "name": "default",
        "command": "snnplug run default --out runs/default -s train.epochs=15",
        "seed": 0,
        "recipe": {
            "dataset": {"use": "snnplug-datasets:digits"},
            "neuron": {"use": "snnplug-plif:imp", "base": {"use": "snnplug-lif:lif", "tau": 1.333}},
            "search": {"space": {"use": "snnplug-snasnet:snasnet"}, "scorer": {"use": "snnplug-sahd:sahd"}},
            "train": {"epochs": 15},
            "energy": {"models": ["snnplug-energy:horowitz_45nm", "snnplug-energy:truenorth_relative"]},
        },
        "components": [
            component("dataset", "snnplug-datasets:digits", "Handwritten digits, 8 x 8.", image_size=8),
            component(
                "encoder",
                "snnplug-encoders:direct",
                "The values themselves, at every step.",
                "arXiv:1910.01407",
                steps=4,
            ),
            component(
                "neuron",
                "snnplug-plif:imp",
                "Learnable initial membrane potential.",
                "Shen et al., doi:10.1234/imp.2024(17)",
                base={"use": "snnplug-lif:lif", "tau": 1.333, "threshold": 1.0, "reset": "hard"},
                per="neuron",
            ),
            component(
                "search_space",
                "snnplug-snasnet:snasnet",
                "Cells with backward edges.",
                "arXiv:2201.10355",
                channels=16,
            ),
            component("strategy", "snnplug-strategies:random", "Independent draws.", draws=64),
            component(
                "scorer",
                "snnplug-sahd:sahd",
                "Sparsity-aware Hamming distance.",
                "arXiv:2201.10355",
                repeats=2,
            ),
            component(
                "loss",
                "snnplug-tet:tet",
                "Cross-entropy at every step.",
                "https://openreview.net/forum?id=_XNtisL32jv.",
            ),
            component(
                "energy_model",
                "snnplug-energy:horowitz_45nm",
                "0.9 pJ an AC, 4.6 pJ a MAC.",
                "doi:10.1109/ISSCC.2014.6757323",
            ),
        ],
        "environment": {
            "python": "3.11.7",
            "platform": "Linux x86_64",
            "torch": "2.15.0",
            "snnplug": "0.1.0",
        },
    }


def summary() -> dict[str, Any]:
    cell = [
        ("input", "1", "conv3"),
        ("input", "2", "identity"),
        ("input", "output", "conv3"),
        ("1", "2", "conv1"),
    ]
    cell += [("2", "output", "avgpool3")]
    back = [("output", "1", "conv1"), ("2", "1", "conv3")]
    edges = [{"source": s, "target": t, "label": label, "backward": False} for s, t, label in cell]
    edges += [{"source": s, "target": t, "label": label, "backward": True} for s, t, label in back]
    return {
        "schema": 1,
        "stages": ["search", "train", "measure", "report"],
        "accuracy": {"train": 0.9912, "val": 0.9733, "test": 0.9611},
        "interval": [0.9359, 0.9766],
        "twins": [[LAYERS[0], LAYERS[1]]],
        "spikes_per_sample": 1843.25,
        "synaptic_operations": 241_812.5,
        "macs": 9216.0,
        "latency_steps": 4,
        "parameters": 12345,
        "energy": [
            {
                "model": "snnplug-energy:horowitz_45nm",
                "value": 2.6002e-7,
                "unit": "J",
                "reference": "Horowitz, ISSCC 2014, doi:10.1109/ISSCC.2014.6757323",
                "items": [
                    {"name": "accumulates", "count": 241_812.5, "each": 0.9e-12, "value": 2.1763e-7},
                    {"name": "multiply-accumulates", "count": 9216.0, "each": 4.6e-12, "value": 4.239e-8},
                ],
                "assumptions": [
                    "45 nm CMOS at 0.9 V, 32-bit floating point.",
                    "Memory access is not counted.",
                ],
                "warnings": ["stem: analog input at every step is counted in MAC."],
            },
            {
                "model": "snnplug-energy:truenorth_relative",
                "value": 0.73,
                "unit": "relative",
                "reference": "Park et al., DAC 2020, arXiv:2003.11741",
                "items": [
                    {"name": "spikes", "count": 1843.25, "each": 2.2e-4, "value": 0.4055},
                    {"name": "time steps", "count": 4, "each": 0.081125, "value": 0.3245},
                ],
                "assumptions": ["Relative to a named reference network."],
                "warnings": [],
            },
        ],
        "search": {
            "draws": 64,
            "distinct": 50,
            "evaluated": 50,
            "best": "0302 0030 2002 0200",
            "key": trials()[17]["key"],
            "score": trials()[17]["score"],
            "scorer": "snnplug-sahd:sahd",
            "seconds": 20.1,
            "graph": {"nodes": ["input", "1", "2", "output"], "edges": edges},
        },
        "seconds": {"search": 20.1, "train": 130.2, "measure": 1.0, "total": 152.0},
        "device": "cpu",
        "versions": {"snnplug": "0.1.0", "snnplug-sahd": "0.1.0"},
    }


def trials() -> list[dict[str, Any]]:
    rng = random.Random(0)
    result = []
    for i in range(50):
        layers = rng.randint(3, 12)
        result.append(
            {
                "index": i,
                "genotype": "0302 0030 2002 0200",
                "key": f"{rng.getrandbits(256):064x}",
                "score": 12 + 0.4 * layers + rng.gauss(0, 0.6),
                "values": {
                    "snnplug-sahd:parameters": 2300 * layers + rng.randint(0, 9000),
                    "snnplug-sahd:spiking_layers": layers,
                },
                "seconds": 0.2,
                "draws": 1,
            }
        )
    result[3]["score"] = None
    result[17]["score"] = 18.5
    return result


def metrics() -> list[dict[str, Any]]:
    return [
        {
            "stage": "train",
            "epoch": epoch,
            "loss": 2.2 * 0.75**epoch + 0.12,
            "accuracy": 1 - 0.7 * 0.7**epoch,
            "val_loss": 2.1 * 0.78**epoch + 0.2,
            "val_accuracy": 0.97 - 0.6 * 0.7**epoch,
            "lr": 0.002,
            "seconds": 1.9,
        }
        for epoch in range(1, 16)
    ]


def activity() -> dict[str, Any]:
    rng = random.Random(1)
    neurons, synapses = [], []
    for i, name in enumerate(LAYERS):
        size, rate = 1024 // (1 + i // 3), 0.04 + 0.2 * rng.random()
        spikes = [SAMPLES * size * rate * (0.6 + 0.2 * t) for t in range(STEPS)]
        raster = [[float(rng.random() < rate) for _ in range(40)] for _ in range(STEPS)]
        updates = SAMPLES * size * STEPS
        neurons.append(
            {
                "name": name,
                "graded": i == 2,
                "size": size,
                "spikes": spikes,
                "updates": updates,
                "rate": sum(spikes) / updates,
                "raster": raster,
            }
        )
        synapses.append(
            {
                "name": name.replace("neuron", "conv"),
                "layer": "Conv2d",
                "parameters": 2304,
                "events": spikes,
                "operations": [144 * s for s in spikes],
                "macs": 147456.0 * SAMPLES * STEPS,
                "analog": i == 0,
            }
        )
    return {"samples": SAMPLES, "steps": STEPS, "neurons": neurons, "synapses": synapses, "uncounted": {}}


def finished_run() -> Files:
    return {
        "resolved.json": resolved(),
        "summary.json": summary(),
        "metrics.jsonl": metrics(),
        "trials.json": trials(),
        "activity.json": activity(),
        "answers.json": {"labels": [0, 1, 2, 2], "said": [0, 1, 1, 2], "by_step": [0.25, 0.5, 0.75, 0.75]},
    }


def run_with_parts() -> Files:
    """Contents of a run of which the scores have parts, and which found a long chain."""
    files = finished_run()
    table = [(0.60, 50.0), (0.80, 400.0), (0.76, 200.0), (0.70, 100.0), (0.50, 300.0), (0.80, 400.0)]
    for i, trial in enumerate(files["trials.json"]):
        accuracy, spikes = table[i % 6]
        given = {"parts": {"accuracy": accuracy, "spikes": spikes}, "genotype": f"network {i}"}
        trial |= given if trial["score"] is not None else {"reason": "CUDA is <out> of memory"}
    files["trials.json"][17]["genotype"] = LONG_GENOTYPE
    nodes = ["input", *(f"layers.{i}" for i in range(12))]
    labels = itertools.cycle(["conv3_and_more_of_it 16 channels", "max_pool 16 channels, halved"])
    edges = [
        {"source": a, "target": b, "label": next(labels), "backward": False}
        for a, b in itertools.pairwise(nodes)
    ]
    files["summary.json"]["search"]["graph"] = {"nodes": nodes, "edges": edges}
    files["summary.json"]["search"]["references"] = {
        "<quiet>": {"key": "q", "score": 9.5, "parts": {"accuracy": 0.45, "spikes": 40.0}, "genotype": "q"},
        "broken": {"key": "b", "score": None, "reason": "no memory", "genotype": LONG_GENOTYPE},
    }
    return files


def write_files(directory: Path, files: Files) -> Path:
    for name, content in files.items():
        lines = content if name.endswith(".jsonl") else [content]
        (directory / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return directory


@pytest.fixture
def files() -> Files:
    """Contents of a finished run's files, to be changed by a test before `write`."""
    return finished_run()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Files], Path]:
    """Return a function that writes the files into a run directory and returns it."""
    return lambda files: write_files(tmp_path, files)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run directory of a finished run with its report, to be read only."""
    directory = write_files(tmp_path_factory.mktemp("finished"), finished_run())
    write_report(directory)
    return directory


@pytest.fixture(scope="session")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run directory of a run of which the scores have parts, with its report, to be read only."""
    directory = write_files(tmp_path_factory.mktemp("parted"), run_with_parts())
    write_report(directory)
    return directory
