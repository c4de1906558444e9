"""Fine-tuning of a converted network, and of its ANN alike: what that gains is no merit of a code."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError
from snnplug.recipe.section import Table

if TYPE_CHECKING:
    from torch import nn

    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["CONTROL", "Tune", "TuneSection"]

CONTROL = "convert.control"


@attrs.frozen(kw_only=True)
class TuneSection(TrainSection):
    """`[convert.train]`: how the converted network is fine-tuned; keys of `[train]`, and

    Attributes:
        parameters: which are trained: those of "neurons", scale and shift of "norms", all other "weights".
            Statistics of batch norm are held.
        control: tune the ANN alike, which is the network to compare with.
        distill: weight of the divergence of what is said from what the ANN says, added to the loss; 0: none.
    """

    epochs: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    optimizer: Table = attrs.field(factory=lambda: {"use": "adam", "lr": 1e-3})
    parameters: list[Literal["neurons", "norms", "weights"]] = attrs.field(
        factory=lambda: ["neurons", "norms"]
    )
    control: bool = True
    distill: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))


class Tune(Stage):
    """Train the converted network, and its control."""

    name = "convert.train"
    sections: ClassVar = {"convert.train": TuneSection}

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse what could not train."""
        from snnplug.engine.conversion import converted_parts
        from snnplug.engine.train_check import check_training

        if parts.plan.recipe.sections.get("convert") is None:
            raise RecipeError([f"{self.name}: nothing is converted; add [convert] with neuron = ..."])
        if not _section(parts).parameters:
            raise RecipeError([f"{self.name}.parameters: name one or more of neurons, norms, weights"])
        section = _section(parts)
        online = section.algorithm != "bptt"
        if online and section.distill:
            raise RecipeError(
                [f"{self.name}.distill: what a teacher says of all steps needs algorithm = 'bptt'"]
            )
        check_training(converted_parts(parts) if online else parts, section, self.name)

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        """Return the tuned network."""
        from snnplug.engine.checkpoints import restore_network
        from snnplug.engine.conversion import converted_parts

        return restore_network(converted_parts(parts), directory, genotype, self.name)

    def run(self, session: Session, work: Work) -> None:
        """Train both, from their last checkpoints on."""
        assert work.network is not None and work.source is not None
        section = _section(work.parts)
        tuned = copy.deepcopy(work.network)
        seconds = self._tune(session, work, work.parts, tuned, self.name)
        if section.control and set(section.parameters) != {"neurons"}:
            control = copy.deepcopy(work.source.network)
            seconds += self._tune(session, work, work.source.parts, control, CONTROL)
            work.control = control.eval()
        work.untuned, work.network = work.network, tuned.eval()
        work.seconds[self.name] = seconds

    def _tune(self, session: Session, work: Work, parts: Parts, network: nn.Module, name: str) -> float:
        from snnplug.engine.distillation import Distillation
        from snnplug.engine.training import train
        from snnplug.engine.tuning import FrozenStatistics, trainable

        section, teacher = _section(parts), work.source
        assert teacher is not None
        course = FrozenStatistics(network)
        if section.distill:
            course = Distillation(network, parts, teacher, section.distill)
        with trainable(network, section.parameters) as count:
            if not count:
                raise RecipeError(
                    [
                        f"{self.name}.parameters: this network has none of {', '.join(section.parameters)} "
                        "to train; take others, or leave the section out"
                    ]
                )
            history = train(session, parts, network, section, name, work.genotype, course)
        return sum(epoch.seconds or 0.0 for epoch in history)


def _section(parts: Parts) -> TuneSection:
    section: TuneSection = parts.plan.recipe.sections["convert.train"]
    return section
