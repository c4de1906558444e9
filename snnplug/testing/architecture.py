"""Conformance of architectures."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from snnplug.contracts import Task
from snnplug.nn import explaining_time, is_materialized, materialize, record, seeded
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import tiny_neuron
from snnplug.testing.close import check_close
from snnplug.testing.stepping import check_stream

__all__ = ["ArchitectureConformance"]

NEURONS = {
    "leaky": tiny_neuron(),
    "non-leaky": tiny_neuron(leak=1.0),
    "learnable-start": tiny_neuron(learnable_start=True),
}


class ArchitectureConformance(Conformance):
    """Checks of an architecture: input `[T, B, C, H, W]` to outputs `[T, B, K]`, with any neuron.

        class TestVGG(ArchitectureConformance):
            name = "acme-models:vgg9"
            params = [{"width": 8}]
            task = Task(input_shape=(3, 32, 32), classes=10, steps=2)

    Attributes:
        task: what the network is built for.
        samples: batch size B.
        spiking: it has neurons; a network for comparison or conversion has none.
    """

    kind = "architecture"
    task: ClassVar[Task] = Task(input_shape=(1, 16, 16), classes=3, steps=2)
    samples: ClassVar[int] = 4
    spiking: ClassVar[bool] = True

    def inputs(self) -> Tensor:
        """Return an input `[T, B, C, H, W]` that is constant in time, as the direct encoder gives it."""
        x = torch.rand(self.samples, *self.task.input_shape, generator=torch.Generator().manual_seed(0))
        return x.expand(self.task.steps or 1, *x.shape)

    def build(self, component: Component, neuron: str = "leaky", seed: int = 0) -> nn.Module:
        """Return the network, materialised, with weights of a seed."""
        with seeded(seed):
            model: nn.Module = component.build(self.task, neuron=NEURONS[neuron])
            materialize(model, self.inputs())
        return model

    def test_parameters_are_accepted(self, component: Component) -> None:
        """The target takes the parameters, a neuron among them."""
        super().test_parameters_are_accepted(component.with_parameters(neuron=NEURONS["leaky"]))

    @pytest.mark.parametrize("neuron", NEURONS)
    def test_outputs_are_one_score_per_class_and_step(self, component: Component, neuron: str) -> None:
        """Outputs are finite and `[T, B, K]`, whatever the neuron."""
        network = self.build(component, neuron)
        with explaining_time(network):
            outputs = network(self.inputs())
        expected = (self.task.steps or 1, self.samples, self.task.classes)
        assert outputs.shape == expected, (
            f"outputs must be [T, B, K] = {list(expected)} for the input {list(self.inputs().shape)}, got "
            f"{list(outputs.shape)}; let layers without memory run on all steps by TimeSequential or "
            "snnplug.nn.fold, and set `task` in the test class where the network is for other inputs"
        )
        assert torch.isfinite(outputs).all(), "outputs must be finite, got NaN or infinity"

    def test_input_may_change_over_time(self, component: Component) -> None:
        """An input that differs from step to step is taken too, and a static one copied out is the same."""
        model = self.build(component).eval()
        static = self.inputs()
        check_close(
            model(static.contiguous()),
            model(static),
            "an input that is written out over time must give what the same one gives as an expansion",
        )
        found = model(torch.rand(static.shape)).shape
        assert found == model(static).shape, f"an input that changes over time gives outputs {list(found)}"

    @pytest.mark.parametrize("neuron", NEURONS)
    def test_step_by_step_equals_the_whole(self, component: Component, neuron: str) -> None:
        """Run one step at a time, with its state handed in and out, it gives the same outputs."""
        check_stream(self.build(component, neuron), self.inputs())

    @pytest.mark.parametrize("neuron", NEURONS)
    def test_gradient_reaches_every_parameter(self, component: Component, neuron: str) -> None:
        """Every parameter gets a finite gradient, and not zero throughout."""
        model = self.build(component, neuron).train()
        outputs = model(self.inputs())
        weights = torch.rand(outputs.shape, generator=torch.Generator().manual_seed(1))
        (outputs * weights).sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, (
                f"{name} gets no gradient, as no output depends on it; use it in `forward`, or leave it out"
            )
            assert torch.isfinite(parameter.grad).all(), f"the gradient of {name} is NaN or infinite"
            assert parameter.grad.any(), (
                f"the gradient of {name} is zero, with the neuron {neuron!r}; where the network is too deep "
                "for the test input to reach its end, set smaller `params`, or a `task` of larger images"
            )

    def test_parameters_are_materialised_before_training(self, component: Component) -> None:
        """One dry forward gives every parameter its shape."""
        assert is_materialized(self.build(component, "learnable-start")), (
            "after one forward pass some parameter has no shape yet; a layer is built and never run"
        )

    def test_weights_follow_torch_generator(self, component: Component) -> None:
        """The same seed gives the same network, another seed another."""
        x = self.inputs()
        first, again, other = (self.build(component, seed=seed).eval() for seed in (0, 0, 1))
        assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values())), (
            "two networks built under one seed have different weights; draw them from torch's global "
            "generator alone"
        )
        assert torch.equal(first(x), again(x)), "two equal networks give different outputs"
        assert not all(map(torch.equal, first.state_dict().values(), other.state_dict().values())), (
            "another seed gives the same weights; draw them from torch's global generator, and set no seed"
        )

    def test_calls_leave_nothing_behind(self, component: Component) -> None:
        """In evaluation mode the same input gives the same outputs, whatever the batch before."""
        model, x = self.build(component).eval(), self.inputs()
        before = model(x)
        model(x[:, :1])
        check_close(
            model(x),
            before,
            "the same input must give the same outputs whatever came between; keep nothing of a call on self",
            exact=True,
        )

    def test_state_dict_round_trip(self, component: Component) -> None:
        """A fresh network that loads a checkpoint is the one that was saved."""
        model, x = self.build(component, "learnable-start"), self.inputs()
        fresh = component.build(self.task, neuron=NEURONS["learnable-start"])
        fresh.load_state_dict(model.state_dict())
        check_close(
            fresh.eval()(x),
            model.eval()(x),
            "a fresh network that loads a checkpoint must give the same outputs; register what is drawn as a "
            "parameter or a persistent buffer",
            exact=True,
        )

    def test_recorder_sees_its_layers(self, component: Component) -> None:
        """Neurons and synaptic layers are seen, some spike, and every layer with weights is counted."""
        model = self.build(component).eval()
        with record(model) as activity:
            model(self.inputs())
        assert activity.synapses, (
            "the recorder sees no layer with weights; use torch's layers, or F.linear and F.conv2d"
        )
        assert not activity.uncounted, (
            f"the recorder cannot count {activity.uncounted}; use torch's layers, or F.linear and F.conv2d"
        )
        assert bool(activity.neurons) is self.spiking, (
            f"the recorder sees {len(activity.neurons)} layers of neurons, the test class says spiking = "
            f"{self.spiking}; build each by as_neuron(neuron), or set `spiking`"
        )
        assert (activity.spikes_per_sample > 0) is self.spiking, (
            f"the untrained network sends {activity.spikes_per_sample:g} spikes a sample, the test class "
            f"says spiking = {self.spiking}; normalise before the neurons so that some reach their threshold"
        )
