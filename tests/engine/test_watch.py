"""A loss may watch the network while it is trained, and lets go of it in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from torch import Tensor, nn

from snnplug import LossSpec, Registry, run
from snnplug.errors import NonFiniteLoss
from snnplug.nn import watch_spikes
from snnplug.recipe.recipe import Recipe

EVENTS: list[str] = []


class Watching(toys.ToyLoss):
    """The toy loss minus the mean of all spikes: it pays to fire."""

    def __init__(self, *, weight: float = 0.0, explode: bool = False) -> None:
        super().__init__()
        self.weight, self.explode = weight, explode
        self.spikes: Tensor | None = None

    def watch(self, model: nn.Module) -> None:
        EVENTS.append("watch")
        self.handle = watch_spikes(model, self.see)

    def unwatch(self) -> None:
        EVENTS.append("unwatch")
        self.handle.remove()
        self.spikes = None

    def see(self, name: str, spikes: Tensor) -> None:
        self.spikes = spikes if torch.is_grad_enabled() else None

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        loss = super().forward(outputs, target)
        if self.spikes is None:
            return loss
        return loss - self.weight * self.spikes.mean() + (torch.inf if self.explode else 0)


@pytest.fixture
def train(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Any]:
    toy_registry.register(LossSpec(name="watching", target=Watching, summary="For tests."))
    EVENTS.clear()
    del toy_recipe["search"]

    def call(name: str, **parameters: Any) -> Any:
        recipe = Recipe.from_dict(
            {**toy_recipe, "architecture": {"use": "toy"}, "loss": {"use": "watching", **parameters}}
        )
        return run(recipe, out=tmp_path / name, registry=toy_registry)

    return call


def test_watches_once_and_lets_go(train: Callable[..., Any]) -> None:
    done = train("run")
    assert EVENTS == ["watch", "unwatch"]
    assert all("step" not in part.__dict__ for part in done.model().modules())


def test_what_it_sees_trains_the_network(train: Callable[..., Any]) -> None:
    spikes = [train(str(w), weight=w).summary["spikes_per_sample"] for w in (-3.0, 0.0, 3.0)]
    assert spikes[0] < spikes[1] < spikes[2]


def test_lets_go_after_a_failure(train: Callable[..., Any]) -> None:
    with pytest.raises(NonFiniteLoss):
        train("run", explode=True)
    assert EVENTS == ["watch", "unwatch"]
