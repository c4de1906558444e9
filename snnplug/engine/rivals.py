"""Networks trained and measured alike, each against the run's own over the same samples."""

from __future__ import annotations

from typing import Any

from torch import nn

from snnplug.contracts import Genotype
from snnplug.engine.answers import Answers, answers
from snnplug.engine.course import best_epoch
from snnplug.engine.session import Session
from snnplug.engine.stage import Work
from snnplug.engine.stages.measure import energy_models, estimates, recorded
from snnplug.engine.threads import threads_for, use_threads
from snnplug.engine.training import train
from snnplug.runs.comparison_records import Comparison, Rival
from snnplug.runs.reading import read_epochs
from snnplug.runs.records import Epoch
from snnplug.statistics.intervals import paired_difference

__all__ = ["Contest"]


class Contest:
    """Trains the others of a comparison as the run's own network was trained.

    Attributes:
        seconds: of all their trainings.
    """

    def __init__(self, session: Session, work: Work) -> None:
        self.session, self.parts = session, work.parts
        self.seconds = 0.0
        self.rows: list[Rival] = []
        splits = work.parts.splits
        self.split = next(name for name in ("test", "val", "train") if _has_samples(getattr(splits, name)))
        assert work.network is not None
        if session.leads:
            own = [epoch for epoch in read_epochs(session.directory) if epoch.stage == "train"]
            how = "found by the search" if work.genotype is not None else "of the recipe"
            self.first = self._add("train", how, work.network, work.genotype, own)
            if self.split == "test":
                work.answered = work.network, self.first

    def train(self, stage: str, how: str, model: nn.Module, genotype: Genotype) -> None:
        """Train a network under the name of a stage, and measure it.

        Args:
            stage: for its lines in metrics.jsonl and its checkpoint.
            how: it came to be.
            model: as it is at the beginning.
            genotype: what it is, plain data.
        """
        section = self.parts.plan.recipe.train
        history = train(self.session, self.parts, model, section, stage, genotype)
        self.seconds += sum(epoch.seconds or 0.0 for epoch in history)
        if self.session.leads:
            self._add(stage, how, model, genotype, history)

    def record(self) -> Comparison:
        """Return all rows."""
        return Comparison(rivals=tuple(self.rows), split=self.split, samples=len(self.first.labels))

    def _add(self, stage: str, how: str, model: nn.Module, genotype: Any, history: list[Epoch]) -> Answers:
        """Measure a network as the stage measure does, add its row, and return what it says."""
        parts, measure = self.parts, self.parts.plan.recipe.measure
        split = getattr(parts.splits, self.split)
        threads = threads_for(parts, model, measure.batch_size, self.session.origin.threads)
        with use_threads(threads):
            said = answers(parts, model, split, self.split, measure.batch_size)
            activity = recorded(self.session, parts, model, measure, raster=0)
        difference = paired_difference(self.first.right, said.right) if self.rows else None
        self.rows.append(
            Rival(
                name=stage,
                how=how,
                genotype=genotype,
                parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
                val=_kept(history, self.parts.plan.recipe.train.keep).val_accuracy if history else None,
                accuracy=said.accuracy,
                difference=difference.value if difference else None,
                low=difference.low if difference else None,
                high=difference.high if difference else None,
                spikes=activity.spikes_per_sample,
                operations=activity.synaptic_operations,
                macs=activity.macs,
                energy=tuple(estimates(self.session, energy_models(self.parts), activity)),
                seconds=sum(epoch.seconds or 0.0 for epoch in history),
            )
        )
        return said


def _kept(history: list[Epoch], keep: str) -> Epoch:
    """Return the epoch whose weights were kept."""
    return history[best_epoch(history)] if keep == "best" else history[-1]


def _has_samples(split: Any) -> bool:
    return split is not None and len(split) > 0
