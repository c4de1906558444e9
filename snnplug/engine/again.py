"""A new run of an old one: another candidate, a longer training, the old weights with parts swapped.

What the search of the old run has found is written into the new recipe, as the network of a genotype, so
that the new run needs the old one no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from snnplug.engine.train_section import checkpoint_name
from snnplug.errors import RecipeError, RunDirectoryError, SnnplugError, UsageError
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import Registry
from snnplug.runs.candidates import find_candidate
from snnplug.runs.opening import directory_at
from snnplug.runs.reading import Records
from snnplug.runs.records import TrialRecord

__all__ = ["named_candidate", "recipe_again"]

# of [train]: how the old run began, and what it stood beside
_LEFT_OUT = ("from", "start", "weights", "compare")


def recipe_again(
    records: Records, registry: Registry, candidate: TrialRecord | None = None, *, weights: bool = False
) -> dict[str, Any]:
    """Return the content of a recipe that trains a network of a run again.

    Args:
        records: of the old run.
        registry: where the architecture that builds a genotype is found.
        candidate: of its search; None for the best one, or, where it has not searched, its architecture.
        weights: start from the weights that it has trained.

    Raises:
        UsageError: it has no such candidate, or no weights of it.
    """
    data = Recipe.from_dict(records.resolved.recipe).to_dict()
    train = {key: value for key, value in data.get("train", {}).items() if key not in _LEFT_OUT}
    search = data.pop("search", None)
    if search is None and candidate is not None:
        raise UsageError(f"{records.directory} has not searched, so it has no candidates; leave them out")
    if search is not None:
        chosen = candidate or find_candidate(records)
        data["architecture"] = _network(registry, search["space"], chosen.genotype)
    if weights:
        train["weights"] = _weights(records, candidate)
    if train:
        data["train"] = train
    return data


def _network(registry: Registry, space: Mapping[str, Any], genotype: Any) -> dict[str, Any]:
    builders = [r for r in registry.list("architecture") if getattr(r.spec, "candidate", False)]
    if not builders:
        raise UsageError("no architecture builds a genotype: pip install snnplug-models")
    return {"use": builders[0].qualified, "space": dict(space), "genotype": genotype}


def _weights(records: Records, candidate: TrialRecord | None) -> str:
    found = records.summary.search if records.summary is not None else None
    if candidate is not None and (found is None or candidate.key != found.key):
        raise UsageError(
            f"{records.directory} has trained its best candidate alone, and no weights of "
            f"{candidate.key}; leave out the candidate or the weights"
        )
    if not directory_at(records.directory).file(checkpoint_name("train")).exists():
        raise RunDirectoryError(f"{records.directory} has no trained network: no {checkpoint_name('train')}")
    return str(records.directory)


def named_candidate(recipe: Recipe, registry: Registry) -> Recipe:
    """Return a recipe with space and genotype where its architecture names a run and a candidate.

    Raises:
        RecipeError: the run or the candidate is not there.
    """
    table = recipe.architecture
    if table is None or not isinstance(table.get("run"), str) or not table["run"]:
        return recipe
    try:
        spec = registry.find("architecture", table["use"]).spec
    except (SnnplugError, KeyError, TypeError):  # which is said where names are resolved
        return recipe
    if not getattr(spec, "candidate", False):
        return recipe
    if both := [name for name in ("space", "genotype") if name in table]:
        raise RecipeError([f"architecture.run: the run says {' and '.join(both)} already; leave that out"])
    try:
        records = Records.read(Path(table["run"]))
        chosen = find_candidate(records, table.get("key", ""))
        space = Recipe.from_dict(records.resolved.recipe).search.space
    except UsageError as error:
        raise RecipeError([f"architecture.run: {error}"]) from error
    rest = {name: value for name, value in table.items() if name not in ("run", "key")}
    return attrs.evolve(recipe, architecture={**rest, "space": space, "genotype": chosen.genotype})
