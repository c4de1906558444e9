"""Conformance of callbacks."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug.nn import Batch, Callback, TimeSequential, Training, as_neuron, seeded
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import TASK, tiny_neuron

__all__ = ["CallbackConformance", "TinyTraining"]

_SAMPLES, _STEPS = 8, 2


class CallbackConformance(Conformance):
    """Checks of a callback: a training of a tiny network that it hangs in, stopped and gone on with.

        class TestMine(CallbackConformance):
            name = "acme-training:mine"
            params = [{}, {"every": 2}]

    Attributes:
        epochs: of the training.

    Override `network` for one that needs more than a convolution, a neuron and a linear layer.
    """

    kind = "callback"
    epochs: ClassVar[int] = 4

    def network(self) -> nn.Module:
        """Return a network for images of 1 x 8 x 8 and three classes, the same in every call."""
        with seeded(0):
            layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), as_neuron(tiny_neuron()), nn.Flatten()]
            return TimeSequential(*layers, nn.Linear(4 * 6 * 6, TASK.classes))

    def build(self, component: Component) -> Callback:
        """Return the callback."""
        made = component.build()
        assert isinstance(made, Callback), (
            f"the target must be a snnplug.nn.Callback, got {type(made).__name__}; derive from it"
        )
        return made

    def trained(self, component: Component, *, stop: int | None = None) -> TinyTraining:
        """Train with a new callback; stopped after so many epochs, and gone on with by another new one."""
        training = TinyTraining(self.network(), self.build(component), self.epochs)
        if stop is not None:
            training.run(stop)
            state = training.saved()
            training = TinyTraining(self.network(), self.build(component), self.epochs)
            training.go_on(state)
        training.run(self.epochs)
        return training

    def test_it_hangs_into_a_training(self, component: Component) -> None:
        """A training with it ends, with a finite network of the same parameters."""
        training = self.trained(component)
        before, after = self.network().state_dict(), training.network.state_dict()
        assert {n: v.shape for n, v in before.items()} == {n: v.shape for n, v in after.items()}, (
            "the parameters and buffers of the network are others than before; change them in place"
        )
        for name, value in after.items():
            assert torch.isfinite(value).all(), f"{name} of the network is NaN or infinite"

    def test_numbers_of_an_epoch_are_finite(self, component: Component) -> None:
        """What `on_train_epoch_end` returns are finite numbers by name, the same names in every epoch."""
        facts = self.trained(component).facts
        for found in facts:
            assert isinstance(found, Mapping), (
                f"on_train_epoch_end must return numbers by name, got {type(found).__name__}; for none {{}}"
            )
            for name, value in found.items():
                assert isinstance(name, str) and isinstance(value, int | float) and math.isfinite(value), (
                    f"on_train_epoch_end must return finite numbers by name, got {value!r} for {name!r}"
                )
        assert len({tuple(found) for found in facts}) == 1, "each epoch must have numbers of the same names"

    def test_a_training_goes_on_where_it_was_stopped(self, component: Component) -> None:
        """With its `state_dict` a training that was stopped ends as one that was not."""
        whole, stopped = self.trained(component), self.trained(component, stop=self.epochs // 2)
        said = "after a stop the training ends with other {}; keep in `state_dict` what it depends on"
        assert whole.facts[self.epochs // 2 :] == stopped.facts, said.format("numbers")
        kept = stopped.network.state_dict()
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, kept[name]), said.format(f"weights, such as {name}")
        for name, value in whole.kept.items():
            assert torch.equal(value, stopped.kept[name]), said.format(
                f"weights that are kept, such as {name}"
            )

    def test_its_state_is_plain(self, component: Component) -> None:
        """A checkpoint that holds `state_dict` can be read without running code."""
        training = self.trained(component)
        file = io.BytesIO()
        torch.save(training.callback.state_dict(), file)
        file.seek(0)
        try:
            torch.load(file, weights_only=True)
        except Exception as error:
            pytest.fail(
                f"state_dict cannot be read back ({type(error).__name__}); keep tensors, numbers, "
                "texts, lists and dictionaries of these"
            )

    def test_more_loss_is_a_scalar_with_a_gradient(self, component: Component) -> None:
        """What it adds to the loss of a batch has no axes, is finite and reaches the network."""
        training = TinyTraining(self.network(), self.build(component), self.epochs)
        training.callback.on_train_start(training.view)
        batch = training.batch()
        more = training.callback.more_loss(training.view, batch)
        if more is None:
            return
        assert more.shape == (), f"more_loss must be a scalar, got the shape {list(more.shape)}"
        assert torch.isfinite(more), f"more_loss must be finite, got {more.item()}"
        assert more.requires_grad, "more_loss has no gradient; leave the outputs in the graph"


class TinyTraining:
    """A training by hand that calls a callback as the engine does, the same in every process.

    Args:
        network: for images of 1 x 8 x 8 and three classes.
        callback: that hangs in.
        epochs: of the whole training.

    Attributes:
        facts: what it returned at the end of each epoch.
        kept: the weights that would be kept.
        view: what the callback sees.
    """

    def __init__(self, network: nn.Module, callback: Callback, epochs: int) -> None:
        self.network, self.callback = network, callback
        self.optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        self.facts: list[Mapping[str, float]] = []
        self.kept: Mapping[str, Tensor] = {}
        self.view = Training(
            network=network,
            optimizer=self.optimizer,
            stage="train",
            epochs=epochs,
            steps_per_epoch=2,
            readout=lambda outputs: outputs.mean(0),
            samples=self._samples,
        )

    def run(self, until: int) -> None:
        """Train up to a number of epochs."""
        view, callback = self.view, self.callback
        with torch.no_grad(), seeded(1):
            callback.on_train_start(view)
        for epoch in range(view.epoch, until):
            view.epoch = epoch
            self.network.train()
            with seeded(2 + epoch):
                with torch.no_grad():
                    callback.on_train_epoch_start(view)
                for _ in range(view.steps_per_epoch):
                    self._step()
            with torch.no_grad(), seeded(3):
                self.facts.append(callback.on_train_epoch_end(view))
                self.kept = callback.weights(view) or {}
            view.epoch = epoch + 1
        if until == view.epochs:
            with torch.no_grad(), seeded(4):
                callback.on_train_end(view)

    def batch(self) -> Batch:
        """Return a batch that has passed the network."""
        values = torch.rand(_SAMPLES, *TASK.input_shape)
        inputs = values.expand(_STEPS, *values.shape)
        return Batch(values, torch.arange(_SAMPLES) % TASK.classes, inputs, self.network(inputs))

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint would hold, read back from its bytes."""
        file = io.BytesIO()
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "callback": self.callback.state_dict(),
            "epoch": self.view.epoch,
            "step": self.view.step,
        }
        torch.save(state, file)
        file.seek(0)
        read: dict[str, Any] = torch.load(file, weights_only=False)
        return read

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Take in what `saved` has returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.callback.load_state_dict(state["callback"])
        self.view.epoch, self.view.step = state["epoch"], state["step"]

    def _step(self) -> None:
        batch = self.batch()
        self.optimizer.zero_grad()
        loss = F.cross_entropy(batch.outputs.mean(0), batch.targets)
        more = self.callback.more_loss(self.view, batch)
        torch.autograd.backward(loss if more is None else loss + more)
        with torch.no_grad():
            self.callback.on_before_optimizer_step(self.view)
            self.optimizer.step()
            self.view.step += 1
            self.callback.on_after_optimizer_step(self.view)

    @staticmethod
    def _samples(count: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(5)
        values = torch.rand(min(count, 16), *TASK.input_shape, generator=generator)
        return values.expand(_STEPS, *values.shape), torch.arange(len(values)) % TASK.classes
