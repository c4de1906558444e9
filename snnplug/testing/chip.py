"""Conformance of chips."""

from __future__ import annotations

import math
from typing import Any

from snnplug.contracts import Chip, Fit, Layer, LayerGraph, Need, NeuronFacts
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["ChipConformance", "tiny_layers"]


class ChipConformance(Conformance):
    """Checks of a chip: the layers of a network to what of them does not fit.

    class TestSmall(ChipConformance):
        name = "acme-chips:small"
    """

    kind = "chip"

    def fit(self, component: Component, network: LayerGraph | None = None) -> Fit:
        """Return what the chip says of a network, of a tiny one unless another is given."""
        chip: Chip = component.build()
        fit: Any = chip(tiny_layers() if network is None else network)
        assert isinstance(fit, Fit), f"a chip must return a snnplug.Fit, got {fit!r}"
        return fit

    def test_it_says_what_it_is(self, component: Component) -> None:
        """A title, the bits of a weight, and where the limits are from."""
        chip: Any = component.build()
        title, source = getattr(chip, "title", None), getattr(chip, "source", None)
        assert isinstance(title, str) and title, f"set self.title to what the chip is called, got {title!r}"
        assert isinstance(source, str) and source, (
            f"set self.source to where its limits are from, with the date, got {source!r}"
        )
        bits, per_channel = getattr(chip, "weight_bits", None), getattr(chip, "per_channel", None)
        assert isinstance(bits, int) and bits >= 0 and bits != 1, (
            f"set self.weight_bits to the bits of a weight with its sign, 0 for floating point, got {bits!r}"
        )
        assert isinstance(per_channel, bool), (
            f"set self.per_channel to whether each output channel has a scale of its own, got {per_channel!r}"
        )

    def test_needs_are_of_layers_of_the_network(self, component: Component) -> None:
        """Every need names a layer, or none where it is the network's, and what is limited."""
        network, fit = tiny_layers(), self.fit(component)
        assert fit.needs, "a chip must have limits: Fit.needs is empty"
        for need in fit.needs:
            assert isinstance(need, Need) and need.limit, (
                f"needs must be snnplug.Needs with a limit: {need!r}"
            )
            assert not need.layer or need.layer in network.by_name, (
                f"{need} is of the layer {need.layer!r}, and the network has {', '.join(network.by_name)}"
            )
            assert isinstance(need.has, str) or 0 <= need.has < math.inf, (
                f"{need}: what a layer needs must be finite and not negative, or a text"
            )
        unknown = set(fit.placement) - set(network.by_name)
        assert not unknown, f"Fit.placement has layers that the network has not: {', '.join(sorted(unknown))}"

    def test_a_network_beyond_all_measure_does_not_fit(self, component: Component) -> None:
        """A million channels are too many for any chip."""
        fit = self.fit(component, tiny_layers(1_000_000))
        assert not fit.fits and fit.headroom < 0, (
            "a network of a million channels must not fit; compare what its layers need with the limits"
        )

    def test_misfits_say_what_to_change(self, component: Component) -> None:
        """Each has an advice, and the source of its limit."""
        for need in self.fit(component, tiny_layers(1_000_000)).misfits:
            assert need.advice, f"{need}: say what to change in Need.advice"
            assert need.source, f"{need}: name the source of the limit, with its date, in Need.source"

    def test_a_larger_network_leaves_no_more_room(self, component: Component) -> None:
        """Headroom does not grow with the number of channels."""
        sizes = (2, 4, 64, 1024)
        rooms = [self.fit(component, tiny_layers(channels)).headroom for channels in sizes]
        told = ", ".join(f"{room:g} at {channels}" for room, channels in zip(rooms, sizes, strict=True))
        assert rooms == sorted(rooms, reverse=True), (
            f"a larger network must leave no more room, got headrooms by channels: {told}"
        )

    def test_an_answer_depends_on_the_network_alone(self, component: Component) -> None:
        """Asked twice, with another network between, it says the same."""
        chip: Chip = component.build()
        first, _, again = chip(tiny_layers()), chip(tiny_layers(64)), chip(tiny_layers())
        assert first == again, f"asked twice about one network, the chip says {first} and then {again}"


def tiny_layers(channels: int = 4) -> LayerGraph:
    """Return a convolution, a pool and two fully connected layers, with neurons without a leak, reset softly.

    Args:
        channels: of the convolution, and width of the hidden layer.
    """
    facts = NeuronFacts(reset="soft", leak=1.0)

    def neurons(name: str, before: str, shape: tuple[int, ...]) -> Layer:
        return Layer(
            name=name,
            kind="neuron",
            operation="IF",
            inputs=(before,),
            in_shape=shape,
            out_shape=shape,
            neuron=facts,
        )

    map_, pooled = (channels, 4, 4), (channels, 2, 2)
    layers = (
        Layer(
            name="0",
            kind="conv",
            operation="Conv2d",
            inputs=("input",),
            in_shape=(1, 4, 4),
            out_shape=map_,
            kernel=(3, 3),
            stride=(1, 1),
            padding=(1, 1),
            dilation=(1, 1),
            weights=9 * channels,
        ),
        neurons("1", "0", map_),
        Layer(
            name="2",
            kind="pool",
            operation="AvgPool2d",
            inputs=("1",),
            in_shape=map_,
            out_shape=pooled,
            kernel=(2, 2),
            stride=(2, 2),
            padding=(0, 0),
            pooling="avg",
        ),
        Layer(
            name="3",
            kind="linear",
            operation="Linear",
            inputs=("2",),
            in_shape=pooled,
            out_shape=(channels,),
            weights=4 * channels**2,
        ),
        neurons("4", "3", (channels,)),
        Layer(
            name="5",
            kind="linear",
            operation="Linear",
            inputs=("4",),
            in_shape=(channels,),
            out_shape=(3,),
            weights=3 * channels,
        ),
        neurons("6", "5", (3,)),
    )
    return LayerGraph(layers=layers, outputs=("6",))
