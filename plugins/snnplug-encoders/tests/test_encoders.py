from __future__ import annotations

import math

import pytest
import torch
from snnplug_encoders.burst import Burst
from snnplug_encoders.delta import Delta
from snnplug_encoders.direct import Direct
from snnplug_encoders.latency import Latency
from snnplug_encoders.phase import Phase
from snnplug_encoders.poisson import Poisson
from snnplug_encoders.population import Population

from snnplug import Registry, Task
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import Encoder, is_static

PLAIN = Task(input_shape=(1, 2, 2), classes=10)
COLOUR = Task(input_shape=(2, 1, 1), classes=10, mean=(0.5, 0.25), std=(0.25, 0.5))
EVENTS = Task(input_shape=(2, 4, 4), classes=10, events=True)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def values(*shape):
    return torch.rand(*shape, generator=seeded(0))


class TestDirect:
    def test_repeats_the_values_without_copying_them(self):
        x = values(3, 1, 2, 2)
        encoded = Direct(PLAIN, steps=5)(x)
        assert encoded.shape == (5, 3, 1, 2, 2)
        assert is_static(encoded)
        assert torch.equal(encoded[4], x)

    def test_normalises_per_channel(self):
        x = torch.tensor([0.75, 1.0]).reshape(1, 2, 1, 1)
        assert Direct(COLOUR)(x)[0].flatten().tolist() == [1.0, 1.5]
        assert torch.equal(Direct(COLOUR, normalise=False)(x)[0], x)

    def test_keeps_the_type(self):
        assert Direct(COLOUR)(values(1, 2, 1, 1).double()).dtype == torch.float64

    def test_holds_nothing_to_save(self):
        assert Direct(COLOUR).state_dict() == {}

    def test_events_pass_in_time_first_order(self):
        x = values(3, 5, 2, 4, 4)
        encoded = Direct(EVENTS, steps=5)(x)
        assert torch.equal(encoded[4, 2], x[2, 4])

    def test_events_with_other_steps_are_refused(self):
        with pytest.raises(ContractError, match=r"has 5 time steps.*set to 4; set steps = 5"):
            Direct(EVENTS, steps=4)(values(3, 5, 2, 4, 4))


class TestPoisson:
    def test_rate_of_each_value(self):
        x = torch.tensor([0.0, 0.25, 0.5, 1.0]).reshape(1, 1, 2, 2)
        spikes = Poisson(PLAIN, steps=20000)(x, seeded(1))
        assert spikes.unique().tolist() == [0.0, 1.0]
        # five standard deviations of 20000 draws at 1/2: 0.018
        assert spikes.mean(0).flatten().tolist() == pytest.approx([0.0, 0.25, 0.5, 1.0], abs=0.018)
        assert spikes[:, 0, 0, 0, 0].sum() == 0
        assert spikes[:, 0, 0, 1, 1].sum() == 20000

    def test_rate_scales_the_probability(self):
        spikes = Poisson(PLAIN, steps=20000, rate=0.3)(torch.ones(1, 1, 2, 2), seeded(1))
        assert spikes.mean().item() == pytest.approx(0.3, abs=0.01)

    def test_steps_and_samples_are_independent(self):
        spikes = Poisson(PLAIN, steps=10000)(torch.full((2, 1, 2, 2), 0.5), seeded(2))
        flat = spikes.flatten(1)  # [T, 8]
        assert (flat[:, 0] * flat[:, 5]).mean().item() == pytest.approx(0.25, abs=0.03)
        assert (flat[1:, 0] * flat[:-1, 0]).mean().item() == pytest.approx(0.25, abs=0.03)

    def test_seeded_by_the_generator_alone(self):
        encoder, x = Poisson(PLAIN, steps=4), values(3, 1, 2, 2)
        torch.manual_seed(5)
        before = torch.get_rng_state()
        one = encoder(x, seeded(3))
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(encoder(x, seeded(3)), one)
        assert not torch.equal(encoder(x, seeded(4)), one)

    def test_spikes_do_not_depend_on_the_type(self):
        encoder, x = Poisson(PLAIN, steps=50), values(3, 1, 2, 2)
        double = encoder(x.double(), seeded(3))
        assert double.dtype == torch.float64
        assert torch.equal(double, encoder(x, seeded(3)).double())


