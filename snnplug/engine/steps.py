"""The steps of a training: batch after batch through the network, and the optimizer's step."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from snnplug.engine.averaged_weights import AveragedWeights
from snnplug.engine.callbacks import Callbacks
from snnplug.engine.course import Course
from snnplug.engine.data import Share, order, read_samples
from snnplug.engine.lone_samples import running_norms
from snnplug.engine.online import Online, add_up_gradients
from snnplug.engine.out_of_memory import advice, is_out_of_memory, release
from snnplug.engine.overflows import Overflows
from snnplug.engine.parts import Parts
from snnplug.engine.schedule import Schedule
from snnplug.engine.step_memory import StepMemory
from snnplug.engine.tally import Tally
from snnplug.engine.train_section import checkpoint_name
from snnplug.errors import NonFiniteLoss
from snnplug.nn import Batch

__all__ = ["Steps"]

_CHECK_EVERY = 20  # on a GPU, reading the loss waits for it; the norm of a gradient reads every weight
_MOST_SKIPPED = 30  # steps in a row, in which a scale of 65536 falls to less than 0.0001


class Steps:
    """Takes batches in, and a step of the optimizer after the last batch of each.

    Args:
        fabric: of the run, in the precision of the training.
        parts: data, encoder and loss.
        model: on the device.
        schedule: with the settings and the optimizer.
        stage: whose training it is.
        course: what happens around batches.
        precision: Fabric's plugin.
        average: of the weights, None for none.
        memory: in which forward passes save.
        callbacks: of the training.

    Attributes:
        model: as it is called: by Fabric where several processes or a precision need it.
    """

    def __init__(
        self,
        fabric: Any,
        parts: Parts,
        model: nn.Module,
        schedule: Schedule,
        stage: str,
        course: Course,
        precision: Any,
        average: AveragedWeights | None,
        memory: StepMemory,
        callbacks: Callbacks,
    ) -> None:
        self.fabric, self.device, self.parts, self.calls = fabric, fabric.device, parts, parts.calls
        self.section, self.schedule, self.stage, self.course = schedule.section, schedule, stage, course
        self.precision, self.average, self.plain, self.memory = precision, average, model, memory
        self.callbacks = callbacks
        scaler = getattr(precision, "scaler", None)
        self.overflows = None if scaler is None else Overflows(scaler, model)
        self.model: Any = model
        self.optimizer: Any = schedule.optimizer
        online = self.section.algorithm != "bptt"
        self.online = Online(parts, model, self.section, stage, course) if online else None
        self.backward: Callable[[Tensor], object] = Tensor.backward
        if self.section.precision != "32-true" or fabric.world_size > 1:  # else it would only cost time
            self.model, self.optimizer = fabric.setup(model, self.optimizer)
            self.backward = fabric.backward

    @property
    def may_overflow(self) -> bool:
        """Whether gradients are of 16 bits, and scaled."""
        return self.overflows is not None

    def take(
        self, epoch: int, index: int, share: Share, values: Tensor, labels: Tensor, tally: Tally
    ) -> tuple[Tensor, Tensor]:
        """Take in a batch, and return the input and the outputs of the network.

        Args:
            epoch, index: number of the epoch and of the batch, from 0.
            share: what the batch is of its step.
            values, labels: the samples.
            tally: what is added up.

        Raises:
            NonFiniteLoss: the loss is not finite.
            OutOfMemory: the batch does not fit the device.
        """
        try:
            return self._take(epoch, index, share, values, labels, tally)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            release(error, self.device)
        raise self._advice(values, labels)

    def _take(
        self, epoch: int, index: int, share: Share, values: Tensor, labels: Tensor, tally: Tally
    ) -> tuple[Tensor, Tensor]:
        world = self.fabric.world_size
        if share.first:
            self.optimizer.zero_grad()
            if self.overflows is not None:
                self.overflows.before_step()
        self.course.before_batch(epoch, share.step)
        # the processes add up their gradients once a step
        waits = self.model is not self.plain and world > 1 and (not share.last or self.online is not None)
        with self.fabric.no_backward_sync(self.model) if waits else nullcontext():
            values, targets = self.calls.mixed(self.parts.splits.train, values, labels)
            targets = targets.to(self.device, non_blocking=True)
            purpose = self.stage, epoch, index, self.fabric.global_rank
            alone = world > 1 and len(targets) == 1
            with running_norms(self.model) if alone else nullcontext():
                x = self.parts.encode(values, *purpose)
                if index == 0:  # of every batch it would cost time
                    self.calls.check_finite(values, x)
                if self.online is not None:
                    outputs, loss = self.online.take(self.model, x, targets, self.backward, share.weight)
                else:
                    with self.memory.saving(lambda: self._forward(x)):
                        outputs = self.calls.network(self.model, x)
            if self.online is None:
                loss = self.calls.loss(outputs, targets)
                more = self.course.more_loss(values, outputs, *purpose)
                loss = loss if more is None else loss + more
                more = self.callbacks.more_loss(Batch(values, targets, x, outputs))
                loss = loss if more is None else loss + more
            if self.overflows is None and (self.device.type == "cpu" or index % _CHECK_EVERY == 0):
                self.refuse_non_finite(loss.item(), epoch, index, x, outputs)
            if self.online is None:
                with self.calls.running:
                    self.backward(loss if share.weight == 1 else loss * share.weight)
        with torch.no_grad():
            if share.count:
                named = targets if targets.ndim == 1 else targets.argmax(1)
                right = (self.calls.readout(outputs).argmax(1) == named).sum()
                tally.add(loss, right, share.count, may_overflow=self.overflows is not None)
        if share.last:
            if self.online is not None and world > 1 and self.model is not self.plain:
                add_up_gradients(self.plain, world)
            self._step(share.step, tally)
            if tally.skipped_in_a_row >= _MOST_SKIPPED:
                self.refuse_non_finite(loss.item(), epoch, index, x, outputs)
                self._fail(f"gradients overflowed in {_MOST_SKIPPED} steps in a row, up to", epoch, index)
        return x, outputs.detach()

    def sample(self) -> None:
        """Compute a batch of the usual size as in training, then as in evaluation; nothing comes of it."""
        split = self.parts.splits.train
        count = -(-min(self.section.batch_size, len(split)) // self.fabric.world_size)
        values, labels = read_samples(split, order(count), self.parts.fit)
        self.plain.train()
        self.course.before_batch(0, 0)
        x = self.parts.encode(values, "sample")
        outputs = self._forward(x)
        torch.autograd.backward(self.calls.loss(outputs, labels.to(self.device)))
        self.plain.eval()
        with torch.no_grad():
            self.calls.network(self.plain, x)

    def _forward(self, x: Tensor) -> Tensor:
        """Run a forward pass that the other processes do not have to know of."""
        with self.precision.forward_context():
            return self.calls.network(self.plain, x)

    def _step(self, step: int, tally: Tally) -> None:
        """Let the optimizer take a step."""
        self.callbacks.tell("on_before_optimizer_step")
        if self.section.clip_norm:
            norm = self.fabric.clip_gradients(
                self.model, self.optimizer, max_norm=self.section.clip_norm, error_if_nonfinite=False
            )
            tally.add_norm(norm)
        elif step % _CHECK_EVERY == 0:
            gradients = [p.grad for p in self.plain.parameters() if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
            tally.add_norm(norm if self.overflows is None else norm / self.overflows.scale)
        self.optimizer.step()
        skipped = self.overflows is not None and self.overflows.after_step()
        tally.skip(skipped)
        self.callbacks.training.step += 1
        if not skipped:
            self.callbacks.tell("on_after_optimizer_step")
            if self.average is not None:
                self.average.update()

    def _advice(self, values: Tensor, labels: Tensor) -> Exception:
        """Return the error of a batch that does not fit, with one that does."""

        self.callbacks = self.callbacks.none()

        def step(size: int) -> None:
            share = Share(torch.arange(size), size, 1.0, step=1, first=True, last=True)
            norms = running_norms(self.plain) if size == 1 else nullcontext()
            with self.precision.forward_context(), norms:
                self._take(0, 1, share, values[:size], labels[:size], Tally(self.device))

        section, world = self.section, self.fabric.world_size
        if world > 1:  # the other processes are not here to go along
            self.model = self.plain
        return advice(
            step,
            section.batch_size,
            section.accumulate,
            world=world,
            device=self.device,
            key=self.stage,
            saves=self.memory.mode != "keep",
        )

    def refuse_non_finite(self, loss: float, epoch: int, index: int, x: Tensor, outputs: Tensor) -> None:
        """Raise `NonFiniteLoss` if the loss of a batch, or of those before it, is NaN or infinite."""
        if not math.isfinite(loss):
            blame = self.calls.blame_non_finite(self.plain, x, outputs)
            self._fail(f"the loss became {loss} in", epoch, index, blame and f" ({blame})")

    def _fail(self, what: str, epoch: int, index: int, blame: str = "") -> NoReturn:
        kept = f"epoch {epoch} is kept in {checkpoint_name(self.stage)}" if epoch else "no epoch was finished"
        raise NonFiniteLoss(
            f"{what} epoch {epoch + 1}, batch {index + 1}{blame}; {kept}. "
            f"Try a smaller {self.stage}.optimizer.lr (it is {self.schedule.rates[0]:g}) or a "
            f"{self.stage}.clip_norm, in a new run directory"
        )
