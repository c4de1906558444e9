"""The contract of callbacks, the schedule of the paper, and what is pruned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from snnplug_pruning.gradual import GradualPruning
from torch import nn

from snnplug.nn import TimeSequential
from snnplug.testing import CallbackConformance, PluginConformance
from snnplug.testing.callback import TinyTraining


class TestPlugin(PluginConformance):
    name = "snnplug-pruning"


class TestGradualPruning(CallbackConformance):
    name = "snnplug-pruning:gradual_pruning"
    params = (
        {},
        {"scope": "network", "sparsity": 0.5, "updates": 3},
        {"begin": 0.0, "end": 0.0, "updates": 1},
        {"spare": ("layers.0.*",), "samples": 0},
    )


def training(epochs: int = 5, **settings: Any) -> TinyTraining:
    network = TestGradualPruning().network()
    return TinyTraining(network, GradualPruning(**settings), epochs)


def zeros(module: Any) -> float:
    return float((module.weight == 0).double().mean())


def test_the_share_rises_by_the_cube_of_the_paper() -> None:
    pruning = GradualPruning(sparsity=0.9, initial=0.1, begin=0.0, end=1.0, updates=5)
    expected = [0.9 - 0.8 * (1 - n / 4) ** 3 for n in range(5)]
    assert [pruning.share(n) for n in range(1, 6)] == pytest.approx(expected)
    assert [pruning.due(p) for p in (0.0, 0.24, 0.25, 0.5, 0.75, 0.99, 1.0)] == [1, 1, 2, 3, 4, 4, 5]
    assert GradualPruning(begin=0.5, end=0.5).due(0.49) == 0


def test_each_layer_ends_with_its_share_of_zeros() -> None:
    done = training(sparsity=0.75)
    done.run(5)
    layers: Any = done.network.get_submodule("layers")
    assert zeros(layers[0]) == 27 / 36
    assert zeros(layers[4]) == 324 / 432
    assert all((module.bias != 0).all() for module in (layers[0], layers[4]))
    assert [found["sparsity"] for found in done.facts] == sorted(found["sparsity"] for found in done.facts)


def test_over_the_network_the_smallest_weights_go() -> None:
    done = training(sparsity=0.5, scope="network", begin=0.0, end=0.0, updates=1)
    layers: Any = done.network.get_submodule("layers")
    with torch.no_grad():
        layers[0].weight.mul_(100)
    done.run(1)
    assert zeros(layers[0]) == 0.0
    assert zeros(layers[4]) == pytest.approx((36 + 432) / 2 / 432)


def test_what_is_pruned_stays_so() -> None:
    done = training(sparsity=0.8, end=0.3, updates=2)
    done.run(3)
    gone = {name: ~mask for name, mask in done.callback.masks.items()}  # type: ignore[attr-defined]
    done.run(5)
    assert gone
    for name, mask in gone.items():
        assert (done.network.get_parameter(name)[mask] == 0).all(), name


def test_synaptic_operations_fall_with_the_weights() -> None:
    done = training(sparsity=0.99, begin=0.5, end=0.5, updates=1)
    done.run(5)
    operations = [found["synaptic_operations"] for found in done.facts]
    assert 0 <= operations[-1] < 0.1 * operations[0]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"end must not be before begin = 0.5, got 0.2"):
        GradualPruning(begin=0.5, end=0.2)
    with pytest.raises(ValueError, match=r"sparsity must be at least initial = 0.9, got 0.8"):
        GradualPruning(initial=0.9)
    with pytest.raises(ValueError, match="sparsity"):
        GradualPruning(sparsity=1.0)
    nothing = TinyTraining(TimeSequential(nn.Conv2d(1, 3, 8), nn.Flatten()), GradualPruning(spare=("*",)), 1)
    with pytest.raises(ValueError, match="no convolution or linear layer"):
        nothing.run(1)