class TestLatency:
    @staticmethod
    def steps_of(encoder, *numbers):
        """Return the step of each value's spike, None where there is none."""
        spikes = encoder(torch.tensor(numbers, dtype=torch.float64).reshape(1, -1))
        assert spikes.shape == (encoder.steps, 1, len(numbers))
        assert spikes.sum(0).max() <= 1
        return [int(s.argmax()) if s.any() else None for s in spikes[:, 0].T]

    def test_linear(self):
        # t = 10 (1 - value)
        encoder = Latency(PLAIN, steps=11)
        assert self.steps_of(encoder, 1.0, 0.9, 0.52, 0.1, 0.02, 0.009, 0.0) == [0, 1, 5, 9, 10, None, None]

    def test_linear_with_a_time_constant(self):
        # t = 4 (1 - value), at most 2
        encoder = Latency(PLAIN, steps=3, tau=4.0, threshold=0.0)
        assert self.steps_of(encoder, 1.0, 0.8, 0.5, 0.0) == [0, 1, 2, 2]

    def test_log(self):
        # t = 5 ln(value / (value - 0.2)): 1.116, 2.554, 3.466, 5.493, 12.0; at 0.2 infinite
        encoder = Latency(PLAIN, steps=10, code="log", tau=5.0, threshold=0.2)
        assert self.steps_of(encoder, 1.0, 0.5, 0.4, 0.3, 0.22, 0.2, 0.19, 0.0) == [
            1,
            3,
            3,
            5,
            9,
            9,
            None,
            None,
        ]
        assert 5 * math.log(0.5 / 0.3) == pytest.approx(2.554, abs=1e-3)

    def test_log_by_default_ends_at_twice_the_threshold(self):
        # t = 6/ln 2 ln(value / (value - 0.1))
        encoder = Latency(PLAIN, steps=7, code="log", threshold=0.1)
        assert self.steps_of(encoder, 1.0, 0.4, 0.25, 0.2, 0.15) == [1, 2, 4, 6, 6]

    @pytest.mark.parametrize("code", ["linear", "log"])
    def test_one_step(self, code):
        assert self.steps_of(Latency(PLAIN, steps=1, code=code), 1.0, 0.5, 0.0) == [0, 0, None]

    @pytest.mark.parametrize("code", ["linear", "log"])
    def test_samples_are_independent(self, code):
        encoder, x = Latency(PLAIN, steps=8, code=code), values(4, 1, 2, 2)
        assert torch.equal(encoder(x)[:, 1:2], encoder(x[1:2]))
        assert encoder(x).shape == (8, 4, 1, 2, 2)
        assert encoder(x).dtype == torch.float32


def column(*numbers):
    """Return values `[1, 1, 1, n]`."""
    return torch.tensor(numbers, dtype=torch.float64).reshape(1, 1, 1, -1)


def rows(encoded):
    """Return the series of each value, from an input `[T, 1, C, 1, n]`."""
    return encoded[:, 0].flatten(1).T.tolist()


