"""The engine's calls of the parts of a network: data, encoder, network, loss, each held to its contract.

What fails is one line that names the component, see `snnplug.registry.contain`. Where all is well a call
costs a few comparisons; values are looked at only once something is wrong.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts import Task
from snnplug.engine.diagnosis import Fault, find_fault, owner
from snnplug.engine.out_of_memory import is_out_of_memory
from snnplug.errors import ComponentError, DataError
from snnplug.nn import Encoder, Loss, StreamState, continue_stream, explaining_time, is_static
from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, passes, refuse, title, words_of

__all__ = ["Calls"]

_END = object()
_INPUT = "an input [T, B, ...] of floats"
_OUTPUTS = "outputs [T, B, K] of floats"
_SCALAR = "a loss that is a scalar of floats, with a gradient in training"


class Calls:
    """Calls of the parts of one network.

    Args:
        plan: says which components they come from.
        encoder, encoded_by: the encoder and its component.
        loss: None where there is none.
        task: of the data.
    """

    def __init__(
        self, plan: Plan, encoder: Encoder, encoded_by: Component, loss: Loss | None, task: Task
    ) -> None:
        self.plan, self.loss_module, self.encoder, self.task = plan, loss, encoder, task
        self.shape = tuple(task.input_shape)
        self.encoded_by, self.loss_component = encoded_by, plan.get("loss")
        self.root = plan.space or plan.get("architecture")
        self.encoding = calling(encoded_by, _INPUT, plan.used)
        self.running = calling(self.root, f"a network that gives {_OUTPUTS}", plan.used)
        self.losing = calling(self.loss_component, _SCALAR, plan.used)
        self.reading = calling(self.loss_component, "class scores [B, K]", plan.used)
        self.loading = calling(plan.get("dataset"), "samples: values and labels", plan.used)

    def encode(self, values: Tensor, generator: torch.Generator) -> Tensor:
        """Return the encoded values, `[T, B, ...]`."""
        with self.encoding:
            encoded: Tensor = self.encoder(values, generator)
        if not isinstance(encoded, Tensor) or not encoded.is_floating_point() or encoded.ndim < 2:
            refuse(self.encoded_by, _INPUT, encoded)
        if encoded.device != values.device:
            refuse(self.encoded_by, f"an input on {values.device}", encoded)
        return encoded

    def network(self, model: nn.Module, x: Tensor) -> Tensor:
        """Return the outputs of a network, `[T, B, K]`."""
        return self._outputs(model, x, lambda: model(x))

    def stream(self, model: nn.Module, x: Tensor, state: StreamState) -> tuple[Tensor, StreamState]:
        """Return the outputs of a network for the next steps of a stream, and its state after them."""

        def run() -> Tensor:
            nonlocal state
            outputs, state = continue_stream(model, x, state)
            return outputs  # type: ignore[no-any-return]

        return self._outputs(model, x, run), state

    def _outputs(self, model: nn.Module, x: Tensor, run: Callable[[], Tensor]) -> Tensor:
        try:
            with explaining_time(model):
                outputs = run()
        except BaseException as error:
            if not passes(error) and not is_out_of_memory(error):
                self._explain(model, x, error)
                self.running.blame(error)
            raise
        if (
            not isinstance(outputs, Tensor)
            or outputs.ndim != 3
            or outputs.shape[1] != x.shape[1]
            or not outputs.is_floating_point()
        ):
            self._explain(model, x)
            if self.root is not None:
                refuse(self.root, f"a network that gives {_OUTPUTS}, B = {x.shape[1]}", outputs)
        return outputs

    def refuse_network(self, model: nn.Module, x: Tensor, outputs: Tensor) -> None:
        """Raise the error of a network that gives no finite outputs, or of whose layers one is at fault."""
        self._explain(model, x)
        if self.root is not None and not bool(outputs.isfinite().all()):
            odd = outputs[~outputs.isfinite()].flatten()[0].item()
            refuse(self.root, "finite outputs for an input of zeros", odd)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        assert self.loss_module is not None
        try:
            loss: Tensor = self.loss_module(outputs, labels)
        except BaseException as error:
            if not passes(error) and not is_out_of_memory(error):
                self._check_labels(labels)
                self.losing.blame(error)
            raise
        if (
            not isinstance(loss, Tensor)
            or loss.ndim
            or not loss.is_floating_point()
            or (outputs.requires_grad and not loss.requires_grad)
        ):
            refuse(self.loss_component, _SCALAR, loss)
        return loss

    def mixed(self, split: Any, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and targets of a training batch: as they are, or as the split mixes them."""
        mix = getattr(split, "mix", None)
        if mix is None:
            return values, labels
        with self.loading:
            values, targets = mix(values, labels)
        if not isinstance(targets, Tensor) or targets.shape != (len(labels), self.task.classes):
            refuse(self.plan.get("dataset"), "class probabilities [B, K] by the split's mix", targets)
        return values, targets

    def readout(self, outputs: Tensor) -> Tensor:
        """Return class scores, `[B, K]`."""
        if self.loss_module is None:
            return outputs.mean(0)
        with self.reading:
            scores: Tensor = self.loss_module.readout(outputs)
        if not isinstance(scores, Tensor) or scores.shape != outputs.shape[1:]:
            refuse(self.loss_component, f"class scores {list(outputs.shape[1:])} by its readout", scores)
        return scores

    def samples(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches of the data set."""
        with self.loading:
            iterator = iter(batches)
        while True:
            with self.loading:
                try:
                    batch: Any = next(iterator, _END)
                except DataError as error:
                    said = words_of(error).removeprefix("snnplug.errors.").removeprefix("DataError: ")
                    raise DataError(f"{title(self.plan['dataset'])}: {said}") from error
            if batch is _END:
                return
            self.check_batch(*batch)
            yield batch

    def check_batch(self, values: Any, labels: Tensor) -> None:
        """Refuse values that are not those of the task."""
        if not isinstance(values, Tensor) or tuple(values.shape[-len(self.shape) :]) != self.shape:
            size = ", ".join(map(str, ("B", *(["T"] if self.task.events else []), *self.shape)))
            refuse(self.plan["dataset"], f"values [{size}]", values)
        if len(values) != len(labels):
            refuse(self.plan["dataset"], f"{len(labels)} samples, as many as labels", values)

    def check_finite(self, values: Tensor, x: Tensor) -> None:
        """Refuse samples and an encoded input that are not finite: neurons swallow NaN, and learn nothing."""
        if values.is_floating_point() and not bool(values.isfinite().all()):
            refuse(self.plan["dataset"], "finite values", values[~values.isfinite()].flatten()[0].item())
        once = x[:1] if is_static(x) else x
        if not bool(once.isfinite().all()):
            refuse(self.encoded_by, "a finite input", once[~once.isfinite()].flatten()[0].item())

    def blame_non_finite(self, model: nn.Module, x: Tensor, outputs: Tensor) -> str:
        """Return who a loss that is not finite comes from, empty where nobody can be named."""
        if not bool(x.isfinite().all()):
            return f"{title(self.encoded_by)} gave an input that is not finite"
        fault = find_fault(model, x)
        if fault is not None:
            return self._say(fault)
        if bool(outputs.isfinite().all()) and self.loss_component is not None:
            return f"{title(self.loss_component)} gave it for finite outputs"
        return ""

    def _explain(self, model: nn.Module, x: Tensor, error: BaseException | None = None) -> None:
        """Raise the error of the first layer that breaks its contract, if one does."""
        fault = find_fault(model, x)
        if fault is not None:
            details = "" if error is None else "".join(traceback.format_exception(error))
            found = owner(fault.module, self.plan.used()) or self.root
            raise ComponentError(self._say(fault), details, found.plugin if found else "") from error

    def _say(self, fault: Fault) -> str:
        found = owner(fault.module, self.plan.used()) or self.root
        layer = f"layer {fault.layer.removeprefix('_forward_module.')!r} ({type(fault.module).__name__})"
        who = layer if found is None else f"{title(found)}, as {layer},"
        return f"{who} gave {fault.given}; expected {fault.expected}"

    def _check_labels(self, labels: Tensor) -> None:
        if labels.ndim != 1 or labels.is_floating_point():
            return
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.task.classes:
            given = f"labels from {int(labels.min())} to {int(labels.max())}"
            component = self.plan["dataset"]
            said = f"{title(component)} gave {given}; expected 0 to {self.task.classes - 1}"
            raise ComponentError(said, plugin=component.plugin)
