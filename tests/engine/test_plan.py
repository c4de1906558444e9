"""Names and parameters of a recipe, resolved and checked."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from toys import ToyNeuron

from snnplug import NeuronSpec, Registry
from snnplug.errors import RecipeError
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe


def plan_of(registry: Registry, recipe: dict[str, Any], *overrides: str) -> Any:
    data, overridden = apply_overrides(recipe, overrides)
    return make_plan(attrs.evolve(Recipe.from_dict(data), overridden=overridden), registry)


def problems(registry: Registry, recipe: dict[str, Any], *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        plan_of(registry, recipe, *overrides)
    return "\n".join(caught.value.problems)


def test_neuron_goes_into_the_space(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    plan = plan_of(toy_registry, toy_recipe, "neuron.tau=3.0")
    assert plan["search.space"].parameters["neuron"] == plan["neuron"]
    assert plan["neuron"].build().tau == 3.0


def test_space_may_have_a_neuron_of_its_own(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    plan = plan_of(toy_registry, toy_recipe, "search.space.neuron={use='toy', tau=5.0}")
    assert plan["search.space"].parameters["neuron"].parameters == {"tau": 5.0}


def test_baselines_are_recorded_unless_refused(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    recorded = plan_of(toy_registry, toy_recipe).under("search.baselines")
    assert [component.name for component in recorded.values()] == ["toy_size"]
    assert plan_of(toy_registry, toy_recipe, "search.baselines=false").under("search.baselines") == {}


def test_every_mistake_has_its_key(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    text = problems(
        toy_registry,
        toy_recipe,
        "neuron.tua=1",
        "dataset.samples=1.5",
        "search.scorer.use=ghost",
        "energy.models=['toy', 'ghost']",
        "encoder.use=3",
    )
    assert "neuron.tua: unknown parameter. Did you mean 'tau'" in text
    assert "dataset.samples: 1.5 is not a whole number" in text
    assert "search.scorer.use: unknown scorer 'ghost'" in text
    assert "energy.models.1.use: unknown energy_model 'ghost'" in text
    assert "encoder.use: 3 is not a name" in text


def test_one_wrong_name_is_one_line(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    text = problems(toy_registry, toy_recipe, "neuron.use=ghost")
    assert text == "neuron.use: unknown neuron 'ghost'. Installed: toy"


def test_ambiguous_name_lists_the_choices(toy_registry: Registry, toy_recipe: dict[str, Any]) -> None:
    toy_registry.register(NeuronSpec(name="toy", target=ToyNeuron, summary="Another."), plugin="acme")
    text = problems(toy_registry, toy_recipe)
    assert "neuron.use" in text
    assert "acme:toy" in text
    assert "local:toy" in text
    assert plan_of(toy_registry, toy_recipe, "neuron.use=acme:toy")["neuron"].plugin == "acme"


def test_replaced_component_drops_foreign_parameters_with_a_note(
    toy_registry: Registry, toy_recipe: dict[str, Any]
) -> None:
    toy_recipe["encoder"] = {"use": "other", "steps": 5, "gain": 2}
    plan = plan_of(toy_registry, toy_recipe, "encoder.use=toy")
    assert plan["encoder"].parameters == {"steps": 5}
    assert plan.notes == ("encoder is now toy: left out encoder.gain",)
    for overrides in (["encoder.use=toy", "encoder.gin=2"], ["encoder.gin=2", "encoder.use=toy"]):
        assert "encoder.gin: unknown parameter" in problems(toy_registry, toy_recipe, *overrides)
    toy_recipe["encoder"] = {"use": "toy", "gain": 2}
    assert "encoder.gain: unknown parameter" in problems(toy_registry, toy_recipe)
