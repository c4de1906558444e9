"""Scorers of inherited weights outside a run: which can be used, and the supernet of another run for them."""

from __future__ import annotations

from collections.abc import Sequence

from snnplug.engine.parts import Parts
from snnplug.engine.stages.search import inherits, without_weights
from snnplug.engine.stages.supernet import shared_by
from snnplug.engine.supernet import Shared
from snnplug.errors import RecipeError
from snnplug.recipe.recipe import Recipe
from snnplug.registry.component import Component

__all__ = ["able", "shared_weights"]


def able(scorers: Sequence[Component], recipe: Recipe) -> list[Component]:
    """Return the scorers without those that would inherit from a supernet that the recipe does not name."""
    section = recipe.sections.get("search.supernet")
    return [scorer for scorer in scorers if not inherits(scorer) or (section and section.from_)]


def shared_weights(parts: Parts, scorers: Sequence[Component]) -> Shared | None:
    """Return the weights that scorers look at, None where none of them does.

    Raises:
        RecipeError: no supernet is named, or the data set has no validation split.
        RunDirectoryError: the run that is named has none, or its checkpoint is damaged.
        ContractError: its supernet is that of another search space or neuron.
    """
    named = {f"scorers.{scorer.name}": scorer for scorer in scorers if inherits(scorer)}
    if not named:
        return None
    if problems := without_weights(named, parts):
        raise RecipeError(problems)
    other = parts.plan.recipe.sections["search.supernet"].from_
    if not other:
        raise RecipeError(
            [
                "search.supernet: no supernet is trained here; train it first: snnplug run ..., then name "
                "that run by -s search.supernet.from=DIR"
            ]
        )
    return shared_by(other, parts)
