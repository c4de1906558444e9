from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from snnplug import Registry
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import (
    Activity,
    MembraneState,
    NeuronActivity,
    SpikingNeuron,
    SynapseActivity,
    TimeSequential,
    record,
)

registry = Registry.from_installed()


class Fire(SpikingNeuron):
    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return (x >= 1).to(x.dtype), state


def activity() -> Activity:
    """Two samples, four steps: a static stem of 100 MACs and a layer with 60 operations a sample."""
    return Activity(
        samples=2,
        steps=4,
        neurons={"fire": NeuronActivity("fire", size=5, spikes=[4, 4, 4, 8], updates=40)},
        synapses={
            "stem": SynapseActivity("stem", "Conv2d", 9, [8.0], [50.0], 200.0, True),
            "head": SynapseActivity("head", "Linear", 9, [4, 4, 4, 8], [24, 24, 24, 48], 400.0),
        },
    )


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, 100 * 4.6 + 60 * 0.9),
        ({"precision": "fp16"}, 100 * 1.5 + 60 * 0.4),
        ({"precision": "int32"}, 100 * 3.2 + 60 * 0.1),
        ({"precision": "int8"}, 100 * 0.23 + 60 * 0.03),
        ({"static_layers": "every_step"}, 400 * 4.6 + 60 * 0.9),
        ({"neuron_updates": True}, 100 * 4.6 + 60 * 0.9 + 20 * 4.6),
    ],
)
def test_horowitz_by_hand(parameters: dict[str, object], expected: float) -> None:
    estimate = registry.create("energy_model", "horowitz_45nm", **parameters)(activity())
    assert estimate.unit == "J"
    assert estimate.value * 1e12 == pytest.approx(expected, rel=1e-12)
    assert not estimate.warnings
    dense, quantised = estimate.baselines
    assert dense.items[0].count == quantised.items[0].count == 150  # 200 / 2 + 400 / 4 steps / 2 samples
    mac = {"fp16": 1.5, "int32": 3.2, "int8": 0.23}.get(str(parameters.get("precision")), 4.6)
    assert dense.value * 1e12 == pytest.approx(150 * mac)
    assert (quantised.name, quantised.upper_bound) == ("quantised ANN (3 bit)", True)  # 5 levels in 4 steps
    assert quantised.value * 1e12 == pytest.approx(150 * 0.23)
    assert any("memory traffic" in line for line in estimate.assumptions)


def test_horowitz_on_a_recorded_network() -> None:
    torch.manual_seed(0)
    stem, head = nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.Linear(16, 10)
    nn.init.constant_(stem.weight, 1.0)
    model = TimeSequential(stem, Fire(), nn.Flatten(), head)
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 0, 0] = 1.5  # reaches four neurons; each spike causes ten accumulates, in three steps
    with record(model) as measured:
        model(image.expand(3, 1, 1, 4, 4))
    estimate = registry.create("energy_model", "horowitz_45nm")(measured)
    assert [item.count for item in estimate.items] == [100, 120]  # 4 x 4, 8 x 6 and 4 x 9 taps
    assert estimate.value == pytest.approx(100 * 4.6e-12 + 120 * 0.9e-12, rel=1e-12)
    assert "input constant in time, billed once: layers.0" in estimate.assumptions


def test_what_the_model_does_not_cover_is_said() -> None:
    seen = activity()
    seen.uncounted["up"] = "ConvTranspose2d"
    seen.neurons["fire"].graded = True
    estimate = registry.create("energy_model", "horowitz_45nm")(seen)
    assert estimate.warnings[0] == "not counted, so the estimate is too low: up (ConvTranspose2d)"
    assert "graded spikes from fire" in estimate.warnings[1]


def test_products_inside_neurons_stand_on_lines_of_their_own() -> None:
    seen = activity()
    seen.neurons["fire"].macs, seen.neurons["fire"].operations = 30.0, 14.0
    estimate = registry.create("energy_model", "horowitz_45nm")(seen)
    inside = {item.name: (item.count, item.value * 1e12) for item in estimate.items if "inside" in item.name}
    assert inside == {
        "MACs inside neurons (fp32)": (15.0, pytest.approx(15 * 4.6)),
        "synaptic operations inside neurons (fp32)": (7.0, pytest.approx(7 * 0.9)),
    }
    assert estimate.value * 1e12 == pytest.approx(100 * 4.6 + 60 * 0.9 + 15 * 4.6 + 7 * 0.9)


