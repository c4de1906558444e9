"""Tables of prices: a chip of Loihi's class, keras-spiking's devices, and a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from snnplug import EnergyEstimate, Registry
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import Activity, NeuronActivity, SynapseActivity
from snnplug.testing.energy_model import tiny_activity

registry = Registry.from_installed()


def activity(*, analog: bool = True) -> Activity:
    """Per sample: a stem of 100 MACs, 60 operations of a convolution, 40 of a fully connected layer."""
    stem = SynapseActivity("stem", "Conv2d", 9, [8.0], [50.0], 200.0, True, inputs=1.0, kernel=[3, 3])
    body = SynapseActivity("body", "Conv2d", 9, [4] * 4, [30] * 4, 480.0, inputs=1.0, kernel=[3, 3])
    head = SynapseActivity("head", "Linear", 9, [4] * 4, [20] * 4, 400.0, inputs=1.0)
    layers = [stem, body, head] if analog else [body, head]
    fire = NeuronActivity("fire", size=5, spikes=[5.0] * 4, updates=40)
    return Activity(samples=2, steps=4, neurons={"fire": fire}, synapses={s.name: s for s in layers})


def estimate(model: str, seen: Activity | None = None, **parameters: object) -> EnergyEstimate:
    found: EnergyEstimate = registry.create("energy_model", model, **parameters)(seen or activity())
    return found


def test_loihi_by_hand() -> None:
    found = estimate("loihi", activity(analog=False))
    expected = 40 * 35.5 + 60 * 24.0 + 20 * (51.2 + 21.6) + 10 * (69.3 + 111)
    assert found.value * 1e12 == pytest.approx(expected, rel=1e-12)
    assert not found.warnings
    assert found.node == "14 nm"


def test_loihi_with_axons_and_hops() -> None:
    found = estimate("loihi", activity(analog=False), synapses="sparse", axons_per_spike=2, hops_per_axon=5)
    expected = 40 * 33.6 + 60 * 24.0 + 20 * 72.8 + 10 * (69.3 + 2 * (111 + 5 * 3.6))
    assert found.value * 1e12 == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ParameterError, match="axons_per_spike must be at least 0, got -1"):
        estimate("loihi", axons_per_spike=-1.0)


def test_analog_input_of_a_spiking_chip_is_billed_and_said() -> None:
    found = estimate("loihi")
    assert found.value - estimate("loihi", activity(analog=False)).value == pytest.approx(100 * 35.5e-12)
    assert any("stem got analog input" in line for line in found.warnings)


def test_loihi_needs_to_know_which_layers_are_convolutions() -> None:
    old = Activity(samples=1, steps=1, synapses={"l": SynapseActivity("l", "Conv2d", 1, [1.0], [5.0], 5.0)})
    with pytest.raises(ContractError, match="an earlier snnplug did not record; run the recipe again"):
        estimate("loihi", old)


@pytest.mark.parametrize(
    ("device", "synapse", "neuron"),
    [("loihi", 27.1e-12, 81e-12), ("spinnaker", 13.3e-9, 26e-9), ("spinnaker2", 450e-12, 2.19e-9)],
)
def test_keras_spiking_spiking_devices(device: str, synapse: float, neuron: float) -> None:
    found = estimate("keras_spiking", activity(analog=False), device=device)
    assert found.value == pytest.approx(100 * synapse + 20 * neuron, rel=1e-12)
    dense = found.baselines[0]
    assert dense.value == pytest.approx((60 + 50) * 0.3e-9 + 5 * 0.3e-9)  # on the GPU, in one pass
    assert "keras_spiking's gpu" in dense.how


@pytest.mark.parametrize(("device", "price"), [("cpu", 8.6e-9), ("gpu", 0.3e-9), ("arm", 0.9e-9)])
def test_keras_spiking_other_devices_compute_everything(device: str, price: float) -> None:
    found = estimate("keras_spiking", device=device)
    assert found.value == pytest.approx(4 * (100 + 60 + 50) * price + 20 * price, rel=1e-12)
    assert found.baselines[0].value == pytest.approx((210 + 5) * price, rel=1e-12)
    silent, busy = (estimate("keras_spiking", tiny_activity(rate), device=device) for rate in (0.0, 1.0))
    assert silent.value == busy.value


CHIP = """\
name = "mychip"
source = "data sheet, rev. 3"
node = "22 nm"
synaptic_operation = 2.5e-12
mac = 4.6e-12
quantised_mac = 1e-12
neuron_update = 1e-12
spike = 3e-12
static_power = 1e-3
step_seconds = 1e-6
assumptions = ["at 0.8 V"]
"""


def chip(folder: Path, text: str = CHIP) -> str:
    file = folder / "mychip.toml"
    file.write_text(text)
    return str(file)


def test_a_table_from_a_file(tmp_path: Path) -> None:
    found = estimate("table", file=chip(tmp_path))
    expected = 100 * 2.5e-12 + 100 * 4.6e-12 + 20 * 1e-12 + 10 * 3e-12 + 4e-6 * 1e-3
    assert found.value == pytest.approx(expected, rel=1e-12)
    assert (found.reference, found.node) == ("data sheet, rev. 3", "22 nm")
    assert found.assumptions[0] == "at 0.8 V"
    dense, narrow = found.baselines
    assert dense.value == pytest.approx(210 * 4.6e-12 + 5 * 1e-12 + 1e-9)
    assert narrow.name == "quantised ANN (3 bit)"  # 5 levels in 4 steps
    assert narrow.value == pytest.approx(210 * 1e-12 + 5 * 1e-12 + 1e-9)


def test_a_table_in_the_recipe_is_the_same(tmp_path: Path) -> None:
    inline = estimate("table", source="s", node="n", synaptic_operation=2.5e-12, mac=4.6e-12)
    assert inline.value == pytest.approx(100 * 2.5e-12 + 100 * 4.6e-12)
    assert any("no price for neuron updates, spikes on their way, static" in a for a in inline.assumptions)


def test_an_event_without_a_price_is_refused() -> None:
    with pytest.raises(ContractError, match=r"table has no price for 100 MACs .*: give it mac, in J"):
        estimate("table", source="s", node="n", synaptic_operation=1e-12)
    with pytest.raises(
        ContractError, match="no price for 100 synaptic operations: give it synaptic_operation"
    ):
        estimate("table", source="s", node="n", mac=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('source = "data sheet, rev. 3"\n', "", "mychip.toml: source must be a text: where the numbers come"),
        ('node = "22 nm"', "node = 22", "mychip.toml, line 3: node must be a text: their process node"),
        (
            "mac = 4.6e-12\n",
            "macs = 4.6e-12\n",
            r"line 5: macs is no key of an energy table. Did you mean 'mac'",
        ),
        (
            "spike = 3e-12",
            "spike = -3e-12",
            "line 8: spike must be a number of J, at least 0 and finite, got -3e-12",
        ),
        ("spike = 3e-12", 'spike = "3 pJ"', "line 8: spike must be a number of J, .* got '3 pJ'"),
        ("spike = 3e-12", "spike = true", "line 8: spike must be a number of J, .* got True"),
        ("spike = 3e-12", "[spike]", "line 8: spike must be a number of J"),
        ("step_seconds = 1e-6\n", "", "line 9: static_power needs step_seconds beside it"),
        ('["at 0.8 V"]', "[0.8]", "line 11: assumptions must be a list of texts"),
        ("spike = 3e-12", "spike = ", r"mychip.toml is no TOML: Invalid value \(at line 8"),
    ],
)
def test_mistakes_in_a_file_name_key_and_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CHIP
    with pytest.raises(ParameterError, match=message) as raised:
        estimate("table", file=chip(tmp_path, CHIP.replace(old, new)))
    assert "\n" not in str(raised.value)


def test_mistakes_in_a_recipe_name_the_key(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="source must be a text: where the numbers come from"):
        estimate("table", node="n", mac=1.0)
    with pytest.raises(ParameterError, match="static_power needs step_seconds"):
        estimate("table", source="s", node="n", static_power=1.0)
    with pytest.raises(ParameterError, match="synaptic_operation is missing, and so is every price"):
        estimate("table", source="s", node="n")
    with pytest.raises(ParameterError, match=r"file .*none\.toml cannot be read: No such file"):
        estimate("table", file=str(tmp_path / "none.toml"))
    with pytest.raises(ParameterError, match="file holds the whole table, and mac stand beside it"):
        estimate("table", file=chip(tmp_path), mac=1.0)
