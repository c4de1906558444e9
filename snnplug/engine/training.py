"""Training: backpropagation through time, a checkpoint after every epoch.

An epoch depends only on the seed, its number and the checkpoint before it, so a run that
was killed continues as if it had not been.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from snnplug.contracts import Genotype
from snnplug.engine.course import Course, best_epoch
from snnplug.engine.course_told import standing, tell_epoch
from snnplug.engine.data import order, shares
from snnplug.engine.device import use_precision
from snnplug.engine.lone_samples import running_norms
from snnplug.engine.optimize import learning_rate_factor, make_optimizer
from snnplug.engine.parts import Parts
from snnplug.engine.session import Session
from snnplug.engine.stage import Restored
from snnplug.engine.threads import threads_for, use_threads
from snnplug.engine.train_section import TrainSection, checkpoint_name
from snnplug.errors import ContractError, NonFiniteLoss, RunDirectoryError
from snnplug.nn import seeded
from snnplug.runs.damage import UNREADABLE, damaged
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import structure, to_plain
from snnplug.runs.records import Epoch, Origin
from snnplug.seeds import derive_seed, digest

__all__ = ["restore_network", "train"]

_CHECK_EVERY = 20  # on a GPU, reading the loss waits for it


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
        RunDirectoryError: the checkpoint is damaged, or was not made by this run.
    """
    if parts.loss is None:
        raise ContractError(f"the stage {stage} needs a loss; give [loss] with use = ...")
    with parts.calls.losing:
        parts.loss.watch(model)
    try:
        trainer = _Trainer(session, parts, model, section, stage, genotype, course or Course(), threads)
        return trainer.run(section.epochs if until is None else min(until, section.epochs))
    finally:
        with parts.calls.losing:
            parts.loss.unwatch()


def restore_network(parts: Parts, directory: RunDirectory, genotype: Any, stage: str) -> Restored | None:
    """Return the network that a stage has trained, built anew; see `snnplug.engine.stage.Stage.restore`."""
    state = directory.load_checkpoint(checkpoint_name(stage))
    if state is None:
        return None
    if _is_of_another(state, genotype):
        raise RunDirectoryError(
            f"{directory.file(checkpoint_name(stage))} holds another candidate than the one that was found; "
            f"continue with: snnplug run --resume {directory.path}"
        )
    model = parts.network(genotype, stage)
    try:
        model.load_state_dict(state["model"])
    except (*UNREADABLE, RuntimeError) as error:
        raise RunDirectoryError(
            f"{directory.file(checkpoint_name(stage))} does not fit the network of this recipe: {error}"
        ) from error
    return Restored(parts, model.eval())


