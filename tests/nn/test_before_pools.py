"""A clocked neuron stays before a max pool, its ANN's activation comes behind: they are compared before."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug.nn import TimeSequential, calibrate, convert, trace
from snnplug.nn.conversion.before_pools import placed_as

from .converting import Fire, Levels, Rectify, images, lively


class ReLU(Rectify):
    analog = True


class Scaled(Fire):
    """Keeps what it was started with."""

    sequential = True

    def start(self, samples: Tensor, received: Tensor) -> None:
        self.samples, self.received = samples, received


def model() -> nn.Module:
    first, second = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
    layers = [first, nn.ReLU(), nn.MaxPool2d(2), second, nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()]
    return lively(nn.Sequential(*layers, nn.Linear(16, 5)))


X = images(6, 2, 8, 8).abs()


def both(neuron: type[nn.Module], *, inside: bool = False) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    trained = model()
    made = [convert(trained, X, kind).network for kind in (ReLU, neuron)]
    ann, snn = (TimeSequential(one) for one in made) if inside else made
    return ann, snn


@pytest.mark.parametrize("inside", [False, True])
def test_a_layer_before_a_pool_is_traced_there(inside: bool) -> None:
    ann, snn = both(Fire, inside=inside)
    found = trace(ann, snn, [X[None]], steps=8)
    path = "layers.0." if inside else ""
    assert [layer.name for layer in found.layers] == [f"{path}1", f"{path}5"]
    parts = (ann.layers[0] if inside else ann).get_submodule("0")
    with torch.no_grad():
        potentials = parts(X)
        sent = Fire()(potentials.expand(8, *potentials.shape)).mean(0)
    first = found.layers[0]
    assert first.values == potentials.numel()
    error = sent - potentials.relu()
    assert_close(torch.tensor(first.accumulated.mean), error.mean(), check_dtype=False)
    assert_close(torch.tensor(first.own.rms), error.square().mean().sqrt(), check_dtype=False)
    assert found.layers[1].values == 6 * 4 * 2 * 2  # the second stands behind its pool in the model


def test_calibration_gets_what_comes_before_the_pool_from_both() -> None:
    ann, snn = both(Scaled)
    calibrate(ann, snn, [X[None]], steps=3)
    neuron = snn.get_submodule("1")
    potentials = ann.get_submodule("0")(X).movedim(1, -1).flatten(0, -2)
    assert_close(neuron.samples.sort(0).values, potentials.sort(0).values)
    assert_close(neuron.received, neuron.samples.expand(3, *potentials.shape))


def test_the_network_is_the_same_inside_and_as_it_was_behind() -> None:
    ann, snn = both(Fire)
    before, code = ann(X[None]), ann.code
    with placed_as(ann, snn):
        assert ann.code != code
        assert_close(ann(X[None]), before, rtol=0, atol=0)
    assert ann.code == code
    assert_close(ann(X[None]), before, rtol=0, atol=0)


def test_neurons_behind_their_pools_stay() -> None:
    ann, snn = both(Levels)
    code = ann.code
    with placed_as(ann, snn):
        assert ann.code == code
    snn(X[None])
    assert [layer.values for layer in trace(ann, snn, [X[None]]).layers] == [6 * 3 * 4 * 4, 6 * 4 * 2 * 2]
