"""Conformance of losses."""

from __future__ import annotations

import pickle
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from snnplug.nn import Loss, TimeSequential, as_neuron
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import tiny_neuron

__all__ = ["LossConformance"]


class LossConformance(Conformance):
    """Checks of a loss: outputs `[T, B, K]` and target `[B]` to a scalar, and its readout.

        class TestMine(LossConformance):
            name = "acme-losses:mine"
            params = [{}, {"label_smoothing": 0.1}]

    Attributes:
        steps, samples, classes: T, B and K of the test outputs.
    """

    kind = "loss"
    steps: ClassVar[int] = 4
    samples: ClassVar[int] = 6
    classes: ClassVar[int] = 3

    def outputs(self) -> Tensor:
        """Return outputs `[T, B, K]` in float64."""
        generator = torch.Generator().manual_seed(0)
        return torch.randn(self.steps, self.samples, self.classes, generator=generator, dtype=torch.float64)

    def target(self) -> Tensor:
        """Return class indices `[B]`, every class among them."""
        return torch.arange(self.samples) % self.classes

    def build(self, component: Component) -> Loss:
        """Return the loss in float64."""
        loss = component.build()
        assert isinstance(loss, Loss)
        return loss.double()

    def test_loss_is_a_finite_scalar(self, component: Component) -> None:
        """One finite number without axes."""
        loss = self.build(component)(self.outputs(), self.target())
        assert loss.shape == ()
        assert torch.isfinite(loss)

    def test_gradient_is_finite_and_not_zero(self, component: Component) -> None:
        """The outputs get a gradient."""
        outputs = self.outputs().requires_grad_()
        (gradient,) = torch.autograd.grad(self.build(component)(outputs, self.target()), outputs)
        assert torch.isfinite(gradient).all()
        assert gradient.any()

    def test_order_of_the_batch_does_not_matter(self, component: Component) -> None:
        """Permuting the samples leaves the loss."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        order = torch.arange(self.samples).flip(0)
        assert_close(loss(outputs[:, order], target[order]), loss(outputs, target))

    def test_loss_is_a_mean_over_the_batch(self, component: Component) -> None:
        """The same samples twice give the same loss."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        assert_close(loss(outputs.repeat(1, 2, 1), target.repeat(2)), loss(outputs, target))

    def test_class_probabilities_are_accepted(self, component: Component) -> None:
        """A one-hot target `[B, K]` means the same as class indices; a mixed one is accepted."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        hot = F.one_hot(target, self.classes).to(outputs)
        assert_close(loss(outputs, hot), loss(outputs, target))
        assert torch.isfinite(loss(outputs, 0.7 * hot + 0.3 * hot.flip(0)))

    def test_readout_is_one_score_per_class(self, component: Component) -> None:
        """Outputs `[T, B, K]` are read as class scores `[B, K]`."""
        assert self.build(component).readout(self.outputs()).shape == (self.samples, self.classes)

    def test_right_outputs_are_better_than_wrong_ones(self, component: Component) -> None:
        """Outputs that name the right class at every step are read so, and cost less than others."""
        loss, target = self.build(component), self.target()
        right = F.one_hot(target, self.classes).double().expand(self.steps, -1, -1)
        assert (loss.readout(right).argmax(1) == target).all()
        assert loss(right, target) < loss(right.roll(1, dims=2), target)

    def test_watching_a_network_leaves_it_as_it_was(self, component: Component) -> None:
        """After `unwatch` the network has nothing of the loss on it, and the loss is as before."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        network = TimeSequential(as_neuron(tiny_neuron()))
        before = pickle.dumps(network)
        expected = loss(outputs, target)
        loss.watch(network)
        network(outputs)
        assert torch.isfinite(loss(outputs, target))
        loss.unwatch()
        assert pickle.dumps(network) == before
        assert_close(loss(outputs, target), expected)

    def test_one_step_is_enough(self, component: Component) -> None:
        """T = 1 is no special case."""
        assert torch.isfinite(self.build(component)(self.outputs()[:1], self.target()))
