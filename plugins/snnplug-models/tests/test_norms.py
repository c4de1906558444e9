"""Normalisation by name: formulas written out, what is refused, what a recorder sees."""

from __future__ import annotations

import math

import pytest
import torch
from snnplug_models.norms import Norm, TemporalBatchNorm, ThresholdBatchNorm, norm
from torch import Tensor, nn

from snnplug import Component, Registry, Task
from snnplug.errors import ContractError
from snnplug.nn import (
    MembraneState,
    SpikingNeuron,
    StepwiseBatchNorm2d,
    as_neuron,
    materialize,
    recalibrate,
    record,
    spike,
)

registry = Registry.from_installed()
EVENTS = Task(input_shape=(2, 8, 8), classes=3, steps=4, events=True, values="counts")


class Neuron(SpikingNeuron):
    """Leaky, with a threshold."""

    def __init__(self, *, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        v = 0.5 * state.v + x
        s = spike(v - self.threshold)
        return s, MembraneState(v * (1 - s))


class Around(SpikingNeuron):
    """Another neuron in a shell."""

    def __init__(self, *, base: Component) -> None:
        super().__init__()
        self.base = as_neuron(base)

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return self.base.step(x, state)


class Mean(SpikingNeuron):
    """Fires above its input's mean, without a threshold."""

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        return spike(x - x.mean()), state


def use(neuron: type[SpikingNeuron] = Neuron, **parameters: object) -> Component:
    return Component(
        kind="neuron", plugin="local", version="", name="test", target=neuron, parameters=parameters
    )


def build(name: str, task: Task = EVENTS, neuron: Component | None = None, **parameters: object) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = registry.use("architecture", name, **parameters).build(task, neuron=neuron or use())
    return model


def sequence(*shape: int) -> Tensor:
    """Values `[T, B, C, *]` of other means and deviations in every step and channel."""
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    T, _, C = shape[:3]
    scale = torch.arange(1.0, T * C + 1).view(T, 1, C, *[1] * (len(shape) - 3))
    return x * scale.sqrt() + scale


def drawn(layer: nn.Module) -> nn.Module:
    """Give all its weights values of no use to anybody."""
    generator = torch.Generator().manual_seed(1)
    for p in layer.parameters():
        nn.init.uniform_(p, 0.5, 1.5, generator=generator)
    return layer.double()


def by_hand(x: Tensor, layer: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """Return `[T, B, C, *]` with mean 0 and deviation 1 over all but the channels, and gamma and beta."""
    axes = [0, 1, *range(3, x.ndim)]
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    rows = (1, 1, -1, *[1] * (x.ndim - 3))
    weight, bias = (layer.get_parameter(name).view(rows) for name in ("weight", "bias"))
    return (x - mean) / (variance + 1e-5).sqrt(), weight, bias


@pytest.mark.parametrize("shape", [(4, 3, 5, 6, 6), (4, 7, 5)])
def test_tebn_is_batch_norm_with_a_scale_for_every_step(shape: tuple[int, ...]) -> None:
    layer, x = drawn(TemporalBatchNorm(5, 4)), sequence(*shape)
    normed, gamma, beta = by_hand(x, layer)
    p = layer.get_parameter("p").view(-1, *[1] * (len(shape) - 1))
    torch.testing.assert_close(layer(x), p * (gamma * normed + beta))


@pytest.mark.parametrize("branches", [1, 2, 3])
@pytest.mark.parametrize("shape", [(4, 3, 5, 6, 6), (4, 7, 5)])
def test_tdbn_brings_currents_to_a_share_of_the_threshold(shape: tuple[int, ...], branches: int) -> None:
    layer, x = drawn(ThresholdBatchNorm(5, 0.5, branches)), sequence(*shape)
    normed, gamma, beta = by_hand(x, layer)
    alpha = 1 / math.sqrt(branches)
    torch.testing.assert_close(layer(x.flatten(0, 1)).view(shape), gamma * alpha * 0.5 * normed + beta)


@pytest.mark.parametrize("name", ["tebn", "tdbn"])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_are_those_of_batch_norm(name: str, momentum: float | None) -> None:
    [layer], x = Norm(name, 4, 0.5).behind(5), sequence(4, 3, 5, 6, 6)  # type: ignore[arg-type]
    plain = nn.BatchNorm2d(5).double()
    layer = layer.double()
    for one in (plain, layer):
        one.momentum = momentum  # type: ignore[assignment]
    for _ in range(2):
        plain(x.flatten(0, 1))
        layer(x if name == "tebn" else x.flatten(0, 1))
    for buffer, expected in plain.named_buffers():
        torch.testing.assert_close(layer.get_buffer(buffer), expected)
    found = drawn(layer).eval()(x if name == "tebn" else x.flatten(0, 1)).view(x.shape)
    mean, variance = (b.view(1, 1, -1, 1, 1) for b in (plain.running_mean, plain.running_var))  # type: ignore[union-attr]
    gamma, beta = (layer.get_parameter(n).view(1, 1, -1, 1, 1) for n in ("weight", "bias"))
    normed = (x - mean) / (variance + 1e-5).sqrt()
    if name == "tebn":
        torch.testing.assert_close(
            found, layer.get_parameter("p").view(-1, 1, 1, 1, 1) * (gamma * normed + beta)
        )
    else:
        torch.testing.assert_close(found, 0.5 * gamma * normed + beta)


def test_tebn_of_what_is_constant_in_time() -> None:
    layer = drawn(TemporalBatchNorm(5, 4))
    x = sequence(1, 3, 5, 6, 6).expand(4, 3, 5, 6, 6)
    torch.testing.assert_close(layer(x), layer(x.contiguous()))
    layer.eval()
    torch.testing.assert_close(layer(x), layer(x.contiguous()))


def test_tebn_is_told_another_number_of_steps() -> None:
    with pytest.raises(ContractError, match="tebn has a scale for each of 4 time steps, but the input has 2"):
        TemporalBatchNorm(5, 4)(torch.zeros(2, 1, 5, 3, 3))
    with pytest.raises(ContractError, match="tebn has a scale for each time step, but their number is not"):
        build("vgg", Task(input_shape=(2, 8, 8), classes=3), batch_norm="tebn")


def test_the_threshold_is_that_of_the_neuron() -> None:
    assert norm("tdbn", EVENTS, use(threshold=0.25)).threshold == 0.25
    assert norm("tdbn", EVENTS, use(Around, base=use(threshold=0.75))).threshold == 0.75
    with pytest.raises(
        ContractError, match=r"tdbn scales currents by the threshold .* Mean has no fixed positive"
    ):
        norm("tdbn", EVENTS, use(Mean))
    assert norm("joint", EVENTS, use(Mean)).threshold == 1.0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("joint", nn.BatchNorm2d),
        ("per_step", StepwiseBatchNorm2d),
        ("tebn", TemporalBatchNorm),
        ("tdbn", ThresholdBatchNorm),
    ],
)
@pytest.mark.parametrize(
    ("network", "parameters", "count"),
    [
        ("vgg", {"layers": [4, "M", 4]}, 2),
        ("resnet", {"blocks": (1, 1), "widths": (4, 8)}, 6),
        ("sew_resnet", {"blocks": (1, 1), "width": 4}, 6),
        ("plif_net", {"channels": 4}, 2),
        ("dense", {"hidden": (8, 8)}, 2),
        ("recurrent", {"hidden": (8,)}, 1),
    ],
)
def test_every_network_takes_every_norm(
    name: str, kind: type[nn.Module], network: str, parameters: dict[str, object], count: int
) -> None:
    if network in ("dense", "recurrent") and name == "joint":
        kind = nn.BatchNorm1d
    model = build(network, batch_norm=name, **parameters)
    assert sum(type(part) is kind for part in model.modules()) == count
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    assert all(layer.bias is None for layer in layers)
    x = torch.poisson(torch.full((4, 3, 2, 8, 8), 0.5))
    assert model(x).shape == (4, 3, 3)


