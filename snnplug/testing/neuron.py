"""Conformance of neurons."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.registry.component import Component
from snnplug.registry.registration import Registration
from snnplug.testing.close import check_close
from snnplug.testing.neuron_module import SHAPES, NeuronModuleConformance, gradients, trainable
from snnplug.testing.stepping import step_loop

__all__ = ["NeuronConformance"]


class NeuronConformance(NeuronModuleConformance):
    """Checks of a neuron: current `[T, B, *]` to spikes `[T, B, *]`.

        class TestMyLIF(NeuronConformance):
            name = "acme-neurons:my_lif"
            params = [{}, {"tau": 4.0}]

    Attributes:
        steps: number of time steps T of the input; a windowed neuron may need its own.
        scale: size of the input; large enough that the neuron spikes now and then.
        silent_without_input: an input of zeros causes no spike.
        compiles: `torch.compile(fullgraph=True)` accepts it.

    Override `current` where the neuron needs another input than noise.
    """

    # what it is

    def test_spec_says_what_it_is(self, registration: Registration) -> None:
        """The spec's `windowed`, `graded` and `analog` are those of the class, and it names its source."""
        neuron, spec = registration.load(), registration.spec
        for fact in ("windowed", "graded", "analog"):
            said, is_so = getattr(spec, fact), getattr(neuron, fact)
            assert said == is_so, (
                f"the class has {fact} = {is_so}, its NeuronSpec says {fact}={said}; set both alike, in the "
                "class and in plugin.py"
            )
        assert spec.reference, "NeuronSpec.reference is empty; name the paper, arXiv number or DOI"

    # output

    @pytest.mark.parametrize("shape", SHAPES, ids=("BN", "BCHW"))
    def test_output_has_the_shape_of_the_input(self, component: Component, shape: tuple[int, ...]) -> None:
        """Current `[T, B, *]` gives spikes `[T, B, *]`."""
        x = self.current(shape)
        spikes = self.build(component, x)(x)
        assert spikes.shape == x.shape, (
            f"a current {list(x.shape)} [T, B, *] must give spikes of that shape, got {list(spikes.shape)}; "
            "`step` returns one value for each value of its input"
        )

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=("float32", "float64"))
    def test_type_is_kept(self, component: Component, dtype: torch.dtype) -> None:
        """Spikes have the floating-point type of the current."""
        x = self.current().to(dtype)
        found = self.build(component, x)(x).dtype
        assert found == dtype, (
            f"a current in {dtype} must give spikes in {dtype}, got {found}; make new tensors in the type of "
            "the input, as torch.zeros_like(x) does, and register constants as buffers"
        )

    def test_spikes_are_binary(self, component: Component) -> None:
        """Spikes are 0 or 1, unless the neuron is declared graded or analog; some input causes some."""
        x = self.current()
        neuron = self.build(component, x)
        spikes = neuron(x)
        assert torch.isfinite(spikes).all(), f"spikes must be finite, got {_some(spikes[~spikes.isfinite()])}"
        assert spikes.any(), (
            f"the test input (scale = {self.scale}, steps = {self.steps}) caused no spike, which proves "
            "nothing; set a larger `scale` or more `steps` in the test class"
        )
        if not (neuron.graded or neuron.analog):
            others = spikes[(spikes != 0) & (spikes != 1)]
            assert not others.numel(), (
                f"spikes must be 0 or 1, got {_some(others)}; if they carry values, set graded = True in the "
                "class and in its NeuronSpec, or analog = True where it sends no spikes at all"
            )

    def test_zero_input_stays_silent(self, component: Component) -> None:
        """No input, no spike."""
        if not self.silent_without_input:
            pytest.skip("declared to spike without input")
        x = torch.zeros_like(self.current())
        count = int(self.build(component, x)(x).count_nonzero())
        assert not count, (
            f"an input of zeros caused {count} spikes; if the neuron means to spike without input, set "
            "silent_without_input = False in the test class"
        )

    # memory

    def test_calls_leave_nothing_behind(self, component: Component) -> None:
        """The same input gives the same spikes, whatever came between."""
        x = self.current()
        neuron = self.build(component, x)
        first = neuron(x)
        neuron(self.current(seed=1))
        check_close(
            neuron(x),
            first,
            "the same input must give the same spikes whatever came between; keep all that changes in the "
            "state that `initial_state` makes and `step` returns, nothing on self",
            exact=True,
        )

    def test_batch_size_may_change(self, component: Component) -> None:
        """A larger or smaller batch between two calls is no event."""
        x = self.current()
        neuron = self.build(component, x)
        check_close(
            neuron(x[:, :1]),
            neuron(x)[:, :1],
            "one sample alone must give what it gives in a batch; compute nothing over the batch axis",
        )
        samples, found = 2 * x.shape[1], neuron(torch.cat([x, x], dim=1)).shape[1]
        assert found == samples, (
            f"after a batch of {x.shape[1]} samples one of {samples} gives spikes of {found}; make the state "
            "from the input of each call, in `initial_state`"
        )

    def test_samples_are_independent(self, component: Component) -> None:
        """The spikes of a sample do not depend on the others in its batch."""
        x, other = self.current(), self.current(seed=1)
        neuron = self.build(component, x)
        mixed = torch.cat([x[:, :1], other[:, 1:]], dim=1)
        check_close(
            neuron(mixed)[:, 0],
            neuron(x)[:, 0],
            "the spikes of a sample must not depend on the others in its batch; compute nothing over the "
            "batch axis",
        )

    # step by step

    def test_step_loop_equals_sequence(self, component: Component) -> None:
        """`forward` gives what the loop of `step` gives."""
        x = self.current()
        neuron = self.causal(component, x)
        check_close(
            neuron(x),
            step_loop(neuron, x)[0],
            "`sequence` must give what the loop of `step` gives; mend one of them, or leave `sequence` out",
        )

    def test_stream_equals_whole(self, component: Component) -> None:
        """A sequence in two parts, the state handed on, gives what it gives at once."""
        x = self.current()
        neuron = self.causal(component, x)
        state, parts = neuron.initial_state(x[0]), []
        for part in (x[:1], x[1:]):
            spikes, state = neuron(part, state)
            parts.append(spikes)
        check_close(
            torch.cat(parts),
            neuron(x),
            "a sequence in two parts must give what it gives at once; `sequence` must begin with the state "
            "it is given and return the one after the last step, with all that the neuron remembers",
        )

    def test_state_begins_with_the_membrane_potential(self, component: Component) -> None:
        """The state is a NamedTuple whose first field is `v`, one value per neuron and sample."""
        x = self.current()
        state = self.causal(component, x).initial_state(x[0])
        fields = getattr(state, "_fields", ())
        assert fields[:1] == ("v",), (
            "the state must be a NamedTuple whose first field is v, the membrane potential; `initial_state` "
            f"returns {type(state).__name__} with the fields {list(fields)}"
        )
        assert state.v.shape == x[0].shape, (
            f"v must have a value for each neuron and sample, {list(x[0].shape)}, got {list(state.v.shape)}; "
            "expand what is the same for all samples, as torch.Tensor.expand_as does"
        )

    def test_windowed_neuron_refuses_step(self, component: Component) -> None:
        """A neuron that needs the whole window says so rather than give a wrong answer."""
        x = self.current()
        neuron = self.build(component, x)
        if not neuron.windowed:
            pytest.skip("runs step by step")
        state = neuron.initial_state(x[0])
        for way, arguments in (("step", (x[0], state)), ("forward", (x, state))):
            try:
                getattr(neuron, way)(*arguments)
            except ContractError:
                continue
            pytest.fail(
                f"`{way}` with a state must raise ContractError, as the neuron is declared windowed; leave "
                "`step` and `forward` to SpikingNeuron, or set windowed = False"
            )

    # gradient

    def test_input_gets_a_gradient(self, component: Component) -> None:
        """The gradient of the spikes with respect to the current is finite and not zero."""
        x = self.current().requires_grad_()
        (gradient, *_) = gradients(self.build(component, x.detach()), x)
        assert torch.isfinite(gradient).all(), (
            f"the gradient of the spikes with respect to the current must be finite, got "
            f"{_some(gradient[~gradient.isfinite()])}; look for roots, logarithms and divisions at 0"
        )
        assert gradient.any(), (
            "the gradient of the spikes with respect to the current is zero throughout, so nothing before "
            "this neuron learns; make spikes by snnplug.nn.spike(v - threshold, surrogate), and detach "
            "nothing but the reset"
        )

    def test_parameters_get_a_gradient(self, component: Component) -> None:
        """The gradient with respect to every parameter is finite."""
        x = self.current().requires_grad_()
        neuron = self.build(component, x.detach())
        for (name, _), gradient in zip(trainable(neuron), gradients(neuron, x)[1:], strict=True):
            assert torch.isfinite(gradient).all(), (
                f"the gradient of the parameter {name} must be finite, got "
                f"{_some(gradient[~gradient.isfinite()])}"
            )

    def test_gradient_of_step_loop_equals_that_of_sequence(self, component: Component) -> None:
        """Both ways of running it train alike."""
        x = self.current().requires_grad_()
        neuron = self.causal(component, x.detach())
        check_close(
            gradients(neuron, x),
            gradients(neuron, x, by_step=True),
            "`sequence` must have the gradients of the loop of `step`: the same surrogate, and the same "
            "detached",
        )


def _some(values: Tensor) -> str:
    """Return the first few values as text."""
    shown = ", ".join(f"{value:g}" for value in values.flatten()[:3].tolist())
    return f"{shown}, ..." if values.numel() > 3 else shown
