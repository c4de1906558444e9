"""The memory-aware model on a network of one convolution and one fully connected layer, by hand."""

from __future__ import annotations

import math

import pytest
from snnplug_energy.memory import access_price

from snnplug import EnergyEstimate, Registry
from snnplug.errors import ContractError
from snnplug.nn import Activity, NeuronActivity, SynapseActivity

registry = Registry.from_installed()
STEPS, SAMPLES = 3, 2
CONV_SPIKES, FC_SPIKES, CONV_SENT, FC_SENT = 7.0, 5.0, 5.0, 2.0  # per sample


def conv(*, analog: bool = False) -> SynapseActivity:
    """3x3 on [2, 4, 6], stride 2, 4 channels: 4 x 2 x 3 outputs."""
    passes = 1 if analog else STEPS
    return SynapseActivity(
        name="conv",
        layer="Conv2d",
        parameters=72,
        events=[SAMPLES * 48.0] if analog else [SAMPLES * CONV_SPIKES, 0, 0],
        operations=[1.0] * passes,
        macs=SAMPLES * passes * 300.0,
        analog=analog,
        inputs=SAMPLES * passes * 48.0,
        outputs=SAMPLES * passes * 24.0,
        weights=72,
        fan_in=18,
        filters=4,
        kernel=[3, 3],
        stride=[2, 2],
    )


def network(*, analog: bool = False) -> Activity:
    fc = SynapseActivity(
        name="fc",
        layer="Linear",
        parameters=24 * 5 + 5,
        events=[SAMPLES * FC_SPIKES, 0, 0],
        operations=[SAMPLES * FC_SPIKES * 5, 0, 0],
        macs=SAMPLES * STEPS * 120.0,
        inputs=SAMPLES * STEPS * 24.0,
        outputs=SAMPLES * STEPS * 5.0,
        weights=120,
        fan_in=24,
        filters=5,
    )
    neurons = {
        "a": NeuronActivity("a", size=24, spikes=[SAMPLES * CONV_SENT, 0, 0], updates=SAMPLES * STEPS * 24),
        "b": NeuronActivity("b", size=5, spikes=[SAMPLES * FC_SENT, 0, 0], updates=SAMPLES * STEPS * 5),
    }
    return Activity(
        samples=SAMPLES, steps=STEPS, neurons=neurons, synapses={"conv": conv(analog=analog), "fc": fc}
    )


def estimate(activity: Activity | None = None, **parameters: object) -> EnergyEstimate:
    model = registry.create("energy_model", "lemaire", memory="constant", **parameters)
    found: EnergyEstimate = model(activity or network())
    return found


def counts(found: EnergyEstimate) -> dict[str, float]:
    return {item.name: item.count for item in found.items}


def test_the_article_by_hand() -> None:
    found = counts(estimate())
    reached = 7 * 9 * 4 + 5 * 5  # theta k^2 C_out, and theta N_out
    assert found == {
        "accumulates of spikes": 7 * 2 * 2 * 4 + 5 * 5,  # ceil(3/2)^2 C_out
        "addresses of spikes": 2 * 7,
        "addresses of weights and potentials": reached,
        "spikes read": 7 + 5,
        "weights read": reached,
        "potentials read": reached,
        "potentials written": reached,
        "biases added": 3 * 24 + 3 * 5,
        "biases read": 3 * 24 + 3 * 5,
        "potentials read for biases": 3 * 24 + 3 * 5,
        "potentials written for biases": 3 * 24 + 3 * 5,
        "outputs written": 5 + 2,
        "resets": 5 + 2,
    }


