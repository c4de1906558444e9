"""The training stage: backpropagation through time with the recipe's loss; see `snnplug.engine.training`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.engine.train_section import TrainSection

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["Train"]


class Train(Stage):
    """Train the network of the genotype found, or the recipe's architecture."""

    name = "train"
    sections: ClassVar = {"train": TrainSection}
    gives = "network"

    def check(self, parts: Parts) -> None:
        """Refuse an optimizer that is unknown or misses an argument, and batches without statistics."""
        from snnplug.engine.lone_samples import check_smallest_batch
        from snnplug.engine.optimize import check_optimizer

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
        history = train(session, work.parts, model, section, self.name, work.genotype)
        work.network = model
        work.records["epochs"] = len(history)
        work.seconds[self.name] = sum(epoch.seconds or 0.0 for epoch in history)
