"""What happens between the steps of a converted network: bias, windows of any length, pools, the clock."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn

from snnplug import nn as snn
from snnplug.errors import ContractError, ConversionError
from snnplug.nn import SpikingNeuron, convert
from snnplug.nn.conversion.windows import add, join, max_pool

from .converting import Fire, Levels, Pass, Rectify, events, images, lively

EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.mark.parametrize("every", [1, 2, 3, None])
def test_bias_enters_as_often_as_the_neuron_says(every) -> None:
    kind = type("Every", (Pass,), {"bias_every": every})
    model = lively(
        nn.Sequential(
            nn.Conv2d(2, 3, 2), nn.ReLU(), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)
        )
    )
    x = images(6, 4, 2, 3, 3)
    network = convert(model, x[0], kind).network
    assert list(network.neurons()) == ["1", "3"]

    def layer(part: nn.Module, x: torch.Tensor) -> torch.Tensor:
        silence = torch.zeros_like(x[0])
        bias = part(silence)
        return torch.stack(
            [
                part(step) if (t == 0 if every is None else t % every == 0) else part(step) - bias
                for t, step in enumerate(x)
            ]
        )

    expected = layer(model[0], x)
    expected = layer(model[2], expected)
    expected = layer(model[5], expected.flatten(2))
    torch.testing.assert_close(network(x), expected, **EXACT)


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(6, 2)

    def forward(self, x):
        y = torch.relu(self.one(x))
        z = torch.relu(self.two(y)) + x - 2 * y  # windows of two lengths, and the image itself
        return self.out(torch.cat([x, z], 1))


def test_windows_of_different_lengths() -> None:
    torch.manual_seed(0)
    slots = iter((2, 5))
    model, x = lively(Shortcut()), images(4, 3)
    network = convert(model, x, lambda: Levels(slots=next(slots, 5))).network
    value = network(x[None])
    assert value.shape == (1, 4, 2)
    window = events(network, x[None])
    assert window.shape == (5, 4, 2)
    torch.testing.assert_close(window.sum(0), value[0], **EXACT)


def test_the_image_may_come_in_a_window_of_its_own() -> None:
    model, x = lively(Shortcut()), images(4, 3)
    network = convert(model, x, Levels).network
    value = network(x[None])
    coded = torch.stack([0.25 * x, torch.zeros_like(x), 0.75 * x])
    torch.testing.assert_close(network(coded).sum(0), value[0], **EXACT)
    torch.testing.assert_close(events(network, coded).sum(0), value[0], **EXACT)
    with pytest.raises(ContractError, match="in 3 equal steps; use one step"):
        network(x.expand(3, 4, 3))


def test_shorter_windows_are_silent_at_the_end() -> None:
    long, short = images(6, 2), images(2, 2, seed=1)  # three steps and one, of two samples
    padded = torch.cat([short, torch.zeros(4, 2, dtype=short.dtype)])
    for a, b, A, B in ((long, short, long, padded), (short, long, padded, long)):
        torch.testing.assert_close(add(a, b, -2, 2, None), A - 2 * B)
        torch.testing.assert_close(join([a, b], 1, 2, None), torch.cat([A, B], 1))
    repeated = short.repeat(3, 1)
    torch.testing.assert_close(add(short, long, 1, 2, 1), repeated + long)
    torch.testing.assert_close(join([short, long], 1, 2, 1), torch.cat([repeated, long], 1))


@pytest.mark.parametrize("pool", ["max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool2d"])
def test_max_pool_passes_the_window_of_the_winner(pool) -> None:
    axes = int(pool[-2])
    options = {"output_size": 2} if "adaptive" in pool else {"kernel_size": 3, "stride": 2, "padding": 1}
    x = torch.randint(0, 3, (4, 2, 3, *[5] * axes), generator=torch.Generator().manual_seed(0)).double()
    out = max_pool(pool, x.flatten(0, 1), 2, None, options).unflatten(0, (4, 2))
    torch.testing.assert_close(out.sum(0), getattr(nn.functional, pool)(x.sum(0), **options))
    codes = {tuple(code) for code in x.movedim(0, -1).reshape(-1, 4).tolist()}
    assert {tuple(code) for code in out.movedim(0, -1).reshape(-1, 4).tolist()} <= codes


def test_of_equal_ones_the_first_wins() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(2, 1, 1, 2)  # both sum to 1
    out = max_pool("max_pool1d", x.flatten(0, 1), 1, None, {"kernel_size": 2})
    assert out.flatten().tolist() == [1, 0]


def test_clocked_max_pool_follows_the_sum_so_far() -> None:
    x = torch.tensor([[0.0, 1, 0], [1, 0, 1], [1, 0, 1]]).view(3, 1, 3)  # three steps of three places
    out = max_pool("max_pool1d", x, 1, 1, {"kernel_size": 3})
    assert out.flatten().tolist() == [1, 1, 1]  # of place 1, then 0 (first of equal), then 0
    late = torch.tensor([[0.0, 1, 0], [0, 0, 0], [1, 0, 1]]).view(3, 1, 3)
    assert max_pool("max_pool1d", late, 1, 1, {"kernel_size": 3}).flatten().tolist() == [1, 0, 1]


@pytest.mark.parametrize("early", [True, False])
def test_pools_after_and_before_the_activation(early: bool) -> None:
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    order = [relu, pool] if early else [pool, relu]
    model = lively(nn.Sequential(nn.Conv2d(2, 3, 3), *order, nn.Flatten(), nn.Linear(12, 3)))
    x = images(3, 2, 6, 6)
    network = convert(model, x, Levels).network
    value = network(x[None])[0]
    (neuron,) = network.neurons().values()
    coded = nn.functional.max_pool2d(neuron(model[0](x)[None])[0], 2).flatten(1)
    torch.testing.assert_close(value, model[4](coded), **EXACT)
    torch.testing.assert_close(events(network, x[None]).sum(0), value, **EXACT)


def test_an_activation_that_others_read_too_is_not_moved() -> None:
    class Both(nn.Module):
        def forward(self, x):
            y = torch.relu(x)
            return nn.functional.max_pool1d(y, 2).mean(2) - y.mean(2)

    x = images(3, 2, 6)
    network = convert(Both(), x, Levels).network
    value = network(x[None])[0]
    (neuron,) = network.neurons().values()
    d = neuron(x[None]).sum(0)
    torch.testing.assert_close(value, nn.functional.max_pool1d(d, 2).mean(2) - d.mean(2), **EXACT)
    torch.testing.assert_close(events(network, x[None]).sum(0), value, **EXACT)


def test_clocked_neurons_step_by_step() -> None:
    model = lively(
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 3))
    )
    x = images(2, 2, 6, 6)
    network = convert(model, x, Fire).network
    v, expected = 0, []
    for _ in range(5):
        v = v + model[0](x)
        spikes = (v >= 1).double()
        v = v - spikes
        expected.append(model[4](nn.functional.avg_pool2d(spikes, 2).flatten(1)))
    with torch.no_grad():
        for given in (x.expand(5, *x.shape), x.repeat(5, 1, 1, 1, 1)):
            torch.testing.assert_close(network(given), torch.stack(expected), **EXACT)


def test_an_image_that_is_constant_in_time_passes_the_first_layers_once() -> None:
    network = convert(lively(nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())), images(2, 2, 6, 6), Fire).network
    seen = []
    network.get_submodule("0").register_forward_hook(lambda layer, args, out: seen.append(len(args[0])))
    x = images(2, 2, 6, 6)
    network(x.expand(4, *x.shape))
    network(x.repeat(4, 1, 1, 1, 1))
    assert seen == [2, 8]


def test_the_clock_meets_a_constant_shortcut() -> None:
    model, x = lively(Shortcut()), images(4, 3)
    network = convert(model, x, Fire).network
    static, moving = network(x.expand(6, *x.shape)), network(x.repeat(6, 1, 1))
    torch.testing.assert_close(static, moving, **EXACT)


def test_a_network_without_neurons_keeps_its_steps() -> None:
    model, x = lively(nn.Sequential(nn.Linear(3, 2))), images(4, 3)
    out = convert(model, x, Fire).network(x.expand(6, *x.shape))
    torch.testing.assert_close(out, model(x).expand(6, 4, 2))


def test_ways_to_give_a_neuron() -> None:
    class Component:
        def build(self, **more):
            return Levels(slots=3, **more)

    model, x = lively(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU6())), images(4, 3)
    for given in (
        Levels,
        Levels(),
        Component(),
        functools.partial(Levels, slots=2),
        lambda upper=1.0: Levels(2, upper),
    ):
        one, two = convert(model, x, given).network.neurons().values()
        assert one is not two
        assert isinstance(one, Levels)
        assert two.upper == 6
        assert one is not given


def test_a_neuron_must_take_the_bound() -> None:
    model, x = nn.Sequential(nn.Linear(3, 3), nn.ReLU6()), torch.rand(2, 3)

    class Strict(Pass):
        pass

    for given in (Strict, Strict(), lambda: Strict()):
        with pytest.raises(ConversionError, match=r"hardtanh in '1': .* has no parameter `upper`"):
            convert(model, x, given)
    with pytest.raises(ContractError, match=r"expected a neuron"):
        convert(model, x, nn.ReLU())
    with pytest.raises(ContractError, match=r"expected a neuron"):
        convert(model, x, 3)


def test_neurons_agree_about_the_bias() -> None:
    kinds = iter((Rectify, Levels))
    with pytest.raises(ContractError, match="agree about bias_every, got None and 1"):
        convert(nn.Sequential(nn.ReLU(), nn.Linear(3, 3), nn.ReLU()), torch.rand(2, 3), lambda: next(kinds)())


def test_parameters_that_follow_the_input_have_their_shape() -> None:
    class Gains(SpikingNeuron):
        graded = True

        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.parameter.UninitializedParameter()

        def sequence(self, x, state):
            return x.relu() * self.gain, state

        def initial_state(self, x):
            if isinstance(self.gain, nn.parameter.UninitializedParameter):
                self.gain.materialize(x.shape[1:], x.device, x.dtype)
                self.gain.data.fill_(2)
            return super().initial_state(x)

    model, x = lively(nn.Sequential(nn.Linear(3, 5), nn.ReLU())), images(2, 3)
    network = convert(model, x, Gains).network
    assert snn.is_materialized(network)
    torch.testing.assert_close(network(x[None])[0], 2 * model(x), **EXACT)


def test_an_image_comes_with_the_bias_where_that_enters_every_few_steps() -> None:
    kind = type("Every", (Pass,), {"bias_every": 3})
    model = lively(nn.Sequential(nn.Conv2d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)))
    network = convert(model, images(4, 2, 3, 3), kind).network
    x = images(4, 2, 3, 3)
    steps = network(x.expand(6, *x.shape))
    assert not steps[1:3].any()
    torch.testing.assert_close(steps[0], steps[3], **EXACT)
    expected = model[3](model[2](model[0](x)))  # neurons that pass what they get
    torch.testing.assert_close(steps[0], expected, **EXACT)
