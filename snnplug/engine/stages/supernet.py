"""The supernet stage: one network that holds all of a space is trained, and candidates inherit from it.

The course of the training is in `snnplug.engine.supernet`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.engine.stage import Stage, Work
from snnplug.engine.train_section import TrainSection, checkpoint_name
from snnplug.errors import ContractError, RecipeError, RunDirectoryError

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.engine.supernet import Shared
    from snnplug.runs.directory import RunDirectory

__all__ = ["CHECKPOINT", "Supernet", "SupernetSection", "shared_by"]

CHECKPOINT = checkpoint_name("search.supernet")
_FROM = "search.supernet.from"


@attrs.frozen(kw_only=True)
class SupernetSection(TrainSection):
    """`[search.supernet]`: how the supernet is trained; every key of `[train]`, and these.

    Attributes:
        paths: paths by whose mean accuracy on validation data it is judged.
        from_: run directory whose supernet is taken as it is, in place of a training.
    """

    paths: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    from_: str = ""


class Supernet(Stage):
    """Train all networks of a search space at once, with shared weights."""

    name = "search.supernet"
    sections: ClassVar = {"search.supernet": SupernetSection}
    partial = True

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse a space without a supernet, what `[train]` refuses, and a run that has none to take."""
        from snnplug.engine.lone_samples import check_smallest_batch
        from snnplug.engine.supernet import Shared, build_supernet
        from snnplug.engine.train_check import check_training

        section = _section(parts)
        if section.from_:
            if directory is None or not directory.file(CHECKPOINT).exists():
                shared_by(section.from_, parts)
            else:  # it has been copied
                Shared.of(directory, CHECKPOINT).load(parts)
            return
        build_supernet(parts)
        if section.algorithm != "bptt":
            raise RecipeError(
                [f"{self.name}.algorithm: a supernet, of which each step trains a part, needs 'bptt'"]
            )
        if parts.loss is None:
            raise ContractError(f"[{self.name}] needs a loss; give [loss] with use = ...")
        if section.compile:
            raise RecipeError(
                [
                    f"{self.name}.compile: a supernet runs another path in every batch, each of which would "
                    "be compiled anew; leave it out"
                ]
            )
        check_training(parts, section, self.name)
        check_smallest_batch(parts, section, self.name)

    def run(self, session: Session, work: Work) -> None:
        """Train it, from the last checkpoint on, or take another run's."""
        from snnplug.engine.supernet import Paths, Shared, build_supernet, kept_epoch
        from snnplug.engine.training import train

        parts, section = session.parts, _section(session.parts)
        model = build_supernet(parts)
        record: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters())}
        if section.from_:
            record |= self._take(session, section.from_)
        else:
            history = train(
                session, parts, model, section, self.name, course=Paths(parts, model, section.paths)
            )
            kept = kept_epoch(history, best=section.keep == "best")
            record |= {
                "epochs": len(history),
                "accuracy": kept.val_accuracy,
                "paths": section.paths,
                "facts": dict(kept.facts),
            }
            work.seconds[self.name] = sum(epoch.seconds or 0.0 for epoch in history)
        work.records["supernet"] = record
        work.shared = Shared(session.directory.path, CHECKPOINT, record["facts"])

    def _take(self, session: Session, other: str) -> dict[str, Any]:
        """Copy the checkpoint of another run, once, and return what is recorded of it."""
        from snnplug.engine.supernet import Trained
        from snnplug.engine.taking import copy_checkpoint

        taken = copy_checkpoint(session, other, _FROM, CHECKPOINT, "supernet")
        trained = Trained.read(session.directory, CHECKPOINT)
        return {
            **taken,
            "epochs": trained.epochs,
            "accuracy": trained.kept.val_accuracy,
            "facts": dict(trained.kept.facts),
        }


def _section(parts: Parts) -> SupernetSection:
    section: SupernetSection = parts.plan.recipe.sections["search.supernet"]
    return section


def shared_by(path: str, parts: Parts) -> Shared:
    """Return the supernet of another run, for networks of these parts.

    Raises:
        RunDirectoryError: there is none, it is damaged, or its training was stopped.
        ContractError: it was trained with another search space or neuron.
    """
    from snnplug.engine.supernet import Shared, Trained
    from snnplug.engine.taking import check_same, other_run

    directory = other_run(path, _FROM, CHECKPOINT, "supernet")
    trained = Trained.read(directory, CHECKPOINT)
    if not trained.complete:
        raise RunDirectoryError(
            f"search.supernet.from: the training of the supernet in {path} was stopped after "
            f"{trained.epochs} epochs; finish it with: snnplug run --resume {path}"
        )
    advice = (
        f"the supernet in {path} is not that of this search space; Take the same neuron and search space, or "
        "train a supernet of this one"
    )
    check_same(parts, directory, ("neuron", "search.space"), _FROM, advice)
    shared = Shared(directory.path, CHECKPOINT, trained.kept.facts)
    shared.load(parts)
    return shared
