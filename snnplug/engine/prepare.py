"""Everything that is checked before a run starts, for whoever starts or only checks one.

A wrong name costs no import of torch: what needs it is imported behind the plan.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import attrs

from snnplug.engine.again import named_candidate
from snnplug.errors import DataError
from snnplug.recipe.plan import Plan, make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.registry.contain import calling, title
from snnplug.registry.interrupts import listening
from snnplug.registry.registry import Registry

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.runs.directory import RunDirectory

__all__ = ["Prepared", "prepare"]


@attrs.frozen
class Prepared:
    """Parts that fit each other, and the Fabric they were made for, None where none was launched."""

    parts: Parts
    fabric: Any


def prepare(
    recipe: Recipe,
    registry: Registry,
    *,
    device: str = "auto",
    devices: int = 1,
    launch: bool = False,
    only: Collection[str] | None = None,
    directory: RunDirectory | None = None,
) -> Prepared:
    """Resolve a recipe, build its parts, and refuse what could not run.

    Args:
        recipe: what is to run.
        registry: where names are looked up.
        device, devices: as `snnplug.run` takes them.
        launch: start the processes of the run.
        only: kinds that are needed, for work that is not the recipe's stages, which are then not checked.
        directory: of a run that is continued.

    Raises:
        UsageError: one clear message; nothing has been started.
        ComponentError: a component fails already here.
    """
    recipe = named_candidate(recipe, registry)
    plan = make_plan(recipe, registry) if only is None else make_plan(recipe, registry, only)
    from snnplug.engine.composition import check_composition
    from snnplug.engine.device import usual_settings

    with listening(), usual_settings(), calling(None, among=plan.used):
        prepared = _compose(plan, device, devices, launch)
        if only is None:
            for stage in recipe.running:
                stage.load()().check(prepared.parts, directory)
        check_composition(prepared.parts)
        return prepared


def _compose(plan: Plan, device: str, devices: int, launch: bool) -> Prepared:
    from snnplug.engine.device import find_place, precisions
    from snnplug.engine.parts import make_parts

    recipe = plan.recipe
    partial = any(stage.load().partial for stage in recipe.running)
    place = find_place(device, devices, precisions(recipe), partial=partial)
    fabric = place.launch() if launch else None
    parts = make_parts(plan, place.device if fabric is None else fabric.device)
    _check_data(parts)
    return Prepared(parts, fabric)


def _check_data(parts: Parts) -> None:
    """Look at labels and values, so that none of them ends the run in its middle."""
    from snnplug.nn import check_split

    splits, name = parts.splits, title(parts.plan["dataset"])
    with parts.calls.loading:
        if not len(splits.train):
            raise DataError(f"the train split of {name} has no samples; a run needs some")
        for split in ("train", "val", "test"):
            check_split(getattr(splits, split), f"the {split} split of {name}", splits.task)