def test_a_layer_that_runs_longer_than_the_input_is_not_billed_less() -> None:
    seen = Activity(
        samples=1, steps=1, synapses={"l": SynapseActivity("l", "Linear", 1, [1.0] * 4, [5.0] * 4)}
    )
    estimate = registry.create("energy_model", "horowitz_45nm", static_layers="every_step")(seen)
    assert estimate.value * 1e12 == pytest.approx(20 * 0.9)


def test_neurons_that_cannot_be_seen_are_named_by_every_model() -> None:
    seen = activity()
    seen.uncounted["part"] = "ScriptModule"
    for name, parameters in (("horowitz_45nm", {}), ("truenorth_relative", reference)):
        estimate = registry.create("energy_model", name, **parameters)(seen)
        assert any("part" in line and "too low" in line for line in estimate.warnings)


reference = {"reference": "Rate2017", "reference_spikes": 9.3e6, "reference_latency": 1500}


@pytest.mark.parametrize(
    ("name", "expected"), [("truenorth_relative", 0.0507268817), ("spinnaker_relative", 0.0379630108)]
)
def test_relative_models_of_a_published_row(name: str, expected: float) -> None:
    seen = Activity(samples=1, steps=108, neurons={"all": NeuronActivity("all", spikes=[175_000])})
    estimate = registry.create("energy_model", name, **reference)(seen)
    assert estimate.unit == "relative"
    assert estimate.value == pytest.approx(expected, abs=1e-9)
    assert "'Rate2017'" in estimate.assumptions[0]


@pytest.mark.parametrize("name", ["truenorth_relative", "spinnaker_relative"])
def test_relative_models_refuse_an_unnamed_reference(name: str) -> None:
    with pytest.raises(ParameterError, match="reference: missing; it has no default"):
        registry.create("energy_model", name)
    with pytest.raises(ParameterError, match="reference must name the network that counts as 1"):
        registry.create("energy_model", name, **{**reference, "reference": " "})
    with pytest.raises(ParameterError, match="reference_spikes must be above 0, got 0"):
        registry.create("energy_model", name, **{**reference, "reference_spikes": 0.0})


@pytest.mark.parametrize(("name", "parameters"), [("horowitz_45nm", {}), ("truenorth_relative", reference)])
def test_nothing_recorded_is_an_error(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(ContractError, match="holds no samples"):
        registry.create("energy_model", name, **parameters)(Activity())


def test_a_wrong_precision_lists_the_choices() -> None:
    with pytest.raises(
        ParameterError, match="precision: 'fp8' is not one of 'fp32', 'fp16', 'int32', 'int8'"
    ):
        registry.create("energy_model", "horowitz_45nm", precision="fp8")


def test_no_torch_is_imported() -> None:
    code = "import sys, snnplug_energy.plugin, snnplug_energy.horowitz, snnplug_energy.relative\n"
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)


def test_levels_of_graded_neurons_set_the_bits_of_the_quantised_ann() -> None:
    model, seen = registry.create("energy_model", "horowitz_45nm"), activity()
    seen.neurons["fire"].graded = True
    assert [baseline.name for baseline in model(seen).baselines] == ["dense ANN"]  # nobody knows the levels
    seen.neurons["fire"].levels = 28
    assert model(seen).baselines[1].name == "quantised ANN (5 bit)"
    seen.neurons["fire"].levels = 300
    found = model(seen).baselines[1]
    assert (found.name, found.items[0].each) == ("quantised ANN (9 bit)", pytest.approx(3.2e-12))  # int32


def test_the_recorder_asks_a_graded_neuron_for_its_levels() -> None:
    class Graded(Fire):
        graded = True
        levels = 14

    model = TimeSequential(nn.Linear(3, 2), Graded(), nn.Linear(2, 2))
    with record(model) as measured:
        model(torch.rand(2, 1, 3))
    assert measured.neurons["layers.1"].levels == 14
    assert measured.parameters == 8 + 6
    assert measured.footprint == 4 * 14
