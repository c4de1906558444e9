"""Conformance of neurons as modules: parameters, checkpoints, copies, the recorder, the compiler, devices."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, as_neuron, is_materialized, materialize, record, seeded
from snnplug.nn.time import TimeModule, TimeSequential
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.close import check_close
from snnplug.testing.stepping import step_loop

__all__ = ["SHAPES", "NeuronModuleConformance", "gradients", "trainable"]

SHAPES = ((3, 5), (3, 2, 4, 4))  # [B, N] and [B, C, H, W]


class NeuronModuleConformance(Conformance):
    """The part of `NeuronConformance` that is about modules, and what it is tested with."""

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

    def causal(self, component: Component, x: Tensor) -> SpikingNeuron:
        """Return the neuron, or skip the check if it has no `step`."""
        neuron = self.build(component, x)
        if neuron.windowed:
            pytest.skip("windowed: needs all steps at once")
        return neuron

    def test_every_parameter_gets_a_shape(self, component: Component) -> None:
        """One dry forward materialises every parameter."""
        x = self.current()
        neuron = as_neuron(component)
        materialize(neuron, x.float())
        assert is_materialized(neuron), (
            "after one forward pass some parameter has no shape yet; give an UninitializedParameter its "
            "shape in `initial_state`, by parameter.materialize(x.shape[1:])"
        )

    def test_state_dict_round_trip(self, component: Component) -> None:
        """A fresh neuron that loads a checkpoint is the one that was saved."""
        x = self.current()
        neuron = self.build(component, x)
        with torch.no_grad():
            for _, parameter in trainable(neuron):
                parameter.add_(0.01)
        file = io.BytesIO()
        torch.save(neuron.state_dict(), file)
        file.seek(0)
        with seeded(1):
            fresh = as_neuron(component).to(x.dtype)
        fresh.load_state_dict(torch.load(file, weights_only=True))
        assert is_materialized(fresh), (
            "a parameter has no shape after the checkpoint was loaded into a fresh neuron"
        )
        check_close(
            fresh.state_dict(), neuron.state_dict(), "the checkpoint does not come back as saved", exact=True
        )
        check_close(
            fresh(x),
            neuron(x),
            "a fresh neuron that loads a checkpoint must give the same spikes; register what is drawn or "
            "learned as a parameter or a persistent buffer",
        )

    @pytest.mark.parametrize("way", ["deepcopy", "pickle"])
    def test_copy_equals_original(self, component: Component, way: str) -> None:
        """Copies behave like the original."""
        x = self.current()
        neuron = self.build(component, x)
        twin = copy.deepcopy(neuron) if way == "deepcopy" else pickle.loads(pickle.dumps(neuron))
        check_close(twin(x), neuron(x), f"a copy by {way} must give the same spikes")

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
        macs = 2 * x[..., 0].numel() * 2 * x.shape[-1]
        assert layer.analog, "the layer behind an analog neuron was counted as if it got spikes"
        assert layer.macs == macs, (
            f"the layer behind an analog neuron must be billed {macs} multiply-accumulates, got {layer.macs}"
        )

    @pytest.mark.parametrize("way", ["forward", "step"])
    def test_recorder_sees_each_spike_once(self, component: Component, way: str) -> None:
        """`record` counts the output once, through `forward` and through `step`; none if it is analog."""
        x = self.current()
        neuron = self.build(component, x) if way == "forward" else self.causal(component, x)
        model = _Model(neuron, by_step=way == "step")
        with record(model) as activity:
            spikes = model(x)
        if neuron.analog:
            assert not activity.neurons, f"an analog neuron was counted as {list(activity.neurons)}"
            return
        assert len(activity.neurons) == 1, (
            f"the recorder must see one layer of neurons, got {list(activity.neurons)}; a neuron around "
            "another one calls its methods, so that the outer one alone is counted"
        )
        (layer,) = activity.neurons.values()
        assert sum(layer.spikes) == spikes.count_nonzero(), (
            f"{int(spikes.count_nonzero())} spikes were sent through `{way}`, and {sum(layer.spikes):g} "
            "counted; where a value stands for more than one spike, write `spike_counts(spikes)` "
            "(snnplug.nn.SpikeCounts)"
        )
        assert layer.updates == spikes.numel(), (
            f"{spikes.numel()} updates were made through `{way}`, and {layer.updates} counted"
        )

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
            try:
                found = compiled(x)
            except torch._dynamo.exc.TorchDynamoException as error:
                reason = str(error).strip().splitlines()[0]
                pytest.fail(
                    f"torch.compile(fullgraph=True) refuses it: {reason}. Decide nothing in Python by the "
                    "values of tensors; or set compiles = False in the test class"
                )
            check_close(found, neuron(x), "compiled it must give the same spikes; or set compiles = False")

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda_equals_cpu(self, component: Component) -> None:
        """Spikes and gradients are the same on both devices."""
        x = self.current().requires_grad_()
        neuron = self.build(component, x.detach())
        expected, spikes = gradients(neuron, x), neuron(x)
        there = x.detach().cuda().requires_grad_()
        neuron = neuron.cuda()
        check_close(neuron(there).cpu(), spikes, "spikes must be the same on CUDA as on the CPU")
        found = [gradient.cpu() for gradient in gradients(neuron, there)]
        check_close(found, expected, "gradients must be the same on CUDA as on the CPU")


def trainable(neuron: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that are trained, by name."""
    return [(name, parameter) for name, parameter in neuron.named_parameters() if parameter.requires_grad]


def gradients(neuron: SpikingNeuron, x: Tensor, *, by_step: bool = False) -> list[Tensor]:
    """Return the gradients of a weighted sum of the spikes: of the input, then of each parameter."""
    spikes = step_loop(neuron, x)[0] if by_step else neuron(x)
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(spikes.shape, generator=generator, dtype=torch.float64).to(spikes)
    wanted = [x, *(parameter for _, parameter in trainable(neuron))]
    found = torch.autograd.grad((spikes * weights).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found, strict=True)]


class _Model(TimeModule):
    def __init__(self, neuron: SpikingNeuron, *, by_step: bool) -> None:
        super().__init__()
        self.neuron, self.by_step = neuron, by_step

    def forward(self, x: Tensor) -> Any:
        return step_loop(self.neuron, x)[0] if self.by_step else self.neuron(x)
