"""Which parameters decay, and which have learning rates of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toys import ToyNeuron

from snnplug import NeuronSpec, Registry, run
from snnplug.engine.optimize import check_optimizer, check_rates, make_optimizer
from snnplug.engine.parameter_groups import sorted_parameters
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError
from snnplug.nn import MembraneState, StepwiseBatchNorm2d


class Learned(ToyNeuron):
    """The toy neuron with a gain."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return super().step(x * self.gain, state)


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 1),
        StepwiseBatchNorm2d(2),
        Learned(),
        nn.Conv2d(2, 2, 1, bias=False),
        nn.BatchNorm2d(2),
        nn.Sequential(nn.Flatten(), nn.Linear(2, 2)),
    )


def settings(model: nn.Module, **train: Any) -> dict[str, tuple[float, float]]:
    """Return learning rate and weight decay of every parameter by name."""
    optimizer = {"use": "sgd", "lr": 1.0, "weight_decay": 0.5}
    made = make_optimizer(model, TrainSection(**{"optimizer": optimizer, **train}))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [(names[id(p)], (g["lr"], g["weight_decay"])) for g in made.param_groups for p in g["params"]]
    assert len(groups) == len(names)
    return dict(groups)


def test_every_parameter_has_a_sort() -> None:
    found = {name: sort for name, _, sort in sorted_parameters(network())}
    assert found == {
        "0.weight": "weights",
        "0.bias": "biases",
        "1.weight": "norms",
        "1.bias": "norms",
        "2.gain": "neurons",
        "3.weight": "weights",
        "4.weight": "norms",
        "4.bias": "norms",
        "5.1.weight": "weights",
        "5.1.bias": "biases",
    }


@pytest.mark.parametrize(
    ("decay", "sorts"),
    [
        ({}, {"weights"}),
        ({"decay": "weights"}, {"weights"}),
        ({"decay": "layers"}, {"weights", "biases", "norms"}),
        ({"decay": "all"}, {"weights", "biases", "norms", "neurons"}),
    ],
)
def test_weight_decay_falls_on_what_it_says(decay: dict[str, Any], sorts: set[str]) -> None:
    model = network()
    decayed = {name for name, (_, weight_decay) in settings(model, **decay).items() if weight_decay}
    assert decayed == {name for name, _, sort in sorted_parameters(model) if sort in sorts}


def test_without_weight_decay_there_is_one_group_beside_the_neurons() -> None:
    made = make_optimizer(network(), TrainSection(optimizer={"use": "adam"}))
    assert [len(group["params"]) for group in made.param_groups] == [9, 1]


def test_a_pattern_goes_before_a_sort_and_the_last_of_several_counts() -> None:
    rates = {"5.*": 3.0, "*.weight": 2.0, "neurons": 0.1, "norms": 0.0, "weights": 9.0}
    found = {name: rate for name, (rate, _) in settings(network(), rates=rates).items()}
    assert found["2.gain"] == 0.1
    assert (found["4.bias"], found["0.bias"], found["5.1.bias"]) == (0.0, 1.0, 3.0)
    assert (found["0.weight"], found["4.weight"], found["5.1.weight"]) == (2.0, 2.0, 2.0)


def test_layers_have_rates_that_fall_towards_the_input() -> None:
    found = {name: rate for name, (rate, _) in settings(network(), layer_decay=0.5).items()}
    assert {found[f"{i}.{p}"] for i, p in ((0, "weight"), (0, "bias"), (1, "weight"), (2, "gain"))} == {0.25}
    assert {found["3.weight"], found["4.weight"]} == {0.5}
    assert {found["5.1.weight"], found["5.1.bias"]} == {1.0}


@pytest.mark.parametrize(("key", "said"), [("norms", "has no norms"), ("*.tua", r"fits '\*\.tua'")])
def test_a_rate_of_nothing_is_refused(key: str, said: str) -> None:
    section = TrainSection(rates={key: 0.1})
    with pytest.raises(RecipeError, match=rf"^train\.rates: .*{said}.*0\.weight"):
        check_rates(section, nn.Sequential(nn.Linear(2, 2)), "train")


def test_a_run_trains_neurons_at_a_rate_of_their_own(
    toy_recipe: dict[str, Any], toy_registry: Registry, tmp_path: Path
) -> None:
    toy_registry.register(NeuronSpec(name="learned", target=Learned, summary="With a gain."))
    plain = {name: table for name, table in toy_recipe.items() if name != "search"}
    recipe = {**plain, "neuron": {"use": "learned"}, "architecture": {"use": "toy"}}
    gains = []
    for number, rate in enumerate((1.0, 0.0)):
        train = {**toy_recipe["train"], "rates": {"neurons": rate}}
        done = run({**recipe, "train": train}, out=tmp_path / str(number), registry=toy_registry)
        weights = done.model().state_dict()
        gains.append(next(float(value) for name, value in weights.items() if name.endswith("gain")))
    assert gains[0] != 1
    assert gains[1] == 1
    with pytest.raises(RecipeError, match=r"train\.rates: no parameter fits 'stem\.\*'"):
        run({**recipe, "train": {"rates": {"stem.*": 1.0}}}, out=tmp_path / "refused", registry=toy_registry)
    assert not (tmp_path / "refused").exists()


@pytest.mark.parametrize("name", ["lamb", "adan", "lion", "lars", "nadamw", "madgrad"])
def test_optimizers_of_timm_are_taken_by_name(name: str) -> None:
    pytest.importorskip("timm", reason="it has the optimizers")
    check_optimizer(TrainSection(optimizer={"use": name, "lr": 0.01, "weight_decay": 0.1}), "train")


@pytest.mark.parametrize("train", [{"min_lr": 0.1, "final_lr": 0.1}, {"min_lr": 2.0}])
def test_a_lowest_rate_that_cannot_be_is_refused(train: dict[str, Any]) -> None:
    section = TrainSection(optimizer={"use": "sgd", "lr": 1.0}, **train)
    with pytest.raises(RecipeError, match=r"^train\.min_lr: "):
        check_optimizer(section, "train")
