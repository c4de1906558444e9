"""Everything that is checked before a run starts, for whoever starts or only checks one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from snnplug.engine.composition import check_composition
from snnplug.engine.device import find_place, precision_of, usual_settings
from snnplug.engine.parts import Parts, make_parts
from snnplug.nn import check_split
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry

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
) -> Prepared:
    """Resolve a recipe, build its parts, and refuse what could not run.

    Args:
        recipe: what is to run.
        registry: where names are looked up.
        device, devices: as `snnplug.run` takes them.
        launch: start the processes of the run.
        only: kinds that are needed, for work that is not the recipe's stages, which are then not checked.

    Raises:
        UsageError: one clear message; nothing has been started.
    """
    with usual_settings():
        return _prepare(recipe, registry, device, devices, launch, only)


def _prepare(
    recipe: Recipe, registry: Registry, device: str, devices: int, launch: bool, only: Collection[str] | None
) -> Prepared:
    plan = make_plan(recipe, registry) if only is None else make_plan(recipe, registry, only)
    place = find_place(device, devices, precision_of(recipe))
    fabric = place.launch() if launch else None
    parts = make_parts(plan, place.device if fabric is None else fabric.device)
    _check_data(parts)
    if only is None:
        for stage in recipe.running:
            stage.load()().check(parts)
    check_composition(parts)
    return Prepared(parts, fabric)


def _check_data(parts: Parts) -> None:
    """Look at labels and values, so that none of them ends the run in its middle."""
    splits, name = parts.splits, parts.plan["dataset"].qualified
    for split in ("train", "val", "test"):
        check_split(getattr(splits, split), f"the {split} split of dataset {name}", splits.task)
