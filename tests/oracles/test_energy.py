"""The recorder and the energy models against independent integer and float64 arithmetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from snnplug_energy.published import published_rows, relative_table
from torch import Tensor, nn

from snnplug import Registry
from snnplug.nn import Activity, NeuronActivity, SynapseActivity, TimeSequential, record
from snnplug.nn.fan_out import fan_out

pytestmark = pytest.mark.data


def load(oracles: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((oracles / "energy" / name).read_text())
    return found


@pytest.mark.parametrize("index", range(10))
def test_synaptic_operations_of_ten_convolutions(oracles: Path, index: int) -> None:
    case = load(oracles, "fanout.json")["cases"][index]
    arrays = np.load(oracles / "energy" / "fanout_inputs.npz")
    x = torch.from_numpy(arrays[case["input_key"]]).float()
    layer = nn.Conv2d(
        case["in_channels"],
        case["out_channels"],
        tuple(case["kernel"]),
        tuple(case["stride"]),
        tuple(case["padding"]),
        tuple(case["dilation"]),
        case["groups"],
    )
    taps = fan_out(layer, x.shape[1:])
    assert np.array_equal(taps.expand(x.shape[1:]).numpy(), arrays[f"fanout{index}"])

    model = TimeSequential(layer)

    def measure(sequence: Tensor) -> SynapseActivity:
        with record(model) as activity:
            assert tuple(model(sequence).shape[3:]) == tuple(case["output_hw"])
        return activity.synapses["layers.0"]

    batch = measure(x.unsqueeze(0))
    assert batch.operations == [case["exact_synops"]]
    assert batch.events == [case["spikes"]]
    assert batch.naive_operations(strided=True) == case["naive_synops_stride"]
    assert batch.naive_operations(strided=False) == case["naive_synops_no_stride"]
    assert batch.macs == 2 * case["dense_macs_without_padding_taps_per_image"]
    assert batch.outputs * batch.fan_in == 2 * case["dense_macs_with_padding_taps_per_image"]
    assert (batch.effective_acs, batch.effective_macs) == (case["exact_synops"], 0)
    steps = measure(x.unsqueeze(1))  # the two images as two time steps of one sample
    assert steps.operations == case["exact_synops_per_image"]


def test_a_padded_image_of_ones(oracles: Path) -> None:
    (case,) = load(oracles, "fanout.json")["hand"]
    model = TimeSequential(nn.Conv2d(1, 1, 3, padding=1))
    with record(model) as activity:
        model(torch.ones(1, 1, 1, 8, 8))
    assert activity.synaptic_operations == case["exact"]
    assert activity.synapses["layers.0"].naive_operations(strided=True) == case["naive"]


@pytest.mark.parametrize("index", range(5))
def test_horowitz(oracles: Path, index: int) -> None:
    case = load(oracles, "fanout.json")["compute_only"]["cases"][index]
    layers = {"stem": SynapseActivity("stem", "Conv2d", 0, [1.0], [1.0], float(case["analog_macs"]), True)}
    for i, count in enumerate(case["layer_synops"]):
        layers[f"layer{i}"] = SynapseActivity(f"layer{i}", "Conv2d", 0, [1.0], [float(count)], 1.0)
    model = Registry.from_installed().create("energy_model", "horowitz_45nm")
    estimate = model(Activity(samples=1, steps=1, synapses=layers))
    assert estimate.unit == "J"
    assert estimate.value * 1e12 == pytest.approx(case["energy_pJ_fp32"], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "model"), [("TrueNorth", "truenorth_relative"), ("SpiNNaker", "spinnaker_relative")]
)
@pytest.mark.parametrize("table", ["cifar10_vgg16", "cifar100_vgg16", "cifar10_resnet20"])
def test_relative_energy_for_every_reference_row(oracles: Path, name: str, model: str, table: str) -> None:
    oracle = load(oracles, "normalised_energy.json")["tables"][table]
    registry = Registry.from_installed()
    for reference in oracle["rows"]:
        build = registry.use("energy_model", model).with_parameters(
            reference=reference["name"],
            reference_spikes=reference["spikes_per_image"],
            reference_latency=reference["latency_steps"],
        )
        for row in oracle["rows"]:
            neuron = NeuronActivity("all", spikes=[row["spikes_per_image"]])
            estimate = build.build()(Activity(samples=1, steps=row["latency_steps"], neurons={"all": neuron}))
            expected = oracle["by_reference"][reference["name"]][name][row["name"]]
            assert estimate.value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("table", ["cifar10_vgg16", "cifar100_vgg16", "cifar10_resnet20"])
def test_published_rows_and_their_table_by_every_reference(oracles: Path, table: str) -> None:
    oracle = load(oracles, "normalised_energy.json")["tables"][table]
    rows = [row for row in published_rows(*table.split("_")) if row.spikes is not None]
    expected = [(row["spikes_per_image"], row["latency_steps"]) for row in oracle["rows"]]
    assert [(row.spikes, row.latency) for row in rows] == expected
    for row, reference in zip(rows, oracle["rows"], strict=True):
        by_chip = oracle["by_reference"][reference["name"]]
        found = relative_table(rows, row.coding)
        assert [one.truenorth for one in found] == pytest.approx(
            list(by_chip["TrueNorth"].values()), rel=1e-12
        )
        assert [one.spinnaker for one in found] == pytest.approx(
            list(by_chip["SpiNNaker"].values()), rel=1e-12
        )
