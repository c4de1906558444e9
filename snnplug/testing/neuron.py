"""Conformance of neurons."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, as_neuron, is_materialized, materialize, record, seeded
from snnplug.nn.time import TimeModule, TimeSequential
from snnplug.registry.component import Component
from snnplug.registry.registration import Registration
from snnplug.testing.base import Conformance
from snnplug.testing.stepping import step_loop

__all__ = ["NeuronConformance"]

SHAPES = ((3, 5), (3, 2, 4, 4))  # [B, N] and [B, C, H, W]


class NeuronConformance(Conformance):
    """Checks of a neuron: current `[T, B, *]` to spikes `[T, B, *]`.

        class TestMyLIF(NeuronConformance):
            name = "acme-neurons:my_lif"
            params = [{}, {"tau": 4.0}]

    Attributes:
        steps: number of time steps T of the input; a windowed neuron may need its own.
        scale: size of the input; large enough that the neuron spikes now and then.
        silent_without_input: an input of zeros causes no spike.
        compiles: `torch.compile(fullgraph=True)` accepts it.
    """

    kind = "neuron"
    steps: ClassVar[int] = 4
    scale: ClassVar[float] = 1.5
    silent_without_input: ClassVar[bool] = True
    compiles: ClassVar[bool] = True

    def current(self, shape: tuple[int, ...] = SHAPES[0], seed: int = 0) -> Tensor:
        """Return an input `[T, *shape]` in float64; override it where the neuron needs another."""
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(self.steps, *shape, generator=generator, dtype=torch.float64)
        return self.scale * (x + 0.5)

    def build(self, component: Component, x: Tensor, seed: int = 0) -> SpikingNeuron:
        """Return the neuron with parameters that fit `x`, in the type of `x`."""
        with seeded(seed):
            neuron = as_neuron(component)
            materialize(neuron, x)
        return neuron.to(x.dtype)

    # what it is

    def test_spec_says_what_it_is(self, registration: Registration) -> None:
        """The spec's `windowed`, `graded` and `analog` are those of the class, and it names its source."""
        neuron = registration.load()
        assert registration.spec.windowed == neuron.windowed  # type: ignore[attr-defined]
        assert registration.spec.graded == neuron.graded  # type: ignore[attr-defined]
        assert registration.spec.analog == neuron.analog  # type: ignore[attr-defined]
        assert registration.spec.reference, (
            "NeuronSpec.reference is empty; name the paper, arXiv number or DOI"
        )

    # output

    @pytest.mark.parametrize("shape", SHAPES, ids=("BN", "BCHW"))
    def test_output_has_the_shape_of_the_input(self, component: Component, shape: tuple[int, ...]) -> None:
        """Current `[T, B, *]` gives spikes `[T, B, *]`."""
        x = self.current(shape)
        assert self.build(component, x)(x).shape == x.shape

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=("float32", "float64"))
    def test_type_is_kept(self, component: Component, dtype: torch.dtype) -> None:
        """Spikes have the floating-point type of the current."""
        x = self.current().to(dtype)
        assert self.build(component, x)(x).dtype == dtype

    def test_spikes_are_binary(self, component: Component) -> None:
        """Spikes are 0 or 1, unless the neuron is declared graded or analog; some input causes some."""
        x = self.current()
        neuron = self.build(component, x)
        spikes = neuron(x)
        assert torch.isfinite(spikes).all()
        assert spikes.any(), "the test input caused no spike, which proves nothing; raise `scale`"
        if not (neuron.graded or neuron.analog):
            assert ((spikes == 0) | (spikes == 1)).all()

    def test_zero_input_stays_silent(self, component: Component) -> None:
        """No input, no spike."""
        if not self.silent_without_input:
            pytest.skip("declared to spike without input")
        x = torch.zeros_like(self.current())
        assert not self.build(component, x)(x).any()

    # memory

    def test_calls_leave_nothing_behind(self, component: Component) -> None:
        """The same input gives the same spikes, whatever came between."""
        x = self.current()
        neuron = self.build(component, x)
        first = neuron(x)
        neuron(self.current(seed=1))
        assert_close(neuron(x), first, rtol=0, atol=0)

    def test_batch_size_may_change(self, component: Component) -> None:
        """A larger or smaller batch between two calls is no event."""
        x = self.current()
        neuron = self.build(component, x)
        assert_close(neuron(x[:, :1]), neuron(x)[:, :1])
        assert neuron(torch.cat([x, x], dim=1)).shape[1] == 2 * x.shape[1]

    def test_samples_are_independent(self, component: Component) -> None:
        """The spikes of a sample do not depend on the others in its batch."""
        x, other = self.current(), self.current(seed=1)
        neuron = self.build(component, x)
        mixed = torch.cat([x[:, :1], other[:, 1:]], dim=1)
        assert_close(neuron(mixed)[:, 0], neuron(x)[:, 0])

    # step by step

    def test_step_loop_equals_sequence(self, component: Component) -> None:
        """`forward` gives what the loop of `step` gives."""
        x = self.current()
        neuron = self.causal(component, x)
        assert_close(step_loop(neuron, x)[0], neuron(x))

    def test_stream_equals_whole(self, component: Component) -> None:
        """A sequence in two parts, the state handed on, gives what it gives at once."""
        x = self.current()
        neuron = self.causal(component, x)
        state, parts = neuron.initial_state(x[0]), []
        for part in (x[:1], x[1:]):
            spikes, state = neuron(part, state)
            parts.append(spikes)
        assert_close(torch.cat(parts), neuron(x))

    def test_state_begins_with_the_membrane_potential(self, component: Component) -> None:
        """The state is a NamedTuple whose first field is `v`, one value per neuron and sample."""
        x = self.current()
        state = self.causal(component, x).initial_state(x[0])
        assert state._fields[0] == "v"
        assert state.v.shape == x[0].shape

    def test_windowed_neuron_refuses_step(self, component: Component) -> None:
        """A neuron that needs the whole window says so rather than give a wrong answer."""
        x = self.current()
        neuron = self.build(component, x)
        if not neuron.windowed:
            pytest.skip("runs step by step")
        state = neuron.initial_state(x[0])
        with pytest.raises(ContractError):
            neuron.step(x[0], state)
        with pytest.raises(ContractError):
            neuron(x, state)

    def causal(self, component: Component, x: Tensor) -> SpikingNeuron:
        """Return the neuron, or skip the check if it has no `step`."""
        neuron = self.build(component, x)
        if neuron.windowed:
            pytest.skip("windowed: needs all steps at once")
        return neuron

    # gradient

    def test_input_gets_a_gradient(self, component: Component) -> None:
        """The gradient of the spikes with respect to the current is finite and not zero."""
        x = self.current().requires_grad_()
        (gradient, *_) = _gradients(self.build(component, x.detach()), x)
        assert torch.isfinite(gradient).all()
        assert gradient.any()

    def test_parameters_get_a_gradient(self, component: Component) -> None:
        """The gradient with respect to every parameter is finite."""
        x = self.current().requires_grad_()
        neuron = self.build(component, x.detach())
        for (name, _), gradient in zip(_trainable(neuron), _gradients(neuron, x)[1:], strict=True):
            assert torch.isfinite(gradient).all(), name

    def test_gradient_of_step_loop_equals_that_of_sequence(self, component: Component) -> None:
        """Both ways of running it train alike."""
        x = self.current().requires_grad_()
        neuron = self.causal(component, x.detach())
        assert_close(_gradients(neuron, x, by_step=True), _gradients(neuron, x))

    # as a module

    def test_every_parameter_gets_a_shape(self, component: Component) -> None:
        """One dry forward materialises every parameter."""
        x = self.current()
        neuron = as_neuron(component)
        materialize(neuron, x.float())
        assert is_materialized(neuron)

    def test_state_dict_round_trip(self, component: Component) -> None:
        """A fresh neuron that loads a checkpoint is the one that was saved."""
        x = self.current()
        neuron = self.build(component, x)
        with torch.no_grad():
            for _, parameter in _trainable(neuron):
                parameter.add_(0.01)
        file = io.BytesIO()
        torch.save(neuron.state_dict(), file)
        file.seek(0)
        with seeded(1):
            fresh = as_neuron(component).to(x.dtype)
        fresh.load_state_dict(torch.load(file, weights_only=True))
        assert is_materialized(fresh)
        assert_close(fresh.state_dict(), neuron.state_dict(), rtol=0, atol=0)
        assert_close(fresh(x), neuron(x))

    @pytest.mark.parametrize("way", ["deepcopy", "pickle"])
    def test_copy_equals_original(self, component: Component, way: str) -> None:
        """Copies behave like the original."""
        x = self.current()
        neuron = self.build(component, x)
        twin = copy.deepcopy(neuron) if way == "deepcopy" else pickle.loads(pickle.dumps(neuron))
        assert_close(twin(x), neuron(x))

    @pytest.mark.parametrize("way", ["forward", "step"])
    def test_next_layer_multiplies_analog_values(self, component: Component, way: str) -> None:
        """What an analog neuron sends makes no synaptic operation, not even zeros or ones."""
        x = torch.ones_like(self.current())
        neuron = self.build(component, x) if way == "forward" else self.causal(component, x)
        if not neuron.analog:
            pytest.skip("sends spikes")
        model = TimeSequential(_Model(neuron, by_step=way == "step"), nn.Linear(x.shape[-1], 2).to(x.dtype))
        with record(model) as activity:
            model(x), model(torch.zeros_like(x))
        (layer,) = activity.synapses.values()
        assert layer.analog
        assert layer.macs == 2 * x[..., 0].numel() * 2 * x.shape[-1]

    @pytest.mark.parametrize("way", ["forward", "step"])
    def test_recorder_sees_each_spike_once(self, component: Component, way: str) -> None:
        """`record` counts the output once, through `forward` and through `step`; none if it is analog."""
        x = self.current()
        neuron = self.build(component, x) if way == "forward" else self.causal(component, x)
        model = _Model(neuron, by_step=way == "step")
        with record(model) as activity:
            spikes = model(x)
        if neuron.analog:
            assert not activity.neurons
            return
        (layer,) = activity.neurons.values()
        assert sum(layer.spikes) == spikes.count_nonzero()
        assert layer.updates == spikes.numel()

    def test_torch_compile_accepts_it(self, component: Component) -> None:
        """It compiles without a break in the graph, and the result is the same."""
        if not self.compiles:
            pytest.skip("declared not to compile")
        x = self.current()
        neuron = self.build(component, x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler warns of is not the neuron's affair
            torch.compiler.reset()
            compiled = torch.compile(neuron, fullgraph=True, backend="aot_eager")
            assert_close(compiled(x), neuron(x))

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda_equals_cpu(self, component: Component) -> None:
        """Spikes and gradients are the same on both devices."""
        x = self.current().requires_grad_()
        neuron = self.build(component, x.detach())
        expected, spikes = _gradients(neuron, x), neuron(x)
        there = x.detach().cuda().requires_grad_()
        neuron = neuron.cuda()
        assert_close(neuron(there).cpu(), spikes)
        assert_close([gradient.cpu() for gradient in _gradients(neuron, there)], expected)


def _trainable(neuron: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that are trained, by name."""
    return [(name, parameter) for name, parameter in neuron.named_parameters() if parameter.requires_grad]


def _gradients(neuron: SpikingNeuron, x: Tensor, *, by_step: bool = False) -> list[Tensor]:
    """Return the gradients of a weighted sum of the spikes: of the input, then of each parameter."""
    spikes = step_loop(neuron, x)[0] if by_step else neuron(x)
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(spikes.shape, generator=generator, dtype=torch.float64).to(spikes)
    wanted = [x, *(parameter for _, parameter in _trainable(neuron))]
    found = torch.autograd.grad((spikes * weights).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)]


class _Model(TimeModule):
    def __init__(self, neuron: SpikingNeuron, *, by_step: bool) -> None:
        super().__init__()
        self.neuron, self.by_step = neuron, by_step

    def forward(self, x: Tensor) -> Any:
        return step_loop(self.neuron, x)[0] if self.by_step else self.neuron(x)