@pytest.mark.parametrize(
    ("shortcut", "inside", "ends"),
    [("sew", 1, [1, 1, 1]), ("membrane", 1, [2, 2, 2]), ("post_add", 1, [2, 2, 2])],
)
def test_branches_of_tdbn_where_currents_meet(shortcut: str, inside: int, ends: list[int]) -> None:
    model = build("resnet", blocks=(1, 1), widths=(4, 8), shortcut=shortcut, batch_norm="tdbn")
    factors = {
        name: part.factor for name, part in model.named_modules() if isinstance(part, ThresholdBatchNorm)
    }
    branches = {name: round((0.5 / factor) ** 2) for name, factor in factors.items()}
    first = [n for name, n in branches.items() if "branch" in name][::2]
    last = [n for name, n in branches.items() if "branch" in name][1::2]
    resize = [n for name, n in branches.items() if "shortcut" in name]
    assert first == [inside] * 2
    assert [*last, *resize] == ends


@pytest.mark.parametrize("name", ["joint", "per_step", "tebn", "tdbn"])
def test_norms_cost_nothing_in_a_recording(name: str) -> None:
    model = build("vgg", layers=[4, "M", 4], batch_norm=name)
    x = torch.poisson(torch.full((4, 3, 2, 8, 8), 0.5))
    model(x)  # statistics
    model.eval()
    with record(model) as activity, torch.no_grad():
        model(x)
    assert not activity.uncounted
    assert [layer.analog for layer in activity.synapses.values()] == [False] * 3
    first = next(iter(activity.synapses.values()))
    conv = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
    reached = torch.nn.functional.conv2d(x.flatten(0, 1), torch.ones_like(conv.weight), padding=1)
    assert first.operations == reached.reshape(4, -1).sum(1).tolist()
    assert activity.macs == 0


