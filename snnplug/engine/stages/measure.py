"""The measurement stage: accuracy on every split, activity and energy on test data."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.contracts import Activity
from snnplug.engine.energy import estimate
from snnplug.engine.stage import Stage, Work
from snnplug.errors import ContractError, SnnplugError
from snnplug.recipe.section import Table, uses_each
from snnplug.registry.contain import describe, title
from snnplug.runs.answer_records import AnswerRecord
from snnplug.runs.energy_records import Energy
from snnplug.runs.records import Accuracy
from snnplug.statistics.intervals import estimate_fraction

if TYPE_CHECKING:
    from torch import nn

    from snnplug.engine.answers import Answers
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.recipe.recipe import Recipe
    from snnplug.registry.component import Component
    from snnplug.runs.directory import RunDirectory

__all__ = ["EnergySection", "Measure", "MeasureSection", "energy_models", "estimates", "recorded"]

_at_least_0: Any = attrs.validators.ge(0)
_at_least_1: Any = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class MeasureSection:
    """`[measure]`: how activity is measured on the test data.

    Attributes:
        samples: number of test samples whose spikes are counted; accuracy always takes all.
        batch_size: samples at a time.
        raster: neurons per layer shown in the report's raster.
        compile: let accuracies be computed by torch.compile; spikes are counted in the network as it is.
    """

    samples: int = attrs.field(default=512, validator=_at_least_1)
    batch_size: int = attrs.field(default=128, validator=_at_least_1)
    raster: int = attrs.field(default=40, validator=_at_least_0)
    compile: bool = False


@attrs.frozen(kw_only=True)
class EnergySection:
    """`[energy]`: `models`, a list of names or tables."""

    models: list[str | Table] = uses_each("energy_model")


class Measure(Stage):
    """Say how well the trained network does, and what it costs."""

    name = "measure"
    sections: ClassVar = {"measure": MeasureSection, "energy": EnergySection}
    implied = ("measure", "energy")

    @classmethod
    def wanted(cls, recipe: Recipe, network: bool) -> bool:
        """Whether there will be a network."""
        return network

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Build every energy model once."""
        for component in energy_models(parts):
            if not callable(model := component.build()):
                raise ContractError(f"{title(component)} is not callable: it is {describe(model)}")

    def run(self, session: Session, work: Work) -> None:
        """Measure, and write activity.json."""
        if not session.leads:
            return
        from snnplug.engine.threads import threads_for, use_threads
        from snnplug.engine.twins import twins
        from snnplug.runs.reading import to_plain

        started = time.perf_counter()
        assert work.network is not None
        parts, section = work.parts, work.parts.plan.recipe.measure
        threads = threads_for(parts, work.network, section.batch_size, session.origin.threads)
        with use_threads(threads):
            with _compiled(session, parts, work.network, section):
                said = _answers(work, section.batch_size)
                accuracy = _accuracy(parts, work.network, section.batch_size, said)
            activity = recorded(session, parts, work.network, section, raster=section.raster)
        session.directory.write_json("activity.json", to_plain(activity))
        if said is not None:
            session.directory.write_json("answers.json", to_plain(_answer_record(said)))
            count = int(sum(said.right))
            interval = estimate_fraction(count, len(said.labels))
            work.records["interval"] = (interval.low, interval.high)
        work.records |= {
            "accuracy": accuracy,
            "spikes_per_sample": activity.spikes_per_sample,
            "synaptic_operations": activity.synaptic_operations,
            "macs": activity.macs,
            "latency_steps": activity.latency_steps,
            "twins": twins(parts, work.network) or None,
            "parameters": sum(p.numel() for p in work.network.parameters() if p.requires_grad),
            "energy": tuple(estimates(session, energy_models(parts), activity)),
        }
        work.seconds[self.name] = time.perf_counter() - started


def energy_models(parts: Parts) -> list[Component]:
    """Return the energy models of a recipe."""
    return list(parts.plan.under("energy.models").values())


def estimates(session: Session, models: Iterable[Component], activity: Activity) -> Iterator[Energy]:
    """Yield what every model says; one that fails costs a note, and not the others."""
    for component in models:
        try:
            yield estimate(component, copy.deepcopy(activity))
        except SnnplugError as error:
            session.note(f"no energy by {component.qualified}: {error}", getattr(error, "details", ""))


def _answers(work: Work, batch_size: int) -> Answers | None:
    """Return what the network says of the test data; None where there is none."""
    from snnplug.engine.answers import answers

    split: Any = work.parts.splits.test
    assert work.network is not None
    if split is None or not len(split):
        return None
    if work.answered is not None and work.answered[0] is work.network:
        return work.answered[1]
    return answers(work.parts, work.network, split, "test", batch_size)


def _compiled(
    session: Session, parts: Parts, model: nn.Module, section: MeasureSection
) -> AbstractContextManager[Any]:
    """Let a network run compiled, where the section wants it."""
    import torch

    from snnplug.engine.compilation import compiled_for
    from snnplug.engine.data import order, read_samples

    def batch() -> None:
        split = parts.splits.measured
        values, _ = read_samples(split, order(min(section.batch_size, len(split))), parts.fit)
        with torch.no_grad():
            parts.calls.network(model.eval(), parts.encode(values, "compile"))

    return compiled_for(session, "measure", "network" if section.compile else False, model, batch)


def _answer_record(said: Answers) -> AnswerRecord:
    return AnswerRecord(
        labels=tuple(said.labels.tolist()), said=tuple(said.said.tolist()), by_step=said.by_step
    )


def _accuracy(parts: Parts, model: nn.Module, batch_size: int, said: Answers | None) -> Accuracy:
    from snnplug.engine.evaluate import evaluate

    scores = {
        name: evaluate(parts, model, getattr(parts.splits, name), name, batch_size)
        for name in ("train", "val")
    }
    found = {name: score.accuracy for name, score in scores.items() if score is not None}
    return Accuracy(**found, test=said.accuracy if said is not None else None)


def recorded(
    session: Session, parts: Parts, model: nn.Module, section: MeasureSection, *, raster: int
) -> Activity:
    """Return what a network does on test data, else on validation or training data."""
    import torch

    from snnplug.engine.data import batch_count, some
    from snnplug.nn import record
    from snnplug.seeds import derive_seed

    split = parts.splits.measured
    indices = some(len(split), section.samples, derive_seed(parts.seed, "measured"))
    model.eval()
    with (
        torch.no_grad(),
        record(model, raster=raster, encoder=parts.encoder) as activity,
        session.report.bar("measure", batch_count(len(indices), section.batch_size)) as bar,
    ):
        for index, (values, _) in enumerate(
            parts.batches(split, torch.split(indices, section.batch_size), "measure")
        ):
            parts.calls.network(model, parts.encode(values, "measure", index))
            bar.advance()
    return activity
