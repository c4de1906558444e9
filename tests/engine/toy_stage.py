"""A stage as somebody would add it: after training, the smallest weights are set to zero, round by round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.errors import RecipeError
from snnplug.recipe.section import Table, uses
from snnplug.runs.records import Epoch

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

CHECKPOINT = "checkpoint-prune.pt"


@attrs.frozen(kw_only=True)
class PruneSection:
    """`[prune]`: `rounds`, the `share` of all weights that is gone after the last, and a loss to judge by."""

    rounds: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    share: float = 0.5
    judge: Table = uses("loss")


class Prune(Stage):
    name = "prune"
    sections: ClassVar = {"prune": PruneSection}
    gives = "network"

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        if not 0 < parts.plan.recipe.prune.share < 1:
            raise RecipeError([f"prune.share: must be between 0 and 1, got {parts.plan.recipe.prune.share}"])
        parts.plan["prune.judge"].build()

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        state = directory.load_checkpoint(CHECKPOINT)
        if state is None:
            return None
        model = parts.network(genotype, self.name)
        model.load_state_dict(state["model"])
        return Restored(parts, model.eval())

    def run(self, session: Session, work: Work) -> None:
        from snnplug.engine.evaluate import evaluate

        parts, section, model = work.parts, work.parts.plan.recipe.prune, work.network
        assert model is not None
        state = session.directory.load_checkpoint(CHECKPOINT) or {"rounds": [], "model": model.state_dict()}
        model.load_state_dict(state["model"])
        for number in range(len(state["rounds"]), section.rounds):
            prune(model, section.share * (number + 1) / section.rounds)
            score = evaluate(parts, model, parts.splits.val, "val", 16)
            assert score is not None
            state = {"rounds": [*state["rounds"], score.accuracy], "model": model.state_dict()}
            session.directory.save_checkpoint(state, CHECKPOINT)
            session.report.say(f"round {number + 1} of {section.rounds}")
        epochs = [
            Epoch(stage=self.name, epoch=i + 1, val_accuracy=accuracy)
            for i, accuracy in enumerate(state["rounds"])
        ]
        session.write_metrics(self.name, epochs)
        judge = parts.plan["prune.judge"]
        work.records["prune"] = {"rounds": state["rounds"], "zeros": zeros(model), "judge": judge.qualified}
        work.seconds[self.name] = 0.0


def prune(model: Any, share: float) -> None:
    import torch

    weights = torch.cat([p.detach().flatten() for p in model.parameters()]).abs()
    limit = weights.kthvalue(max(1, int(share * len(weights)))).values
    with torch.no_grad():
        for parameter in model.parameters():
            parameter[parameter.abs() <= limit] = 0


def zeros(model: Any) -> int:
    return sum(int((p == 0).sum()) for p in model.parameters())