def test_recalibration_gives_new_statistics() -> None:
    for name in ("tebn", "tdbn"):
        model = build("vgg", layers=[4], batch_norm=name)
        x = torch.rand(4, 8, 2, 8, 8)
        recalibrate(model, [x])
        part = model.get_submodule("layers.1")
        currents = model.get_submodule("layers.0")(x.flatten(0, 1))
        torch.testing.assert_close(part.get_buffer("running_mean"), currents.mean((0, 2, 3)))


def test_weights_of_the_joint_norm_fit_the_others() -> None:
    joint = build("vgg", layers=[4, "M", 4])
    for name in ("tebn", "tdbn"):
        model = build("vgg", layers=[4, "M", 4], batch_norm=name)
        materialize(model, torch.rand(4, 2, 2, 8, 8))
        found = model.load_state_dict(joint.state_dict(), strict=False)
        assert not found.unexpected_keys
        assert {key.rsplit(".", 1)[1] for key in found.missing_keys} == ({"p"} if name == "tebn" else set())


@pytest.mark.parametrize("events", [False, True])
def test_steps_of_events_have_running_statistics_of_their_own(events: bool) -> None:
    task = Task(input_shape=(2, 8, 8), classes=3, steps=4, events=events)
    registry = Registry.from_installed(quiet=True)
    net = registry.use("architecture", "vgg", layers=[3], batch_norm="per_step").build(
        task, neuron=registry.use("neuron", "lif")
    )
    [kept] = [b.shape for name, b in net.named_buffers() if name.endswith("running_mean")]
    assert kept == ((4, 3) if events else (3,))
    x = torch.rand(4, 64, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    x = x * torch.tensor([1.0, 5.0, 25.0, 125.0]).view(-1, 1, 1, 1, 1)  # steps that are not alike
    with torch.no_grad():
        for _ in range(100):
            trained = net.train()(x)
        off = (net.eval()(x) - trained).abs().max()
    assert (off < 1e-3) == events