def test_the_sum_by_hand() -> None:
    accumulates = (112 + 25) + 277 + 87 + 7
    accesses = 12 + 3 * 277 + 3 * 87 + 7
    expected = 0.1 * accumulates + 3.2 * 14 + 5.0 * accesses  # 10 pJ for 64 bit, words of 32
    assert estimate().value * 1e12 == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("parameters", "name", "expected"),
    [
        ({"conv_addressing": "taps"}, "addresses of weights and potentials", 7 * 9 + 25),
        ({"fc_addressing": "rate"}, "addresses of weights and potentials", 7 * 36 + 5 / 24 * 5),
        ({"bias_steps": "once"}, "biases added", 24 + 5),
        ({"biases": "recorded"}, "biases added", 3 * 5),  # the convolution has none
        ({"leak": True}, "leaks", 3 * 29),
    ],
)
def test_every_switch_changes_its_term_alone(
    parameters: dict[str, object], name: str, expected: float
) -> None:
    before, found = counts(estimate()), counts(estimate(**parameters))
    assert found[name] == pytest.approx(expected)
    changed = {key for key in before | found if before.get(key) != found.get(key)}
    assert all(key == name or "bias" in key for key in changed)


def test_without_the_reset() -> None:
    with_reset, without = estimate(), estimate(reset=False)
    assert "resets" not in counts(without)
    assert (with_reset.value - without.value) * 1e12 == pytest.approx(7 * 0.1)


def test_analog_input_is_billed_as_a_layer_of_an_ann() -> None:
    found = counts(estimate(network(analog=True)))
    of_ann = {name: value for name, value in found.items() if name.startswith("layers with analog input")}
    assert list(of_ann.values()) == [
        24 * 18,  # MACs, borders included
        48 + 24 + 4 * 9,  # addresses
        24 * 18,  # inputs read
        24 * 18,  # weights read
        24,  # biases added
        24,  # biases read
        24,  # outputs written
    ]
    assert found["weights read"] == 25


@pytest.mark.parametrize(("choice", "addresses"), [("weights", 120), ("inputs_and_outputs", 24 + 5)])
def test_the_ann_by_hand(choice: str, addresses: int) -> None:
    dense, narrow = estimate(ann_fc_addressing=choice).baselines
    assert dense.name == "dense ANN"
    assert {item.name: item.count for item in dense.items} == {
        "MACs": 24 * 18 + 120,
        "addresses": 48 + 24 + 36 + addresses,
        "inputs read": 24 * 18 + 24,
        "weights read": 24 * 18 + 120,
        "biases added": 24 + 5,
        "biases read": 24 + 5,
        "outputs written": 24 + 5,
    }
    assert narrow.name == "quantised ANN (2 bit)"  # 4 levels in 3 steps
    accesses = (432 + 24) + 552 + 29 + 29
    expected = 0.23 * 552 + 0.03 * (108 + addresses + 29) + 10 * 2 / 64 * accesses
    assert narrow.value * 1e12 == pytest.approx(expected, rel=1e-12)


def test_memory_prices() -> None:
    at = access_price("interpolated", 64)
    assert [at(size / 8) * 1e12 for size in (8192, 32768, 1 << 20, 1 << 24)] == pytest.approx(
        [10, 20, 100, 100]
    )
    assert at(20480 / 8) * 1e12 == pytest.approx(15)  # half way from 8 to 32 KB
    assert at(512) * 1e12 == pytest.approx(5)
    spikingjelly = access_price("interpolated", 8, bytes_per_access=4)  # J of a byte
    assert [spikingjelly(size) * 1e12 for size in (8192, 32768, 1 << 20)] == pytest.approx([2.5, 5, 25])
    assert access_price("linear", 8)(1000) * 1e12 == pytest.approx(1.09e-5 * 8000 + 13.2)
    assert access_price("constant", 16)(1e9) * 1e12 == pytest.approx(2.5)


def test_layers_without_a_formula_are_refused() -> None:
    seen = network()
    seen.synapses["mix"] = SynapseActivity("mix", "bmm", 0, [1.0], [1.0], 1.0, inputs=4.0)
    with pytest.raises(ContractError, match=r"no formula for mix \(bmm\); leave lemaire out here"):
        estimate(seen)


def test_crossover_of_yan_et_al() -> None:
    line = next(line for line in estimate().assumptions if "arXiv:2409.08290" in line)
    rate, limit = 7 / (3 * 29), 2 / 24
    assert f"{rate:.1%} is below the crossover of {limit:.1%} at 3 steps" in line
    limits = [math.ceil(math.log2(steps + 1)) / (8 * steps) for steps in range(5, 11)]
    assert sum(limits) / len(limits) == pytest.approx(0.05985, abs=1e-5)
