"""What a recipe does not say, taken from the built-in default recipe."""

from __future__ import annotations

import copy
import functools
from collections.abc import Collection

from snnplug.recipe.built_in import DEFAULT, load_built_in
from snnplug.recipe.section import Table, fields_of
from snnplug.recipe.tables import lookup

__all__ = ["complete", "default_data", "fill_in"]


@functools.cache
def default_data() -> Table:
    """Return the content of the built-in default recipe."""
    return load_built_in(DEFAULT)


def complete(data: Table, finders: Collection[str], stages: Collection[str]) -> None:
    """Give a recipe the stages that it leaves open.

    One that says neither `[architecture]` nor how to find one is the default run with what it says in place
    of the default's. One that says an architecture and nothing to do with it is trained as the default is,
    with no stage inside another's table.

    Args:
        data: the recipe, changed in place.
        finders: names of the stages that find an architecture.
        stages: names of all stages; of those inside another's table dotted ones.
    """
    default = copy.deepcopy(default_data())
    if "architecture" not in data and not any(name in data for name in finders):
        _merge(data, default)
    elif not any(name in data for name in stages):
        for name in stages:
            around, _, last = name.rpartition(".")
            default.get(around, {}).pop(last, None)
        _merge(data, {key: value for key, value in default.items() if key not in finders})


def _merge(data: Table, usual: Table) -> None:
    for key, value in usual.items():
        given = data.setdefault(key, copy.deepcopy(value))
        if isinstance(given, dict) and isinstance(value, dict) and "use" not in given:
            _merge(given, value)


def fill_in(table: Table, section: type, key: str) -> None:
    """Take the tables that a section does not say from the default recipe, where that has them."""
    default = lookup(default_data(), key) if key else default_data()
    for field, use in fields_of(section):
        usual = lookup(default, field.name)
        if use.form != "table" or field.default is None or usual is None:
            continue
        given = table.setdefault(field.name, copy.deepcopy(usual))
        if isinstance(given, dict) and "use" not in given:
            table[field.name] = {**copy.deepcopy(usual), **given}
