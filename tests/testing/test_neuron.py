"""The conformance kit accepts good neurons and says what is wrong with bad ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug import Component, NeuronSpec, Registry
from snnplug.nn import MembraneState, SpikingNeuron, spike
from snnplug.testing import NeuronConformance
from snnplug.testing.candidates import TinyNeuron, TinyStart


class Window(SpikingNeuron):
    """Spikes where the mean over the window so far and to come is above the threshold."""

    windowed = True

    def sequence(self, x, state):
        return spike(0.5 * x + 0.5 * x.mean(0) - 0.5), state


class Graded(SpikingNeuron):
    """Emits how far it is above the threshold."""

    graded = True

    def step(self, x, state):
        v = 0.5 * state.v + x
        s = v.relu()
        return s, MembraneState(v - s)


GOOD = {
    "tiny": (TinyNeuron, {}),
    "tiny_start": (TinyStart, {}),
    "window": (Window, {"windowed": True}),
    "graded": (Graded, {"graded": True}),
}


@pytest.fixture(scope="module")
def installed_registry() -> Registry:
    registry = Registry()
    for name, (target, facts) in GOOD.items():
        spec = NeuronSpec(name=name, target=target, summary="For tests.", reference="here", **facts)
        registry.register(spec)
    return registry


class TestTiny(NeuronConformance):
    name = "local:tiny"
    params = ({}, {"leak": 1.0})


class TestTinyStart(NeuronConformance):
    name = "tiny_start"


class TestWindow(NeuronConformance):
    name = "window"


class TestGraded(NeuronConformance):
    name = "graded"


# deliberately broken ones: each must fail the check named for what it breaks


class Remembers(TinyNeuron):
    """Keeps its potential between calls."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Tensor | None = None

    def initial_state(self, x):
        kept = self.kept
        return MembraneState(kept if kept is not None and kept.shape == x.shape else torch.zeros_like(x))

    def sequence(self, x, state):
        spikes, state = super().sequence(x, state)
        self.kept = state.v.detach()
        return spikes, state


class FailsOnOtherBatch(Remembers):
    """Keeps its potential, whatever the size of the next batch."""

    def initial_state(self, x):
        return MembraneState(x * 0 + self.kept if self.kept is not None else torch.zeros_like(x))


class FastButWrong(TinyNeuron):
    """Its sequence forgets the leak."""

    def sequence(self, x, state):
        v, spikes = state.v, []
        for current in x:
            v = v + current
            s = spike(v - 0.3)
            v = v - 0.3 * s
            spikes.append(s)
        return torch.stack(spikes), MembraneState(v)


class LosesState(TinyNeuron):
    """Its sequence returns the state it was given."""

    def sequence(self, x, state):
        return super().sequence(x, state)[0], state


class OtherGradient(TinyNeuron):
    """Its sequence has another surrogate than its step."""

    def sequence(self, x, state):
        spikes = []
        for current in x:
            v = self.leak * state.v + current
            s = spike(v - 0.3, "triangle")
            state = MembraneState(v - 0.3 * s)
            spikes.append(s)
        return torch.stack(spikes), state


class SinglePrecision(TinyNeuron):
    """Casts to float32."""

    def step(self, x, state):
        return super().step(x.float(), MembraneState(state.v.float()))


class MixesBatch(TinyNeuron):
    """Normalises over the batch."""

    def step(self, x, state):
        return super().step(x - x.mean(0, keepdim=True), state)


class NoGradient(TinyNeuron):
    """Has no surrogate."""

    def step(self, x, state):
        v = self.leak * state.v + x
        s = (v >= 0.3).to(x.dtype) + 0 * v
        return s, MembraneState(v - 0.3 * s.detach())


class InfiniteGradient(TinyNeuron):
    """Takes a square root at zero."""

    def step(self, x, state):
        return super().step(x + (x - x).sqrt(), state)


class Undeclared(Graded):
    """Does not say that its spikes carry values."""

    graded = False


