"""Training: backpropagation through time, a checkpoint after every epoch, and within one that is long.

What is left of an epoch depends only on the seed, its number and the checkpoint, so a run that was killed
continues as if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts import Genotype
from snnplug.engine.averaged_weights import AveragedWeights, standing_in
from snnplug.engine.callbacks import Callbacks, callbacks_of
from snnplug.engine.checkpoints import Checkpoints
from snnplug.engine.compilation import compiled_for
from snnplug.engine.course import Course, best_epoch
from snnplug.engine.course_told import standing, tell_epoch
from snnplug.engine.data import Share, order, shares
from snnplug.engine.device import use_precision
from snnplug.engine.optimize import make_optimizer
from snnplug.engine.pace import Pace
from snnplug.engine.parameter_groups import unmatched_rates
from snnplug.engine.parts import Parts
from snnplug.engine.random_states import random_states, set_random_states
from snnplug.engine.schedule import Schedule
from snnplug.engine.session import Session
from snnplug.engine.step_memory import StepMemory
from snnplug.engine.steps import Steps
from snnplug.engine.tally import Means, Tally
from snnplug.engine.threads import threads_for, use_threads
from snnplug.engine.train_section import TrainSection
from snnplug.engine.training_view import training_view
from snnplug.errors import ContractError
from snnplug.nn import seeded
from snnplug.runs.reading import structure, to_plain
from snnplug.runs.records import Epoch
from snnplug.seeds import derive_seed

__all__ = ["train"]


def train(
    session: Session,
    parts: Parts,
    model: nn.Module,
    section: TrainSection,
    stage: str,
    genotype: Genotype = None,
    course: Course | None = None,
    *,
    until: int | None = None,
    threads: int | None = None,
) -> list[Epoch]:
    """Train a network in place, or continue from the stage's checkpoint.

    Args:
        session: of the run.
        parts: data, encoder and loss to train with; those of the run or others made from them.
        model: on the device.
        section: settings.
        stage: whose training it is: the lines in metrics.jsonl carry it, and the checkpoint is named
            after it, but for "train", whose is `checkpoint.pt`.
        genotype: of the network, where it has one; a checkpoint of another is put aside.
        course: what happens around batches and epochs; by default nothing of its own.
        until: stop after so many epochs, to go on later; None for the section's.
        threads: that it computes with; None for as many as pay.

    Returns:
        A record for each epoch, as in metrics.jsonl.

    Raises:
        NonFiniteLoss: the loss became NaN or infinite; the last whole epoch is kept.
        OutOfMemory: a batch does not fit the device.
        RunDirectoryError: the checkpoint is damaged, or was not made by this run.
    """
    if parts.loss is None:
        raise ContractError(f"the stage {stage} needs a loss; give [loss] with use = ...")
    last = section.epochs if until is None else min(until, section.epochs)
    course = course or Course()
    trainer = _Trainer(session, parts, model, section, stage, genotype, course, last, threads)
    with parts.calls.losing:
        parts.loss.watch(model)
    try:
        return trainer.run(last)
    finally:
        with parts.calls.losing:
            parts.loss.unwatch()


class _Trainer:
    def __init__(
        self,
        session: Session,
        parts: Parts,
        model: nn.Module,
        section: TrainSection,
        stage: str,
        genotype: Genotype,
        course: Course,
        until: int,
        threads: int | None,
    ) -> None:
        self.session, self.parts, self.calls, self.stage = session, parts, parts.calls, stage
        self.section, self.fabric, self.device = section, session.fabric, session.fabric.device
        self.plain, self.course = model, course
        self.history: list[Epoch] = []
        self.tally = Tally(self.device)
        self.best: dict[str, Tensor] = {}
        self.kept: Mapping[str, Tensor] | None = None
        self.files = Checkpoints(session, stage, genotype)
        self.pace = Pace(session, section.checkpoint_minutes)
        self.precision = use_precision(self.fabric, section.precision)
        self.average = AveragedWeights(model, section.ema) if section.ema else None
        optimizer = make_optimizer(model, section, stage)
        for unknown in unmatched_rates(model, section):
            session.note(f"{stage}.rates: {unknown} is of no parameter of this network")
        self.schedule = Schedule(section, optimizer)
        whole, self.part = self.files.load(), None
        if whole is not None:
            with self.files.taken_in():
                self.history = [structure(record, Epoch) for record in whole["history"]]
                self.best = whole["best_model"]
        if len(self.history) < until:
            self.part = self.files.load_part(len(self.history))
        state = self.part or whole or {}
        threads = state.get("threads") or threads  # others would give other bits
        self.threads = threads or threads_for(parts, model, section.batch_size, session.origin.threads)
        if state:
            with self.files.taken_in():
                self._restore(state, optimizer if len(self.history) < until else None)
        parted = self._shares(0)
        self.optimizer, self.per_epoch = optimizer, len(parted)
        self.callbacks = self._callbacks(optimizer, state, parted)
        of_machine = 1 if self.device.type == "cuda" else self.fabric.world_size
        self.memory = StepMemory(
            model, optimizer, section, self.device, of_machine, session.report.say, stage, state.get("memory")
        )
        self.steps = Steps(
            self.fabric,
            parts,
            model,
            self.schedule,
            stage,
            course,
            self.precision,
            self.average,
            self.memory,
            self.callbacks,
        )

    def _callbacks(
        self, optimizer: torch.optim.Optimizer, state: Mapping[str, Any], parted: Sequence[Share]
    ) -> Callbacks:
        """Return the callbacks, as they have come to where the training goes on."""
        view = training_view(
            self.parts,
            self.section,
            self.stage,
            self.plain,
            optimizer,
            leads=self.session.leads,
            steps_per_epoch=parted[-1].step + 1,
            epochs=len(self.history),
            steps=0 if self.part is None else parted[self.part["batches"] - 1].step + 1,
        )
        callbacks = Callbacks(callbacks_of(self.parts, self.section), view, self.parts.seed)
        if state:
            with self.files.taken_in():
                callbacks.load_state_dict(state.get("callbacks", ()))
        return callbacks

    def _shares(self, epoch: int) -> list[Share]:
        """Return the batches of an epoch, of each what this process takes."""
        section, fabric = self.section, self.fabric
        indices = order(len(self.parts.splits.train), derive_seed(self.parts.seed, "epoch order", epoch))
        rank, world = fabric.global_rank, fabric.world_size
        return shares(indices, section.batch_size, accumulate=section.accumulate, rank=rank, world=world)

    def _restore(self, state: dict[str, Any], optimizer: torch.optim.Optimizer | None) -> None:
        """Take in a checkpoint; without an optimizer where nothing is left to train."""
        self.plain.load_state_dict(state["training_model"])
        if optimizer is not None:
            optimizer.load_state_dict(state["optimizer"])
        self.precision.load_state_dict(state.get("precision", {}))
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def run(self, until: int) -> list[Epoch]:
        with use_threads(self.threads), self._compiled(until):
            return self._run(until)

    def _compiled(self, until: int) -> AbstractContextManager[Any]:
        """Let the network run compiled, where the section wants it and an epoch is left."""
        wanted = self.section.compile if len(self.history) < until else False
        return compiled_for(self.session, self.stage, wanted, self.plain, self.steps.sample)

    def _run(self, until: int) -> list[Epoch]:
        done = len(self.history)
        self.session.write_metrics(self.stage, self.history)
        self.callbacks.tell("on_train_start", drawing=True)
        total, name = until * self.per_epoch, self.stage.removeprefix("train.")
        before = done * self.per_epoch + (self.part["batches"] if self.part else 0)
        with self.session.report.bar(name, total, before, told=False) as bar:
            for epoch in range(done, until):
                if self._stalled():
                    self.session.report.say(
                        f"stopped early after {epoch} epochs: no better validation accuracy"
                    )
                    break
                self.callbacks.training.epoch = epoch
                with self.course.epoch(self.fabric, self._begin()) as facts:
                    means = self._epoch(epoch, bar)
                self._finish_epoch(epoch, means, facts)
        if self.section.keep == "best" and self.best:
            self.plain.load_state_dict(self.best)
        elif self.history and (kept := self._kept()) is not None:
            self.plain.load_state_dict(kept)
        if len(self.history) >= self.section.epochs or self._stalled():
            self.callbacks.tell("on_train_end", drawing=True)
        return self.history

    def _begin(self) -> dict[str, float]:
        """Begin the sums of an epoch, or go on with them, and return those of its course."""
        self.pace.begin()
        self.tally, counted = Tally(self.device), dict[str, float]()
        if self.part is not None:
            mine = self._shares_of_part(self.part)
            self.tally.go_on([one["tally"] for one in mine], self.part["tally"])
            for one in mine:
                counted = {name: counted.get(name, 0) + value for name, value in one["counted"].items()}
        return counted

    def _shares_of_part(self, part: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what this process takes over: its own; of another number the leading one all."""
        if len(part["processes"]) == self.fabric.world_size:
            return [part["processes"][self.fabric.global_rank]]
        return part["processes"] if self.session.leads else []

    def _epoch(self, epoch: int, bar: Any) -> Means:
        parts, section, part, tally = self.parts, self.section, self.part, self.tally
        self.part = None
        self.schedule.set(epoch, self.history)
        split, parted = parts.splits.train, self._shares(epoch)
        rank, world = self.fabric.global_rank, self.fabric.world_size
        first = part["batches"] if part is not None else 0
        self.steps.model.train()
        note = standing(self.history)
        with seeded(derive_seed(parts.seed, "epoch", epoch, rank)):  # dropout and augmentation
            if part is not None and len(part["processes"]) == world:
                set_random_states(part["processes"][rank]["random"], self.device)
            self.callbacks.tell("on_train_epoch_start")
            rest = [share.indices for share in parted[first:]]
            samples = parts.batches(split, rest, self.stage, epoch, first=first)
            pairs = zip(parted[first:], tally.timed(samples), strict=True)
            for index, (share, (values, labels)) in enumerate(pairs, first):
                if section.schedule_by == "batch":
                    self.schedule.set(epoch + share.step / (parted[-1].step + 1), self.history)
                seen = self.steps.take(epoch, index, share, values, labels, tally)
                bar.advance(note)
                if share.last and index + 1 < len(parted) and self.pace.due():
                    self._save_part(epoch, index + 1)
        tally.tick()
        means = tally.means(self.fabric, len(split))
        self.steps.refuse_non_finite(means.loss, epoch, index, *seen)
        return means

    def _finish_epoch(self, epoch: int, means: Means, facts: dict[str, float]) -> None:
        self._share_statistics()
        tally, trained = self.tally, self.tally.seconds
        facts |= self.callbacks.facts()
        self.kept = self._kept()
        with standing_in(self.plain, self.kept) if self.kept is not None else nullcontext():
            held_out = self.course.validate(self.parts, self.plain, self.section.batch_size)
        tally.tick()
        self.history.append(
            Epoch(
                stage=self.stage,
                epoch=epoch + 1,
                loss=means.loss,
                accuracy=means.accuracy,
                val_loss=held_out.loss if held_out else None,
                val_accuracy=held_out.accuracy if held_out else None,
                lr=self.optimizer.param_groups[0]["lr"],
                seconds=tally.seconds,
                threads=self.threads,
                gradient_norm=means.gradient_norm,
                skipped_steps=tally.skipped if self.steps.may_overflow else None,
                data_share=tally.waited / trained,
                samples_per_second=len(self.parts.splits.train) / trained,
                memory=self.memory.mode,
                kept_bytes=self.memory.account.kept if self.memory.account else None,
                facts=facts,
            )
        )
        if self.section.keep == "best" and best_epoch(self.history) == epoch:
            self.best = {k: v.detach().cpu().clone() for k, v in self._weights().items()}
        self._save()
        self.session.write_metrics(self.stage, self.history)
        tell_epoch(self.session.report, self.stage, self.section.epochs, self.history)
        self.session.wait()

    def _weights(self) -> Mapping[str, Tensor]:
        """Return the weights that an epoch has come to, which are judged."""
        return self.plain.state_dict() if self.kept is None else self.kept

    def _kept(self) -> Mapping[str, Tensor] | None:
        """Return the weights that are judged and kept in place of those trained, None for none."""
        kept = self.callbacks.weights()
        return self.average.weights() if kept is None and self.average is not None else kept

    def _share_statistics(self) -> None:
        """Give every process the leading one's batch norm statistics: each has those of its own samples."""
        if self.fabric.world_size > 1:
            averaged = () if self.average is None else self.average.average.buffers()
            for buffer in (*self.plain.buffers(), *averaged):
                torch.distributed.broadcast(buffer, src=0)

    def _save(self) -> None:
        self.files.save(
            {
                **self._state(),
                "model": self.best or self._weights(),
                "history": [to_plain(epoch) for epoch in self.history],
                "best_model": self.best,
                "complete": len(self.history) >= self.section.epochs or self._stalled(),
            }
        )

    def _save_part(self, epoch: int, batches: int) -> None:
        """Keep an epoch so far, between two steps: every process has sums and generators of its own."""
        self.tally.tick()
        own = {
            "tally": self.tally.own(),
            "counted": self.course.counted(),
            "random": random_states(self.device),
        }
        processes = self.session.gather(own)
        part = {"epochs": epoch, "batches": batches, "processes": processes, "tally": self.tally.common()}
        self.files.save_part({**self._state(), **part})
        self.pace.begin()

    def _state(self) -> dict[str, Any]:
        return {
            "training_model": self.plain.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision.state_dict(),
            "average": self.average.state_dict() if self.average is not None else {},
            "callbacks": self.callbacks.state_dict(),
            "threads": self.threads,
            "memory": self.memory.state_dict(),
        }

    def _stalled(self) -> bool:
        patience = self.section.early_stop
        return bool(
            patience and self.history and len(self.history) - 1 - best_epoch(self.history) >= patience
        )
