"""The training stage: backpropagation through time with the recipe's loss; see `snnplug.engine.training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.engine.train_section import TrainSection, checkpoint_name
from snnplug.errors import RecipeError, RunDirectoryError

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["NetworkSection", "Train"]

_FROM = "train.from"
_WEIGHTS = "train.weights"


@attrs.frozen(kw_only=True)
class NetworkSection(TrainSection):
    """`[train]`: how the network is trained.

    Attributes:
        start: weights at the beginning: new ones, or those inherited from the supernet.
        weights: file of weights, or run directory, that the training starts from; see
            `snnplug.engine.starting_weights`.
        from_: run directory whose trained network is taken as it is, in place of a training.
    """

    from_: str = ""
    weights: str = ""
    start: Literal["scratch", "inherit"] = "scratch"


class Train(Stage):
    """Train the network of the genotype found, or the recipe's architecture."""

    name = "train"
    sections: ClassVar = {"train": NetworkSection}
    gives = "network"

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse an optimizer that is unknown or misses an argument, and batches without statistics."""
        from snnplug.engine.lone_samples import check_smallest_batch
        from snnplug.engine.optimize import check_rates
        from snnplug.engine.train_check import check_training

        recipe = parts.plan.recipe
        if recipe.train.from_:
            _check_taken(parts, recipe.train.from_, directory)
            return
        if recipe.train.weights:
            _check_weights(parts, directory)
        if recipe.train.start == "inherit" and recipe.sections.get("search.supernet") is None:
            raise RecipeError(["train.start: there is nothing to inherit; add [search.supernet]"])
        check_training(parts, recipe.train, self.name)
        if recipe.train.rates and parts.space is None:  # else the network is not known yet
            check_rates(recipe.train, parts.network(None, "check"), self.name)
        check_smallest_batch(parts, recipe.train, self.name)

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        """Return the network with the weights of the checkpoint."""
        from snnplug.engine.checkpoints import restore_network

        return restore_network(parts, directory, genotype, self.name)

    def run(self, session: Session, work: Work) -> None:
        """Build the network and train it, from the last checkpoint on."""
        from snnplug.engine.starting_weights import start_from
        from snnplug.engine.training import train

        model = work.parts.network(work.genotype, self.name)
        section = work.parts.plan.recipe.train
        if section.from_:
            self._take(session, work, section.from_)
            return
        if section.start == "inherit":
            assert work.shared is not None
            supernet: Any = work.shared.load(work.parts)
            model.load_state_dict(dict(supernet.weights(work.genotype)))
        if section.weights:
            work.records["train"] = start_from(session, model, section.weights, _WEIGHTS)
        if work.genotype is not None:
            self._go_on(session, work)
        history = train(session, work.parts, model, section, self.name, work.genotype)
        work.network = model
        work.records["epochs"] = len(history)
        work.seconds[self.name] = sum(epoch.seconds or 0.0 for epoch in history)

    def _go_on(self, session: Session, work: Work) -> None:
        """Begin where the search has left the training of what it found, if it trained."""
        from snnplug.engine.scoring.trainings import take_over

        assert work.parts.space is not None
        with work.parts.calls.running:
            key = work.parts.space.key(work.genotype)
        if done := take_over(session, key):
            session.report.say(f"the training goes on after the {done} epochs that the search has given it")

    def _take(self, session: Session, work: Work, other: str) -> None:
        """Take the network that another run has trained."""
        from snnplug.engine.taking import copy_checkpoint

        taken = copy_checkpoint(session, other, _FROM, checkpoint_name(self.name), "trained network")
        restored = self.restore(work.parts, session.directory, work.genotype)
        assert restored is not None
        work.network = restored.network
        work.records["train"] = taken


def _check_weights(parts: Parts, directory: RunDirectory | None) -> None:
    """Refuse weights of which nothing fits, or that are not the only ones to start from."""
    from snnplug.engine.starting_weights import FILE, match, read_weights

    section = parts.plan.recipe.train
    if section.start == "inherit":
        raise RecipeError([f"{_WEIGHTS}: start = 'inherit' gives weights already; take one of the two"])
    if directory is not None and directory.file(FILE).exists():
        return  # they have been taken
    given = read_weights(section.weights, _WEIGHTS)
    if parts.space is None:  # else the network is not known yet
        match(parts.network(None, "check"), given, f"{_WEIGHTS}: {section.weights}")


def _check_taken(parts: Parts, path: str, directory: RunDirectory | None) -> None:
    """Refuse a run that has not trained a network of this recipe."""
    from snnplug.engine.taking import check_same, other_run

    if parts.space is not None:
        raise RecipeError([f"{_FROM}: a network is taken for [architecture]; give the one that was found"])
    if directory is not None and directory.file(checkpoint_name("train")).exists():
        return  # it has been copied
    other = other_run(path, _FROM, checkpoint_name("train"), "trained network")
    state = other.load_checkpoint(checkpoint_name("train"))
    if state is None or not state.get("complete"):
        raise RunDirectoryError(
            f"{_FROM}: the training in {path} was stopped; finish it with: snnplug run --resume {path}"
        )
    advice = f"the network in {path} is not that of this recipe; Take the same parts, or train this one"
    check_same(parts, other, ("dataset", "encoder", "neuron", "architecture"), _FROM, advice)
