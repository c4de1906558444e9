"""What each chip says of small networks, worked by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from snnplug_chips.brainscales2 import BrainScaleS2
from snnplug_chips.fpga import FPGA
from snnplug_chips.loihi2 import Loihi2
from snnplug_chips.speck import Speck, kernel_words, neuron_words
from snnplug_chips.spinnaker2 import SpiNNaker2
from snnplug_chips.xylo import Xylo
from torch import Tensor, nn

from snnplug import Fit, Layer, LayerGraph, Need
from snnplug.nn import IntegrateAndFire, TimeSequential, layer_graph


class Fires(IntegrateAndFire):
    """Integrate and fire, with a leak where tau is given."""

    def __init__(self, tau: float | None = None, reset: Any = "soft") -> None:
        super().__init__(
            threshold=1.0, reset=reset, reset_value=0.0, detach_reset=True, surrogate="atan", alpha=None
        )
        self.tau = tau

    def leak_factor(self) -> float | None:
        return 1.0 if self.tau is None else 1 - 1 / self.tau

    def charge(self, x: Tensor, v: Tensor) -> Tensor:
        return v + x if self.tau is None else v * (1 - 1 / self.tau) + x


def graph(*layers: nn.Module, shape: tuple[int, ...] = (2, 8, 8)) -> LayerGraph:
    return layer_graph(TimeSequential(*layers), torch.zeros(2, 1, *shape))


def told(fit: Fit) -> list[tuple[str, str]]:
    return [(need.layer, need.limit) for need in fit.misfits]


def need_of(fit: Fit, limit: str, layer: str = "") -> Need:
    [found] = [need for need in fit.needs if (need.layer, need.limit) == (layer, limit)]
    return found


def conv(inputs: int, outputs: int, kernel: int, size: int) -> Layer:
    return Layer(
        name="conv",
        kind="conv",
        operation="Conv2d",
        in_shape=(inputs, size, size),
        out_shape=(outputs, size, size),
        kernel=(kernel, kernel),
    )


@pytest.mark.parametrize(
    ("layer", "kernels", "neurons"),
    [
        (conv(2, 8, 3, 64), 2 * 2**4 * 8, 8 * 64 * 64),
        (conv(3, 12, 5, 24), 3 * 2**5 * 2**4, 12 * 2**5 * 2**5),
        (conv(16, 33, 1, 7), 16 * 1 * 64, 33 * 8 * 8),
        (conv(64, 128, 3, 16), 131_072, 32_768),
        (
            Layer(name="fc", kind="linear", operation="Linear", in_shape=(32, 8, 8), out_shape=(128,)),
            262_144,
            128,
        ),
        (Layer(name="fc", kind="linear", operation="Linear", in_shape=(100,), out_shape=(10,)), 1600, 10),
    ],
)
def test_words_of_speck(layer: Layer, kernels: int, neurons: int) -> None:
    assert (kernel_words(layer), neuron_words(layer)) == (kernels, neurons)


def small() -> list[nn.Module]:
    return [nn.Conv2d(2, 4, 3), Fires(), nn.AvgPool2d(2), nn.Conv2d(4, 8, 3), Fires(), nn.Flatten()]


def test_a_small_network_fits_speck() -> None:
    fit = Speck()(graph(*small(), nn.Linear(8, 5), Fires()))
    assert fit.fits and not fit.notes
    assert len(set(fit.placement.values())) == 3
    words = {need.layer: need.has for need in fit.needs if need.limit == "kernel words"}
    assert words == {"layers.0": 2 * 16 * 4, "layers.3": 4 * 16 * 8, "layers.6": 8 * 1 * 8}
    assert fit.headroom == pytest.approx(1 - 3 / 9)  # cores are what is used up most


@pytest.mark.parametrize(
    ("layers", "misfit"),
    [
        ([nn.Conv2d(2, 4, 3), Fires(), nn.MaxPool2d(2)], ("layers.2", "pool")),
        ([nn.Conv2d(2, 4, 3), nn.AvgPool2d(2), Fires()], ("layers.1", "pool")),
        ([nn.Conv2d(2, 4, 3), Fires(), nn.AvgPool2d(3)], ("layers.2", "pool")),
        ([nn.Conv2d(2, 4, 3), Fires(), nn.AvgPool2d(3, 2)], ("layers.2", "pool")),
        ([nn.Conv2d(2, 4, 3, 3), Fires()], ("layers.0", "stride")),
        ([nn.Conv2d(2, 4, (3, 1)), Fires()], ("layers.0", "kernel")),
        ([nn.Conv2d(2, 4, 3, groups=2), Fires()], ("layers.0", "kernel")),
        ([nn.Conv2d(2, 4, 3, dilation=2), Fires()], ("layers.0", "kernel")),
        ([nn.Conv2d(2, 4, 3, padding=8), Fires()], ("layers.0", "pixels of padding")),
        ([nn.Conv2d(2, 4, 3), Fires(tau=2.0)], ("layers.1", "neuron")),
        ([nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), Fires()], ("layers.0", "layers")),
        ([nn.Conv2d(2, 4, 3), nn.ReLU(), Fires()], ("layers.1", "layer")),
        ([nn.Conv2d(2, 4, 3), Fires(), Fires()], ("layers.2", "inputs of neurons")),
        ([nn.Flatten(), nn.Linear(128, 16), Fires()], ("layers.2", "classes of the readout")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_what_speck_does_not_have(layers: list[nn.Module], misfit: tuple[str, str]) -> None:
    fit = Speck()(graph(*layers))
    assert misfit in told(fit)
    assert fit.headroom <= -0.05 and all(need.advice and need.source for need in fit.misfits)


def test_speck_places_as_many_layers_as_it_can() -> None:
    wide = [nn.Conv2d(32, 32, 5, padding=2), Fires()]  # 32 * 32 * 32 = 32 Ki kernel words: four cores
    layers: list[nn.Module] = [nn.Conv2d(2, 32, 3, padding=1), Fires(), *wide]
    fit = Speck()(graph(*layers))
    assert fit.placement["layers.2"] in ("core 3", "core 4", "core 5", "core 6")
    for count, fits in ((4, True), (5, False)):
        several = [m for _ in range(count) for m in (nn.Conv2d(32, 32, 5, padding=2), Fires())]
        fit = Speck()(graph(*layers[:2], *several))
        shortage = [need for need in fit.misfits if need.limit == "layers that need a core of their own"]
        assert bool(shortage) is not fits
    assert (shortage[0].has, shortage[0].allowed) == (6, 5)
    assert len(fit.placement) == 5


def dense(*sizes: int, tau: float | None = 4.0, bias: bool = False) -> LayerGraph:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias=bias), Fires(tau)]
    return graph(*layers, shape=(sizes[0],))


def test_xylo() -> None:
    assert Xylo()(dense(16, 60, 30, 8)).fits
    assert told(Xylo()(dense(17, 60, 8))) == [("layers.0", "input channels")]
    assert told(Xylo()(dense(16, 65, 65, 8))) == [("layers.2", "fan-out of a hidden neuron")]
    assert told(Xylo()(dense(16, 60, 9))) == [("layers.2", "output neurons")]
    assert told(Xylo()(dense(16, 1001, 8))) == [("", "hidden neurons")]
    assert told(Xylo(version="imu")(dense(16, 129, 16))) == [
        ("layers.0", "hidden neurons at the input or output"),
        ("layers.2", "hidden neurons at the input or output"),
    ]
    assert told(Xylo(version="imu")(dense(16, 120, 300, 70, 16))) == [
        ("", "weights between hidden neurons"),  # 120 * 300 + 300 * 70 = 57,000 and not 31,744
    ]
    assert told(Xylo()(dense(16, 60, 8, bias=True))) == [("layers.0", "biases"), ("layers.2", "biases")]
    assert told(Xylo()(dense(16, 60, 8, tau=3.0))) == [("layers.1", "decay"), ("layers.3", "decay")]
    assert told(Xylo()(dense(16, 8))) == [("", "layers of neurons")]
    first, second = nn.Linear(16, 4, bias=False), nn.Linear(4, 2, bias=False)
    hard = graph(first, Fires(2.0, "hard"), second, Fires(2.0), shape=(16,))
    assert told(Xylo()(hard)) == [("layers.1", "reset")]


def test_loihi2() -> None:
    last = [nn.Flatten(), nn.Linear(36, 5), Fires()]
    fit = Loihi2()(graph(nn.Conv2d(2, 4, 3), Fires(), nn.AvgPool2d(2), *last))
    assert told(fit) == [("layers.2", "layer")]
    assert need_of(fit, "neurons").has == 4 * 36 + 5
    assert need_of(fit, "synapses").has == 4 * 2 * 9 + 36 * 5


def test_spinnaker2() -> None:
    fit = SpiNNaker2()(dense(16, 1001, 8))
    assert fit.fits and fit.placement == {"layers.1": "cores 0 to 1", "layers.3": "core 2"}
    assert need_of(fit, "bytes").has == 16 * 1001 + 1001 * 8 + 4 * 1009
    assert told(SpiNNaker2()(graph(nn.Conv2d(2, 4, 3), Fires(), nn.MaxPool2d(2)))) == [("layers.2", "pool")]


def test_brainscales2() -> None:
    fit = BrainScaleS2()(dense(128, 500, 100))
    assert ("layers.0", "inputs of a neuron") not in told(fit)
    assert need_of(fit, "inputs of a neuron", "layers.2").has == 500
    assert fit.notes == ("it has 600 neurons and runs in 2 parts, one after the other",)


def test_fpga() -> None:
    fit = FPGA(memory=1.0, bits=4, state_bits=8)(dense(16, 60, 8))
    assert need_of(fit, "KiB of block RAM").has == pytest.approx((4 * (960 + 480) + 8 * 68) / 8192)
    assert told(FPGA(bits=3)(dense(16, 60, 8))) == [("", "bits of a weight")]
