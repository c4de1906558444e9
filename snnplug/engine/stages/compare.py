"""A trained network under many codings, a row each: accuracy, latency, spikes, energy, where it errs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from snnplug.engine.compare_section import CompareSection, compare_section
from snnplug.engine.stage import Stage, Work
from snnplug.errors import RecipeError

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.rows import Case
    from snnplug.engine.session import Session
    from snnplug.recipe.recipe import Recipe
    from snnplug.runs.directory import RunDirectory

__all__ = ["Compare"]


class Compare(Stage):
    """Measure the ANN, the converted network and every other coding alike."""

    name = "convert.compare"
    sections: ClassVar = {"convert.compare": CompareSection}

    @classmethod
    def wanted(cls, recipe: Recipe, network: bool) -> bool:
        """Whether anything is converted."""
        return recipe.sections.get("convert") is not None

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Build every other coding's network."""
        from snnplug.engine.conversion import check_conversion, parts_of_coding, steps_of

        for key, neuron in parts.plan.under(f"{self.name}.neurons").items():
            target = parts_of_coding(parts, neuron, steps_of(neuron, 2))
            check_conversion(parts, target, f"{self.name}.neurons.{key}")
        if parts.splits.test is None or not len(parts.splits.test):
            raise RecipeError([f"{self.name}: accuracies are compared on test data, and there is none"])

    def run(self, session: Session, work: Work) -> None:
        """Measure row by row, and write conversion.json."""
        if not session.leads:
            return
        from snnplug.engine.rows import Judge
        from snnplug.runs.reading import to_plain

        started = time.perf_counter()
        judge = Judge(session, work, compare_section(session.parts.plan.recipe))
        for case in self._cases(session, work):
            judge.add(case)
        session.directory.write_json("conversion.json", to_plain(judge.errors()))
        work.records["conversion"] = judge.record()
        work.seconds[self.name] = time.perf_counter() - started

    def _cases(self, session: Session, work: Work) -> Iterator[Case]:
        """Yield the networks, the ANN first."""
        from snnplug.engine.conversion import Calibration, calibrated, parts_of_coding, steps_of
        from snnplug.engine.rows import Case, label

        assert work.source is not None and work.network is not None
        source, parts = work.source, work.parts
        plan = source.parts.plan
        section = compare_section(plan.recipe)
        calibration = Calibration(section.calibration, plan.recipe.convert.batch_size)
        yield Case("ANN", source.parts, source.network)
        if work.control is not None:
            yield Case("ANN, tuned alike", source.parts, work.control)
        name = label(plan["convert.neuron"], parts.encoder.steps)
        if work.untuned is not None:
            yield Case(name, parts, work.untuned)
        yield Case(f"{name}, tuned" if work.untuned is not None else name, parts, work.network, chosen=True)
        for neuron in plan.under(f"{self.name}.neurons").values():
            for steps in section.steps if steps_of(neuron, 2) > 1 else (1,):
                there = parts_of_coding(source.parts, neuron, steps)
                network = calibrated(session, source, there, work.genotype, calibration, self.name)
                yield Case(label(neuron, steps), there, network)
