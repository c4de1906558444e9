"""What a recipe composes, in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from snnplug.recipe.recipe import Recipe

__all__ = ["described"]


def described(recipe: Recipe) -> str:
    """Return what a recipe composes: "data, encoder, space of neuron; strategy by scorer; loss, 3 epochs"."""
    return "; ".join(filter(None, map(", ".join, (_network(recipe), _search(recipe), _learning(recipe)))))


def _network(recipe: Recipe) -> Iterator[str]:
    yield _bare(recipe.dataset)
    yield _bare(recipe.encoder)
    network = recipe.search.space if recipe.search is not None else recipe.architecture
    yield f"{_bare(network)} of {_bare(recipe.neuron)}"


def _search(recipe: Recipe) -> Iterator[str]:
    if recipe.search is not None:
        above = ({"use": rung} if isinstance(rung, str) else rung for rung in recipe.search.rungs)
        scorers = ", then ".join(map(_bare, (recipe.search.scorer, *above)))
        yield f"{_bare(recipe.search.strategy)} by {scorers}"


def _learning(recipe: Recipe) -> Iterator[str]:
    if recipe.train is not None:
        yield _bare(recipe.loss)
        yield f"{recipe.train.epochs} epoch{'s' * (recipe.train.epochs != 1)}"
    if recipe.convert is not None:
        yield f"converted to {_bare(recipe.convert.neuron)}"


def _bare(table: Mapping[str, Any] | None) -> str:
    return str((table or {}).get("use", "?")).rpartition(":")[2]
