"""Conformance of losses."""

from __future__ import annotations

import pickle
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from snnplug.nn import Loss, TimeSequential, as_neuron
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import tiny_neuron
from snnplug.testing.close import check_close

__all__ = ["LossConformance"]


class LossConformance(Conformance):
    """Checks of a loss: outputs `[T, B, K]` and target `[B]` to a scalar, and its readout.

        class TestMine(LossConformance):
            name = "acme-losses:mine"
            params = [{}, {"label_smoothing": 0.1}]

    Attributes:
        steps, samples, classes: T, B and K of the test outputs.

    Override `outputs` for a loss that takes others than real numbers, such as spikes.
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
        assert isinstance(loss, Loss), (
            f"the target must be a snnplug.nn.Loss, got {type(loss).__name__}; derive from it"
        )
        return loss.double()

    def test_loss_is_a_finite_scalar(self, component: Component) -> None:
        """One finite number without axes."""
        loss = self.build(component)(self.outputs(), self.target())
        assert loss.shape == (), (
            f"the loss must be a scalar, got the shape {list(loss.shape)}; take the mean over samples and "
            "time steps"
        )
        assert torch.isfinite(loss), f"the loss must be finite, got {loss.item()}"

    def test_gradient_is_finite_and_not_zero(self, component: Component) -> None:
        """The outputs get a gradient."""
        outputs = self.outputs().requires_grad_()
        (gradient,) = torch.autograd.grad(self.build(component)(outputs, self.target()), outputs)
        assert torch.isfinite(gradient).all(), "the gradient of the outputs is NaN or infinite"
        assert gradient.any(), (
            "the gradient of the outputs is zero, so no network would learn; detach nothing"
        )

    def test_order_of_the_batch_does_not_matter(self, component: Component) -> None:
        """Permuting the samples leaves the loss."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        order = torch.arange(self.samples).flip(0)
        check_close(
            loss(outputs[:, order], target[order]),
            loss(outputs, target),
            "the same samples in another order must give the same loss; outputs are [T, B, K], samples the "
            "second axis",
        )

    def test_loss_is_a_mean_over_the_batch(self, component: Component) -> None:
        """The same samples twice give the same loss."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        check_close(
            loss(outputs.repeat(1, 2, 1), target.repeat(2)),
            loss(outputs, target),
            "the same samples twice must give the same loss; take the mean over the batch, not the sum",
        )

    def test_class_probabilities_are_accepted(self, component: Component) -> None:
        """A one-hot target `[B, K]` means the same as class indices; a mixed one is accepted."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        hot = F.one_hot(target, self.classes).to(outputs)
        check_close(
            loss(outputs, hot),
            loss(outputs, target),
            "a one-hot target [B, K] must give what the class indices [B] give, as F.cross_entropy does",
        )
        mixed = loss(outputs, 0.7 * hot + 0.3 * hot.flip(0))
        assert torch.isfinite(mixed), f"mixed class probabilities must give a finite loss, got {mixed.item()}"

    def test_readout_is_one_score_per_class(self, component: Component) -> None:
        """Outputs `[T, B, K]` are read as class scores `[B, K]`."""
        found = self.build(component).readout(self.outputs()).shape
        assert found == (self.samples, self.classes), (
            f"readout must give class scores [B, K] = {[self.samples, self.classes]}, got {list(found)}"
        )

    def test_right_outputs_are_better_than_wrong_ones(self, component: Component) -> None:
        """Outputs that name the right class at every step are read so, and cost less than others."""
        loss, target = self.build(component), self.target()
        right = F.one_hot(target, self.classes).double().expand(self.steps, -1, -1)
        read = loss.readout(right).argmax(1)
        assert (read == target).all(), (
            f"outputs that are 1 for the right class at every step are read as {read.tolist()}, right is "
            f"{target.tolist()}; higher scores mean the class"
        )
        good, bad = loss(right, target), loss(right.roll(1, dims=2), target)
        assert good < bad, (
            f"right outputs cost {good.item():g}, wrong ones {bad.item():g}; right ones must cost less"
        )

    def test_watching_a_network_leaves_it_as_it_was(self, component: Component) -> None:
        """After `unwatch` the network has nothing of the loss on it, and the loss is as before."""
        loss, outputs, target = self.build(component), self.outputs(), self.target()
        network = TimeSequential(as_neuron(tiny_neuron()))
        before = pickle.dumps(network)
        expected = loss(outputs, target)
        loss.watch(network)
        network(outputs)
        watched = loss(outputs, target)
        assert torch.isfinite(watched), (
            f"while a network is watched the loss must be finite, got {watched.item()}"
        )
        loss.unwatch()
        assert pickle.dumps(network) == before, (
            "after `unwatch` the network is not as before; remove the hooks that `watch` has put on it"
        )
        check_close(loss(outputs, target), expected, "after `unwatch` the loss must be as before `watch`")

    def test_one_step_is_enough(self, component: Component) -> None:
        """T = 1 is no special case."""
        loss = self.build(component)(self.outputs()[:1], self.target())
        assert torch.isfinite(loss), f"outputs of one time step must give a finite loss, got {loss.item()}"