class TestPhase:
    def test_bits_by_hand(self):
        # 0.7 * 8 = 5.6, so 5 = 101; 1 is held at 7 = 111; 0.124 * 8 = 0.99, so 0
        x = column(0.7, 1.0, 0.25, 0.124, 0.0)
        bits = [[1, 0, 1], [1, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
        assert rows(Phase(PLAIN, steps=3, period=3, weighted=False)(x)) == bits
        weighted = [[0.5 * a, 0.25 * b, 0.125 * c] for a, b, c in bits]
        assert rows(Phase(PLAIN, steps=3, period=3)(x)) == weighted
        assert rows(Phase(PLAIN, steps=7, period=3)(x)) == [2 * w + w[:1] for w in weighted]
        assert rows(Phase(PLAIN, steps=2, period=3)(x)) == [w[:2] for w in weighted]

    def test_a_period_of_8_sends_8_bit_images_exactly(self):
        x = torch.arange(256).reshape(1, 1, 16, 16) / 255
        sums = Phase(PLAIN, steps=8)(x).sum(0)
        assert torch.equal(sums * 256, torch.arange(256.0).reshape(1, 1, 16, 16))

    @pytest.mark.parametrize("period", [1, 5, 16])
    def test_a_period_sums_up_to_the_value(self, period):
        x = values(4, 1, 2, 2).double()
        short = x - Phase(PLAIN, steps=period, period=period)(x).sum(0)
        assert short.min() >= 0
        assert short.max() < 2.0**-period


class TestBurst:
    def test_by_hand(self):
        # 1/4 a step: 1/8 goes, then 1/4, then 3/8 is less than 1/2, and a new burst begins
        encoded = Burst(PLAIN, steps=8)(column(0.25, 0.0, 1.0))
        assert rows(encoded) == [
            [0.125, 0.25, 0, 0.125, 0.25, 0.5, 0, 0.125],
            [0] * 8,
            [0.125, 0.25, 0.5, 1, 2, 0, 0.125, 0.25],
        ]

    def test_without_growth_it_is_a_rate_code(self):
        encoded = Burst(PLAIN, steps=8, beta=1.0, threshold=0.5)(column(0.25, 0.125))
        assert rows(encoded) == [[0, 0.5] * 4, [0, 0, 0, 0.5] * 2]

    def test_the_mean_current_comes_to_be_the_value(self):
        x = values(4, 1, 2, 2).double()
        error = [(Burst(PLAIN, steps=T)(x).mean(0) - x).abs().max().item() for T in (8, 64, 512)]
        assert error[0] > error[1] > error[2]
        assert error[2] < 0.03


class TestDelta:
    @staticmethod
    def series(*numbers, **parameters):
        """Return the events of one pixel over time, as `[T, C]`."""
        task = Task(input_shape=(1, 1, 1), classes=2, events=True)
        x = torch.tensor(numbers, dtype=torch.float64).reshape(1, -1, 1, 1, 1)
        return Delta(task, steps=len(numbers), **parameters)(x)[:, 0].flatten(1).tolist()

    def test_level_by_hand(self):
        # the level follows by 1/4 a step: 1/4, 1/2, 1/2, 1/4, 0, 0 (a fall of 1/8 only), 0
        events = self.series(0.5, 0.5, 0.5, 0.125, 0.0, 0.125, 0.0, threshold=0.25)
        assert events == [[1, 0], [1, 0], [0, 0], [0, 1], [0, 1], [0, 0], [0, 0]]

    def test_a_slow_drift_is_seen_by_level_only(self):
        drift = [i / 16 for i in range(8)]
        assert sum(on for on, _ in self.series(*drift, threshold=0.25)) == 1
        assert sum(on for on, _ in self.series(*drift, threshold=0.25, reference="previous")) == 0

    def test_previous_is_snntorchs_code(self):
        # the examples of its documentation, divided by 4
        parameters = {"threshold": 0.25, "reference": "previous"}
        assert self.series(0.25, 0.5, 0.725, 0.75, 0.975, **parameters, off="none") == [
            [1],
            [1],
            [0],
            [0],
            [0],
        ]
        events = self.series(0.25, 0.5, 0.0, 0.5, 0.725, **parameters, off="negative")
        assert events == [[1], [1], [-1], [1], [0]]

    def test_a_static_image_appears_at_the_first_step(self):
        x = column(0.0, 0.124, 0.125, 0.4, 1.0)
        encoder = Delta(PLAIN, steps=8, off="none")
        assert [sum(row) for row in rows(encoder(x))] == [0, 0, 1, 3, 8]
        assert rows(encoder(x))[3] == [1, 1, 1, 0, 0, 0, 0, 0]
        once = Delta(PLAIN, steps=8, off="none", reference="previous")
        assert rows(once(x))[2:] == [[1, 0, 0, 0, 0, 0, 0, 0]] * 3

    def test_off_events_have_channels_of_their_own(self):
        task = Task(input_shape=(2, 1, 1), classes=2, events=True)
        x = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).reshape(1, 2, 2, 1, 1)
        encoder = Delta(task, steps=2, threshold=0.5)
        assert encoder.output_shape == (4, 1, 1)
        assert encoder(x)[:, 0].flatten(1).tolist() == [[1, 0, 0, 0], [0, 1, 1, 0]]
        assert Delta(task, steps=2, off="none").output_shape == (2, 1, 1)

    def test_another_number_of_steps_is_refused(self):
        with pytest.raises(ContractError, match=r"has 5 time steps.*set to 4; set steps = 5"):
            Delta(EVENTS, steps=4)(values(3, 5, 2, 4, 4))


class TestPopulation:
    def test_receptive_fields_by_hand(self):
        # n = 4, beta = 2: centres -1/4, 1/4, 3/4, 5/4, width 1/4. At 1/4: distances 2, 0, 2, 4 widths
        encoder = Population(PLAIN, steps=3, neurons=4, beta=2.0)
        assert encoder.centres.tolist() == [-0.25, 0.25, 0.75, 1.25]
        encoded = encoder(column(0.25))
        assert is_static(encoded)
        expected = [math.exp(-2), 1, math.exp(-2), math.exp(-8)]
        assert encoded[0].flatten().tolist() == pytest.approx(expected, abs=1e-12)

    def test_the_neurons_of_a_channel_stand_together(self):
        task = Task(input_shape=(2, 1, 1), classes=2)
        encoder = Population(task, neurons=3)
        x = torch.tensor([0.25, 1.0]).reshape(1, 2, 1, 1)
        alone = Population(Task(input_shape=(1, 1, 1), classes=2), neurons=3)
        encoded = encoder(x)[0].flatten().tolist()
        assert encoded == [*alone(x[:, :1])[0].flatten().tolist(), *alone(x[:, 1:])[0].flatten().tolist()]
        assert encoder.output_shape == (6, 1, 1)

    def test_any_encoder_may_give_the_time_axis(self):
        registry = Registry.from_installed(quiet=True)
        x = values(3, 1, 2, 2)
        wide = Population(PLAIN, neurons=5).responses(x)
        task = Task(input_shape=(5, 2, 2), classes=10)
        for name, more in (("latency", {"threshold": 0.1}), ("poisson", {"rate": 0.5}), ("delta", {})):
            base = {"use": name, **more}
            encoder = registry.create("encoder", "population", PLAIN, steps=6, neurons=5, base=base)
            expected = registry.create("encoder", name, task, steps=6, **more)
            assert torch.equal(encoder(x, seeded(1)), expected(wide, seeded(1)))
            assert encoder.output_shape == expected.output_shape
        assert expected.output_shape == (10, 2, 2)

    def test_other_steps_of_the_base_are_refused(self):
        registry = Registry.from_installed(quiet=True)
        with pytest.raises(ParameterError, match="steps of the base must be those of the population, 4"):
            registry.create("encoder", "population", PLAIN, base={"use": "latency", "steps": 8})

    def test_normalisation_is_not_applied_to_responses(self):
        task = Task(input_shape=(1, 1, 1), classes=2, mean=(0.5,), std=(0.1,))
        assert Population(task, neurons=4, beta=2.0)(column(0.25)).max() == 1


@pytest.mark.parametrize("encoder", [Poisson, Latency, Phase, Burst, Population])
def test_static_encoders_refuse_events(encoder):
    with pytest.raises(ContractError, match="has one already; use the encoder 'direct'"):
        encoder(EVENTS)


@pytest.mark.parametrize(
    ("encoder", "parameters", "message"),
    [
        (Direct, {"steps": 0}, "steps must be at least 1, got 0"),
        (Poisson, {"rate": 1.5}, "rate must be above 0 and at most 1, got 1.5"),
        (Latency, {"code": "exp"}, "code must be one of 'linear', 'log', got 'exp'"),
        (Latency, {"tau": 0.0}, "tau must be above 0, got 0.0"),
        (Latency, {"threshold": 1.0}, "threshold must be at least 0 and below 1"),
        (Latency, {"threshold": 0.0, "code": "log"}, "threshold must be above 0 for the logarithmic code"),
        (Phase, {"period": 0}, "period must be at least 1 and at most 16, got 0"),
        (Burst, {"threshold": 0.0}, "threshold must be above 0, got 0.0"),
        (Burst, {"beta": 0.5}, "beta must be at least 1, got 0.5"),
        (Delta, {"threshold": -1.0}, "threshold must be above 0, got -1.0"),
        (Delta, {"reference": "first"}, "reference must be one of 'level', 'previous', got 'first'"),
        (Delta, {"off": "both"}, "off must be one of 'channels', 'negative', 'none', got 'both'"),
        (Population, {"neurons": 2}, "neurons must be at least 3, got 2"),
        (Population, {"beta": 0.0}, "beta must be above 0, got 0.0"),
    ],
)
def test_parameter_errors(encoder, parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        encoder(PLAIN, **parameters)


@pytest.mark.parametrize("name", ["direct", "poisson", "latency", "phase", "burst", "delta", "population"])
def test_registered(name):
    registry = Registry.from_installed(quiet=True)
    encoder = registry.create("encoder", f"snnplug-encoders:{name}", PLAIN, steps=3)
    assert isinstance(encoder, Encoder)
    assert encoder.output_shape == {"delta": (2, 2, 2), "population": (8, 2, 2)}.get(name, (1, 2, 2))
    x = values(2, 1, 2, 2)
    repeatable = torch.equal(encoder(x, seeded(0)), encoder(x, seeded(1)))
    assert registry.find("encoder", name).spec.stochastic == (not repeatable)
    with pytest.raises(ParameterError, match="unknown parameter"):
        registry.create("encoder", name, PLAIN, step=3)
