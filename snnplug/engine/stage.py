"""A stage of a run: what it owns, and what it is given.

A stage is one file in `snnplug.engine.stages`, its section of the report another in
`snnplug.report.sections`; `snnplug.recipe.stages` names both. It owns its sections of the recipe, its
checkpoint, its part of summary.json, and its lines of metrics.jsonl. Reading a recipe imports the
file, so torch and all that needs it is imported where the stage runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import attrs

if TYPE_CHECKING:
    from torch import nn

    from snnplug.engine.answers import Answers
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.engine.supernet import Shared
    from snnplug.recipe.recipe import Recipe
    from snnplug.runs.directory import RunDirectory

__all__ = ["Restored", "Stage", "Work"]


class Restored(NamedTuple):
    """A network with the parts around it."""

    parts: Parts
    network: nn.Module


@attrs.define
class Work:
    """What the stages of a run have come to, handed from one to the next.

    Attributes:
        parts: around the network as it stands; those of the recipe, or others that a stage has made of them.
        genotype: plain JSON of the network, None where the recipe names an architecture.
        network: the network as it stands, None before a stage has made one.
        records: the parts of summary.json by key.
        seconds: time by stage.
        source: the network that another was converted from, None where none was.
        untuned: the converted network before it was tuned, None where it was not.
        control: the source, tuned alike; None where it was not.
        shared: weights that candidates of a search inherit, None without a supernet.
        answered: a network and what it said of the test data, where a stage has asked one already.
    """

    parts: Parts
    genotype: Any = None
    network: nn.Module | None = None
    records: dict[str, Any] = attrs.field(factory=dict)
    seconds: dict[str, float] = attrs.field(factory=dict)
    source: Restored | None = None
    untuned: nn.Module | None = None
    control: nn.Module | None = None
    shared: Shared | None = None
    answered: tuple[nn.Module, Answers] | None = None


class Stage(Protocol):
    """A stage. It subclasses this protocol for the defaults, and is made without arguments.

    Attributes:
        name: its table in the recipe; dotted for one inside another stage's, such as `outer.inner`.
        sections: classes of its sections of the recipe by name; see `snnplug.recipe.section`.
        implied: names of sections that stand with their defaults where the recipe has none.
        partial: a training step of it leaves parameters unused, which several processes have to know.
        gives: what it leaves in `Work` that was not there before: a "genotype", a "network", or nothing.
    """

    name: ClassVar[str]
    sections: ClassVar[Mapping[str, type]]
    implied: ClassVar[tuple[str, ...]] = ()
    partial: ClassVar[bool] = False
    gives: ClassVar[Literal["genotype", "network", ""]] = ""

    @classmethod
    def wanted(cls, recipe: Recipe, network: bool) -> bool:
        """Whether it runs: by default if the recipe has its table.

        Args:
            recipe: the recipe.
            network: a stage before it makes a network.
        """
        return recipe.sections.get(cls.name) is not None

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse, before anything has started, what this stage could not do.

        Args:
            parts: of the recipe.
            directory: of a run that is continued, with what it has come to.

        Raises:
            UsageError: one clear message.
        """

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        """Return the network that this stage has left in a run directory, and the parts around it.

        Args:
            parts: of the recipe, without its data.
            directory: of the run.
            genotype: what the run has found, if it has searched.

        Returns:
            None where there is none: the stage makes no network, or has not come to it.

        Raises:
            RunDirectoryError: its checkpoint is damaged, or does not fit.
        """
        return None

    def run(self, session: Session, work: Work) -> None:
        """Do the work, or go on where it was stopped; called in every process of the run.

        Raises:
            RunFailed: it stopped half way; what is finished is on the disk.
        """
