"""Inherited against stand-alone accuracy on the digits: supernet, networks trained alone, correlate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import snnplug
from snnplug.cli import main

pytest.importorskip("sklearn")

BACKBONE: dict[str, Any] = {"macro": [8, "m", 8], "channels": 8}
BLOCKS = ("skip skip", "SRB_k3", "SCB_k3 SRB_k3")  # one name stands at all places
AROUND: dict[str, Any] = {
    "dataset": {"use": "digits", "val_fraction": 0.4},
    "encoder": {"use": "direct", "steps": 4},
    "neuron": {"use": "lif"},
}
TRAINING = {"epochs": 1, "batch_size": 32, "optimizer": {"use": "adamw", "lr": 2e-2}, "decay": "layers"}


def correlate(recipe: Path, alone: Path, supernet: Path, out: Path, *more: str) -> Any:
    call = ["correlate", str(recipe), "--benchmark", "trained_runs", "--scorer", "spike_aware_fitness"]
    call += ["-s", f"benchmark.root={alone}", "-s", "benchmark.genotype=blocks"]
    call += ["-s", f"search.supernet.from={supernet}", "--out", str(out), "--device", "cpu", "-q", "--json"]
    done = CliRunner().invoke(main, [*call, *more])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_tau_of_inherited_accuracy_comes_from_one_command(tmp_path: Path) -> None:
    search = {
        "space": {"use": "autosnn", "blocks": ["skip", "SCB_k3", "SRB_k3"], **BACKBONE},
        "strategy": {"use": "random", "draws": 2},
        "scorer": {"use": "spike_aware_fitness"},
        "supernet": {**TRAINING, "paths": 2},
    }
    supernet = snnplug.run({**AROUND, "search": search}, out=tmp_path / "supernet", device="cpu")
    for number, blocks in enumerate(BLOCKS):
        network = {"use": "autosnn_network", "blocks": blocks, **BACKBONE}
        snnplug.run(
            {**AROUND, "architecture": network, "train": TRAINING},
            out=tmp_path / "alone" / str(number),
            device="cpu",
        )
    where = (tmp_path / "supernet" / "recipe.toml", tmp_path / "alone", tmp_path / "supernet")
    plain = correlate(*where, tmp_path / "plain")
    fresh = correlate(*where, tmp_path / "fresh", "-s", "scorers.spike_aware_fitness.recalibrate=3")
    accuracy, spikes = (f"spike_aware_fitness: {part}" for part in ("accuracy", "spikes"))
    facts = supernet.summary["supernet"]["facts"]
    for network in plain["networks"]:
        trained = snnplug.load(tmp_path / "alone" / network["id"]).summary
        assert network["accuracy"] == trained["accuracy"]["test"]
        assert network["genotype"] in BLOCKS
        scores = network["scores"]
        fitness = scores[accuracy] * (max(scores[spikes], 1.0) / facts["spikes"]) ** -0.08
        assert scores["spike_aware_fitness"] == pytest.approx(fitness)
    rows = {row["predictor"]: row for row in plain["scores"]}
    assert {rows[name]["kind"] for name in (accuracy, spikes)} == {"part"}
    assert -1 <= rows[spikes]["tau"]["value"] <= 1
    assert plain["settings"]["supernet"] == fresh["settings"]["supernet"]
    (used,) = (s for s in fresh["settings"]["scorers"].values() if s["use"].endswith("spike_aware_fitness"))
    assert used["recalibrate"] == 3
    by_id = [{n["id"]: n["scores"][spikes] for n in record["networks"]} for record in (plain, fresh)]
    assert by_id[0] != by_id[1]  # other statistics, other spikes
