"""The supernet stage: one network that holds all of a space is trained, and candidates inherit from it.

The course of the training is in `snnplug.engine.supernet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.engine.stage import Stage, Work
from snnplug.engine.train_section import TrainSection
from snnplug.errors import ContractError, RunDirectoryError

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory
    from snnplug.runs.records import Epoch

__all__ = ["Supernet", "SupernetSection"]


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

    def check(self, parts: Parts) -> None:
        """Refuse a space without a supernet, what `[train]` refuses, and a run that has none to take."""
        from snnplug.engine.lone_samples import check_smallest_batch
        from snnplug.engine.optimize import check_optimizer
        from snnplug.engine.supernet import build_supernet

        section = _section(parts)
        if section.from_:
            _check_taken(parts, section.from_)
            return
        build_supernet(parts)
        if parts.loss is None:
            raise ContractError(f"[{self.name}] needs a loss; give [loss] with use = ...")
        check_optimizer(section, self.name)
        check_smallest_batch(parts, section, self.name)

    def run(self, session: Session, work: Work) -> None:
        """Train it, from the last checkpoint on, or take another run's."""
        from snnplug.engine.supernet import Paths, Shared, build_supernet
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
            kept = _kept(history, best=section.keep == "best")
            record |= {
                "epochs": len(history),
                "accuracy": kept.val_accuracy,
                "paths": section.paths,
                "facts": dict(kept.facts),
            }
            work.seconds[self.name] = sum(epoch.seconds or 0.0 for epoch in history)
        work.records["supernet"] = record
        facts = {name: float(value) for name, value in record["facts"].items() if value is not None}
        work.shared = Shared(session.directory.path, _checkpoint(), facts)

    def _take(self, session: Session, other: str) -> dict[str, Any]:
        """Copy the checkpoint of another run, and return what is recorded of it."""
        import hashlib

        from snnplug.runs.damage import UNREADABLE, damaged
        from snnplug.runs.reading import structure
        from snnplug.runs.records import Epoch

        directory = session.directory
        if session.leads and not directory.file(_checkpoint()).exists():  # what was taken once stays
            directory.write_bytes(_checkpoint(), _other(other).file(_checkpoint()).read_bytes())
        session.wait()
        state = directory.load_checkpoint(_checkpoint())
        assert state is not None
        content = directory.file(_checkpoint()).read_bytes()
        try:
            history = [structure(epoch, Epoch) for epoch in state["history"]]
            kept = _kept(history, best=bool(state["best_model"]))
        except UNREADABLE as error:
            raise damaged(directory.path, _checkpoint(), error) from error
        return {
            "from": str(other),
            "sha256": hashlib.sha256(content).hexdigest(),
            "epochs": len(history),
            "accuracy": kept.val_accuracy,
            "facts": dict(kept.facts),
        }


def _section(parts: Parts) -> SupernetSection:
    section: SupernetSection = parts.plan.recipe.sections["search.supernet"]
    return section


def _kept(history: Sequence[Epoch], *, best: bool) -> Epoch:
    """Return the epoch whose weights are those of the supernet."""
    return max(history, key=lambda epoch: epoch.judged or 0.0) if best else history[-1]


def _checkpoint() -> str:
    from snnplug.engine.training import checkpoint_name

    return checkpoint_name(Supernet.name)


def _check_taken(parts: Parts, path: str) -> None:
    """Refuse a supernet of another run that is not finished, or of other networks than this run's.

    Raises:
        RunDirectoryError: there is none, or its training was stopped.
        ContractError: it was trained with another search space or neuron.
    """
    from snnplug.engine.provenance import differences
    from snnplug.engine.supernet import Shared
    from snnplug.runs.reading import read_resolved

    directory = _other(path)
    state = directory.load_checkpoint(_checkpoint())
    assert state is not None
    if not state.get("complete", True):
        raise RunDirectoryError(
            f"search.supernet.from: the training of the supernet in {path} was stopped after "
            f"{len(state['history'])} epochs; finish it with: snnplug run --resume {path}"
        )
    if others := differences(parts.plan, read_resolved(directory), ("neuron", "search.space")):
        raise ContractError(
            f"search.supernet.from: the supernet in {path} is not that of this search space: "
            f"{others[0]}. Take the same neuron and search space, or train a supernet of this one"
        )
    Shared(directory.path, _checkpoint()).load(parts)


def _other(path: str) -> RunDirectory:
    """Return the directory of a run to take from.

    Raises:
        RunDirectoryError: it is none, or has no supernet.
    """
    from snnplug.runs.directory import RunDirectory

    directory = RunDirectory.open(Path(path))
    if not directory.file(_checkpoint()).exists():
        raise RunDirectoryError(f"search.supernet.from: {path} has no supernet: no {_checkpoint()}")
    return directory
