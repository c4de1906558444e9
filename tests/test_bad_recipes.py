"""Built-in recipes mutated at random: a clear message or a plan that builds, never a traceback."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("snnplug_snasnet", reason="the built-in recipes need the first plugins")

from snnplug import Registry
from snnplug.engine.composition import build_space, check_composition
from snnplug.engine.device import make_fabric
from snnplug.engine.optimize import check_optimizer
from snnplug.engine.progress import Reporter
from snnplug.engine.setup import make_setup
from snnplug.errors import UsageError
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe, built_in_recipes, recipe_text
from snnplug.runs.directory import RunDirectory

RECIPES = {name: tomllib.loads(recipe_text(name)) for name in built_in_recipes()}
REGISTRY = Registry.from_installed(quiet=True)
NAMES = sorted({r.name for r in REGISTRY})

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(NAMES),
    st.lists(st.integers(-2, 3), max_size=3),
    st.dictionaries(st.text(max_size=6), st.integers(-2, 3), max_size=2),
    st.fixed_dictionaries({"use": st.sampled_from(NAMES)}),
)


def paths(table: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in nested tables and lists."""
    found = []
    entries = dict(enumerate(table)) if isinstance(table, list) else table
    for key, value in entries.items() if isinstance(entries, dict) else ():
        found += [(*prefix, key), *paths(value, (*prefix, key))]
    return found


def mutate(recipe: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Change one place: another value, a missing key, a misspelled key or an added one."""
    path = data.draw(st.sampled_from(paths(recipe)), label="path")
    parent: Any = recipe
    for key in path[:-1]:
        parent = parent[key]
    change = data.draw(st.sampled_from(["value", "remove", "misspell", "add"]), label="change")
    if change == "value" or not isinstance(parent, dict):
        parent[path[-1]] = data.draw(values, label="value")
    elif change == "remove":
        del parent[path[-1]]
    elif change == "misspell":
        parent[f"{path[-1]}{data.draw(st.sampled_from('sx_ '), label='letter')}"] = parent.pop(path[-1])
    else:
        parent[data.draw(st.text(max_size=8), label="key")] = data.draw(values, label="value")
    return recipe


def is_embedded(table: dict[str, Any]) -> bool:
    return REGISTRY.find("dataset", table["dataset"]["use"]).spec.embedded


def compose(recipe: Recipe, whole: bool) -> None:
    """Do all that a run does before it begins to work; networks and data only where that is quick."""
    plan = make_plan(recipe, REGISTRY)
    precision = "32-true"
    if recipe.train is not None:
        check_optimizer(recipe.train)
        precision = recipe.train.precision
    if not whole:
        return
    fabric = make_fabric("cpu", 1, precision)
    setup = make_setup(plan, fabric, RunDirectory.__new__(RunDirectory), Reporter(quiet=True))
    check_composition(setup, build_space(setup))


@pytest.mark.parametrize("name", RECIPES)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_no_mutation_gives_a_traceback(name: str, data: st.DataObject) -> None:
    recipe = copy.deepcopy(RECIPES[name])
    for _ in range(data.draw(st.integers(1, 2), label="mutations")):
        recipe = mutate(recipe, data)
    try:
        compose(Recipe.from_dict(recipe), is_embedded(RECIPES[name]))  # recipes for large data are large
    except UsageError as error:
        message = str(error)
        assert message.strip()
        assert "Traceback" not in message
