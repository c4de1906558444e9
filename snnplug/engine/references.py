"""Networks made by hand, scored beside a search: they never win, and no strategy hears of them."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any

import attrs

from snnplug.engine.parts import Parts
from snnplug.engine.scoring.evaluator import Job
from snnplug.errors import ContractError, SnnplugError, in_one_line
from snnplug.registry.contain import calling, describe, refuse

__all__ = ["Reference", "check_references", "jobs_of", "references_of"]

_WANTED = "a genotype of the search space"


@attrs.frozen
class Reference:
    """A network made by hand: its genotype, and the key of that."""

    genotype: Any
    key: str


def check_references(parts: Parts) -> list[str]:
    """Return a line for each reference that is no network of the space."""
    problems = []
    for name, genotype in parts.plan.recipe.search.references.items():
        try:
            reference = _reference(parts, genotype)
            parts.network(reference.genotype, "check")
        except SnnplugError as error:
            problems.append(f"search.references.{name}: {in_one_line(str(error))}")
    return problems


def references_of(parts: Parts) -> Mapping[str, Reference]:
    """Return the references of a search by name; they have been checked."""
    given = parts.plan.recipe.search.references
    return {name: _reference(parts, genotype) for name, genotype in given.items()}


def jobs_of(references: Iterable[Reference], known: Container[str]) -> list[Job]:
    """Return what has to be done to score them: each network once, among no draws, whatever its size."""
    different: dict[str, Job] = {}
    for reference in references:
        if reference.key not in known:
            different.setdefault(reference.key, Job(-1, reference.genotype, reference.key, unlimited=True))
    return list(different.values())


def _reference(parts: Parts, genotype: Any) -> Reference:
    assert parts.space is not None
    component = parts.plan["search.space"]
    try:
        plain = json.loads(json.dumps(genotype, allow_nan=False))
    except (TypeError, ValueError) as error:
        given = describe(genotype)
        raise ContractError(f"{given} is no genotype: give numbers, texts, lists and tables") from error
    with calling(component, _WANTED, parts.plan.used):
        key: Any = parts.space.key(plain)
        if not isinstance(key, str):
            refuse(component, "a text as the key of a genotype", key)
    return Reference(plain, key)
