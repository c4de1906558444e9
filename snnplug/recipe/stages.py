"""The stages of a run, in the order in which they run.

A stage is named by where it is written, as a plugin's things are, so that reading a recipe imports no
torch. Beside this line a stage is two files: the stage with its section of the recipe, and its section
of the report.
"""

from __future__ import annotations

from typing import Any

import attrs

from snnplug.registry.component import load_target

__all__ = ["STAGES", "StageSpec", "sections"]


@attrs.frozen
class StageSpec:
    """Where a stage is written.

    Attributes:
        name: its table in the recipe, which turns it on; may be dotted, inside another stage's.
        target: `"module:Attribute"` of the stage, see `snnplug.engine.stage.Stage`.
        report: `"module:Attribute"` of its section of the report, see `snnplug.report.section.Section`.
    """

    name: str
    target: str
    report: str

    def load(self) -> Any:
        """Import and return the stage."""
        return load_target(self.target, f"stage {self.name}")

    def load_report(self) -> Any:
        """Import and return the section of the report."""
        return load_target(self.report, f"report of stage {self.name}")


STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        "search.supernet",
        "snnplug.engine.stages.supernet:Supernet",
        "snnplug.report.sections.supernet:Supernet",
    ),
    StageSpec("search", "snnplug.engine.stages.search:Search", "snnplug.report.sections.search:Search"),
    StageSpec("train", "snnplug.engine.stages.train:Train", "snnplug.report.sections.train:Train"),
    StageSpec(
        "train.compare",
        "snnplug.engine.stages.train_compare:TrainCompare",
        "snnplug.report.sections.train_compare:TrainCompare",
    ),
    StageSpec("convert", "snnplug.engine.stages.convert:Convert", "snnplug.report.sections.convert:Convert"),
    StageSpec(
        "convert.train",
        "snnplug.engine.stages.tune:Tune",
        "snnplug.report.sections.convert:Tune",
    ),
    StageSpec(
        "convert.compare",
        "snnplug.engine.stages.compare:Compare",
        "snnplug.report.sections.convert:Compare",
    ),
    StageSpec("measure", "snnplug.engine.stages.measure:Measure", "snnplug.report.sections.measure:Measure"),
)


def sections() -> dict[str, type]:
    """Return the classes of all sections of all stages by name, in order."""
    return {name: section for stage in STAGES for name, section in stage.load().sections.items()}
