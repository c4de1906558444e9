"""The training stage: backpropagation through time with the recipe's loss; see `snnplug.engine.training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["NetworkSection", "Train"]


@attrs.frozen(kw_only=True)
class NetworkSection(TrainSection):
    """`[train]`: how the network is trained.

    Attributes:
        start: weights at the beginning: new ones, or those inherited from the supernet.
    """

    start: Literal["scratch", "inherit"] = "scratch"


class Train(Stage):
    """Train the network of the genotype found, or the recipe's architecture."""

    name = "train"
    sections: ClassVar = {"train": NetworkSection}
    gives = "network"

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse an optimizer that is unknown or misses an argument, and batches without statistics."""
        from snnplug.engine.lone_samples import check_smallest_batch
        from snnplug.engine.optimize import check_optimizer

        recipe = parts.plan.recipe
        if recipe.train.start == "inherit" and recipe.sections.get("search.supernet") is None:
            raise RecipeError(["train.start: there is nothing to inherit; add [search.supernet]"])
        check_optimizer(parts.plan.recipe.train, self.name)
        check_smallest_batch(parts, parts.plan.recipe.train, self.name)

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        """Return the network with the weights of the checkpoint."""
        from snnplug.engine.training import restore_network

        return restore_network(parts, directory, genotype, self.name)

    def run(self, session: Session, work: Work) -> None:
        """Build the network and train it, from the last checkpoint on."""
        from snnplug.engine.training import train

        model = work.parts.network(work.genotype, self.name)
        section = work.parts.plan.recipe.train
        if section.start == "inherit":
            assert work.shared is not None
            supernet: Any = work.shared.load(work.parts)
            model.load_state_dict(dict(supernet.weights(work.genotype)))
        history = train(session, work.parts, model, section, self.name, work.genotype)
        work.network = model
        work.records["epochs"] = len(history)
        work.seconds[self.name] = sum(epoch.seconds or 0.0 for epoch in history)