class Restless(TinyNeuron):
    """Spikes without input."""

    def step(self, x, state):
        return super().step(x + 1, state)


class Silent(TinyNeuron):
    """Never spikes."""

    def step(self, x, state):
        return super().step(x.clamp(max=0), state)


class NotInStateDict(TinyNeuron):
    """Has a drawn constant that a checkpoint does not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("offset", torch.rand(()) - 0.5, persistent=False)

    def step(self, x, state):
        return super().step(x + self.offset, state)


class NeverShaped(TinyNeuron):
    """Has a parameter that nothing gives a shape."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.UninitializedParameter()


class HalfWindowed(Window):
    """Declared windowed, but steps all the same, and wrongly."""

    def step(self, x, state):
        return spike(x - 0.5), state


class Reduces(TinyNeuron):
    """Sums over its neurons."""

    def step(self, x, state):
        return super().step(x.sum(-1, keepdim=True), MembraneState(state.v[..., :1]))


class BreaksGraph(TinyNeuron):
    """Looks at its values in Python."""

    def step(self, x, state):
        return super().step(x * 1 if float(x.detach().sum()) > 0 else x, state)


def broken(neuron: type[SpikingNeuron]) -> Component:
    registry = Registry()
    registry.register(NeuronSpec(name="broken", target=neuron, summary="Broken on purpose."))
    return registry.use("neuron", "broken")


CASES = [
    (Remembers, "calls_leave_nothing_behind", {}),
    (FastButWrong, "step_loop_equals_sequence", {}),
    (LosesState, "stream_equals_whole", {}),
    (OtherGradient, "gradient_of_step_loop_equals_that_of_sequence", {}),
    (SinglePrecision, "type_is_kept", {"dtype": torch.float64}),
    (MixesBatch, "samples_are_independent", {}),
    (MixesBatch, "batch_size_may_change", {}),
    (NoGradient, "input_gets_a_gradient", {}),
    (InfiniteGradient, "input_gets_a_gradient", {}),
    (Undeclared, "spikes_are_binary", {}),
    (Silent, "spikes_are_binary", {}),
    (Restless, "zero_input_stays_silent", {}),
    (NotInStateDict, "state_dict_round_trip", {}),
    (Reduces, "output_has_the_shape_of_the_input", {"shape": (3, 5)}),
]


@pytest.mark.parametrize(
    ("neuron", "check", "arguments"), CASES, ids=lambda case: getattr(case, "__name__", None)
)
def test_broken_neuron_fails_its_check(neuron, check, arguments) -> None:
    with pytest.raises(AssertionError):
        getattr(NeuronConformance(), f"test_{check}")(broken(neuron), **arguments)


def test_broken_neuron_passes_the_checks_it_does_not_break() -> None:
    kit, component = NeuronConformance(), broken(FastButWrong)
    kit.test_calls_leave_nothing_behind(component)
    kit.test_samples_are_independent(component)
    kit.test_input_gets_a_gradient(component)


def test_state_tied_to_the_batch_is_caught() -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        NeuronConformance().test_batch_size_may_change(broken(FailsOnOtherBatch))


def test_parameter_without_a_shape_is_named() -> None:
    with pytest.raises(Exception, match="start"):
        NeuronConformance().test_every_parameter_gets_a_shape(broken(NeverShaped))


def test_windowed_neuron_that_steps_is_caught() -> None:
    with pytest.raises(pytest.fail.Exception):
        NeuronConformance().test_windowed_neuron_refuses_step(broken(HalfWindowed))


def test_break_in_the_graph_is_caught() -> None:
    with pytest.raises(pytest.fail.Exception, match="set compiles = False in the test class"):
        NeuronConformance().test_torch_compile_accepts_it(broken(BreaksGraph))


def test_wrong_fact_in_the_spec_is_caught() -> None:
    registry = Registry()
    spec = NeuronSpec(name="wrong", target=Graded, summary="Says nothing of its values.", reference="here")
    with pytest.raises(AssertionError):
        NeuronConformance().test_spec_says_what_it_is(registry.register(spec))