def _is_of_another(state: dict[str, Any], genotype: Genotype) -> bool:
    return state.get("genotype") not in (None, digest(genotype))


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
        threads: int | None,
    ) -> None:
        self.session, self.parts, self.calls, self.stage = session, parts, parts.calls, stage
        self.section, self.fabric, self.genotype = section, session.fabric, genotype
        self.plain, self.course = model, course
        self.history: list[Epoch] = []
        self.best: dict[str, torch.Tensor] = {}
        self.checkpoint = checkpoint_name(stage)
        self.precision = use_precision(self.fabric, section.precision)
        optimizer = make_optimizer(model, section, stage)
        self.rates = [group["lr"] for group in optimizer.param_groups]
        state = self._load()
        recorded = state.get("threads") if state is not None else None  # others would give other bits
        threads = recorded or threads
        self.threads = threads or threads_for(parts, model, section.batch_size, session.origin.threads)
        if state is not None:
            self._restore(state, optimizer)
        self.model, self.optimizer = self.fabric.setup(model, optimizer)

    def _load(self) -> dict[str, Any] | None:
        """Return the checkpoint; one of another candidate is put aside, where that is not the result."""
        session, directory = self.session, self.session.directory
        state = directory.load_checkpoint(self.checkpoint)
        if state is None:
            return None
        if not _is_of_another(state, self.genotype):
            try:
                origin = structure(state["made_with"], Origin) if "made_with" in state else None
            except UNREADABLE as error:
                raise damaged(directory.path, self.checkpoint, error) from error
            session.check_origin(self.checkpoint, origin)
            return state
        if directory.is_finished and not session.replaces:
            raise RunDirectoryError(
                f"{directory.file(self.checkpoint)} holds another candidate than the search finds now; take "
                f"the new one with: snnplug run --resume {directory.path} --accept-versions"
            )
        session.wait()
        if session.leads:
            kept = directory.set_aside(self.checkpoint)
            session.report.say(f"note: the search found another candidate; the checkpoint is kept as {kept}")
        session.wait()
        return None

    def _restore(self, state: dict[str, Any], optimizer: torch.optim.Optimizer) -> None:
        try:
            self.plain.load_state_dict(state["training_model"])
            optimizer.load_state_dict(state["optimizer"])
            self.precision.load_state_dict(state.get("precision", {}))
            self.history = [structure(record, Epoch) for record in state["history"]]
            self.best = state["best_model"]
        except (*UNREADABLE, RuntimeError) as error:
            raise RunDirectoryError(
                f"{self.session.directory.file(self.checkpoint)} does not fit this recipe ({error}); "
                "remove it to train from the start"
            ) from error

    def run(self, until: int) -> list[Epoch]:
        with use_threads(self.threads):
            return self._run(until)

    def _run(self, until: int) -> list[Epoch]:
        done = len(self.history)
        self.session.write_metrics(self.stage, self.history)
        per_epoch = len(shares(order(len(self.parts.splits.train)), self.section.batch_size))
        total, name = until * per_epoch, self.stage.removeprefix("train.")
        with self.session.report.bar(name, total, done * per_epoch, told=False) as bar:
            for epoch in range(done, until):
                if self._stalled():
                    self.session.report.say(
                        f"stopped early after {epoch} epochs: no better validation accuracy"
                    )
                    break
                started = time.perf_counter()
                with self.course.epoch(self.fabric) as facts:
                    loss, accuracy = self._epoch(epoch, bar)
                self._finish_epoch(epoch, loss, accuracy, started, facts)
        if self.section.keep == "best" and self.best:
            self.plain.load_state_dict(self.best)
        return self.history

    def _epoch(self, epoch: int, bar: Any) -> tuple[float, float]:
        parts, section, device = self.parts, self.section, self.fabric.device
        self._set_rates(epoch)
        split = parts.splits.train
        indices = order(len(split), derive_seed(parts.seed, "epoch order", epoch))
        total = correct = torch.zeros((), dtype=torch.float64, device=device)
        rank, world = self.fabric.global_rank, self.fabric.world_size
        parted = shares(indices, section.batch_size, rank=rank, world=world)
        self.model.train()
        note = standing(self.history)
        with seeded(derive_seed(parts.seed, "epoch", epoch, rank)):  # dropout and augmentation
            samples = parts.batches(split, [share.indices for share in parted], self.stage, epoch)
            for index, (share, (values, labels)) in enumerate(zip(parted, samples, strict=True)):
                values, targets = self.calls.mixed(split, values, labels)
                targets = targets.to(device, non_blocking=True)
                if section.schedule_by == "batch":
                    self._set_rates(epoch + index / len(parted))
                self.course.before_batch(epoch, index)
                purpose = self.stage, epoch, index, rank
                with running_norms(self.model, alone=world > 1 and len(targets) == 1):
                    x = parts.encode(values, *purpose)
                    if index == 0:  # of every batch it would cost time
                        self.calls.check_finite(values, x)
                    outputs = self.calls.network(self.model, x)
                loss = self.calls.loss(outputs, targets)
                more = self.course.more_loss(values, outputs, *purpose)
                loss = loss if more is None else loss + more
                if device.type == "cpu" or index % _CHECK_EVERY == 0:
                    self._refuse_non_finite(loss, epoch, index, x, outputs)
                self.optimizer.zero_grad()
                with self.calls.running:
                    self.fabric.backward(loss if share.weight == 1 else loss * share.weight)
                if section.clip_norm:
                    self.fabric.clip_gradients(
                        self.model, self.optimizer, max_norm=section.clip_norm, error_if_nonfinite=False
                    )
                self.optimizer.step()
                with torch.no_grad():
                    if share.count:
                        total = total + loss.detach().double() * share.count
                        labels = targets if targets.ndim == 1 else targets.argmax(1)
                        correct = correct + (self.calls.readout(outputs).argmax(1) == labels).sum()
                bar.advance(note)
        self._refuse_non_finite(total, epoch, index, x, outputs)
        if world > 1:
            total, correct = self.fabric.all_reduce(torch.stack([total, correct]), reduce_op="sum")
        return float(total) / len(split), float(correct) / len(split)

    def _set_rates(self, epoch: float) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * learning_rate_factor(self.section, epoch)

    def _refuse_non_finite(
        self, loss: torch.Tensor, epoch: int, index: int, x: torch.Tensor, outputs: torch.Tensor
    ) -> None:
        if torch.isfinite(loss):
            return
        blame = self.calls.blame_non_finite(self.plain, x, outputs)
        kept = f"epoch {epoch} is kept in {self.checkpoint}" if epoch else "no epoch was finished"
        raise NonFiniteLoss(
            f"the loss became {float(loss.detach())} in epoch {epoch + 1}, batch {index + 1}"
            f"{blame and f' ({blame})'}; {kept}. "
            f"Try a smaller {self.stage}.optimizer.lr (it is {self.rates[0]:g}) or a {self.stage}.clip_norm, "
            "in a new run directory"
        )

    def _finish_epoch(
        self, epoch: int, loss: float, accuracy: float, started: float, facts: dict[str, float]
    ) -> None:
        self._share_statistics()
        held_out = self.course.validate(self.parts, self.plain, self.section.batch_size)
        self.history.append(
            Epoch(
                stage=self.stage,
                epoch=epoch + 1,
                loss=loss,
                accuracy=accuracy,
                val_loss=held_out.loss if held_out else None,
                val_accuracy=held_out.accuracy if held_out else None,
                lr=self.optimizer.param_groups[0]["lr"],
                seconds=time.perf_counter() - started,
                threads=self.threads,
                facts=facts,
            )
        )
        if self.section.keep == "best" and best_epoch(self.history) == epoch:
            self.best = {k: v.detach().cpu().clone() for k, v in self.plain.state_dict().items()}
        if self.session.leads:
            self._save()
            self.session.write_metrics(self.stage, self.history)
        tell_epoch(self.session.report, self.stage, self.section.epochs, self.history)
        self.session.wait()

    def _share_statistics(self) -> None:
        """Give every process the leading one's batch norm statistics: each has those of its own samples."""
        if self.fabric.world_size > 1:
            for buffer in self.plain.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def _save(self) -> None:
        finished = self.best if self.best else self.plain.state_dict()
        self.session.directory.save_checkpoint(
            {
                "model": finished,
                "training_model": self.plain.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "precision": self.precision.state_dict(),
                "history": [to_plain(epoch) for epoch in self.history],
                "best_model": self.best,
                "complete": len(self.history) >= self.section.epochs or self._stalled(),
                "threads": self.threads,
                "genotype": digest(self.genotype),
                "made_with": to_plain(self.session.origin),
            },
            self.checkpoint,
        )

    def _stalled(self) -> bool:
        patience = self.section.early_stop
        return bool(
            patience and self.history and len(self.history) - 1 - best_epoch(self.history) >= patience
        )
