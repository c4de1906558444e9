"""Chips: a network as a chip sees it, and what of it does not fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal, Protocol

import attrs

__all__ = ["INPUT", "Chip", "Fit", "Layer", "LayerGraph", "Need", "NeuronFacts"]

INPUT = "input"  # what layers name that take the network's input


@attrs.frozen(kw_only=True)
class NeuronFacts:
    """What a layer of neurons is.

    Attributes:
        reset: "hard", "soft" or "none"; empty where the neuron does not say.
        leak: what is kept of the membrane potential from one step to the next, 1 without a leak; None where
            that is no one number.
        graded: its spikes carry values other than 0 and 1.
        windowed: it needs the whole window of steps at once.
        analog: it sends analog values and no spikes.
    """

    reset: str = ""
    leak: float | None = None
    graded: bool = False
    windowed: bool = False
    analog: bool = False


@attrs.frozen(kw_only=True, slots=False)
class Layer:
    """A layer of a network.

    Attributes:
        name: of its module; "module (operation)" for what is no module of its own.
        kind: "conv" and "linear" have weights; "norm" is one that cannot be folded into weights before it;
            "other" is whatever else computes something.
        operation: class, or function of torch.
        inputs: layers whose outputs, added up, it takes; "input" is the network's own. One that comes later
            in the network gave its output in the step before.
        in_shape, out_shape: of one sample in one step; of a "linear" layer the input as it was before it was
            flattened.
        kernel, stride, padding, dilation: of convolutions and pools, by axis.
        groups: of a convolution.
        pooling: of a pool: "max", "avg" or "sum".
        weights, biases: how many, with those of a batch norm that folds into it.
        norms: batch norms that fold into its weights.
        through: functions that scale or rearrange values on their way from its inputs into it.
        neuron: of neurons.
    """

    name: str
    kind: Literal["conv", "linear", "pool", "neuron", "norm", "other"]
    operation: str
    inputs: tuple[str, ...] = ()
    in_shape: tuple[int, ...] = ()
    out_shape: tuple[int, ...] = ()
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    pooling: str = ""
    weights: int = 0
    biases: int = 0
    norms: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    neuron: NeuronFacts | None = None

    @property
    def weighted(self) -> bool:
        """Whether it has weights that a chip has to hold."""
        return self.kind in ("conv", "linear")

    @property
    def outputs(self) -> int:
        """Number of values of its output."""
        return math.prod(self.out_shape)

    @property
    def fan_in(self) -> int:
        """Input values of an output value, padding included; 0 without weights."""
        if self.kind == "linear":
            return math.prod(self.in_shape)
        return self.in_shape[0] // self.groups * math.prod(self.kernel) if self.kind == "conv" else 0

    @property
    def fan_out(self) -> int:
        """Output values that an input value goes into at most; 0 without weights."""
        if self.kind == "linear":
            return self.outputs
        if self.kind != "conv":
            return 0
        places = zip(self.kernel, self.stride, self.out_shape[1:], strict=True)
        reach = math.prod(min(math.ceil(k / s), size) for k, s, size in places)
        return self.out_shape[0] // self.groups * reach

    @property
    def connections(self) -> int:
        """Synapses, were each a weight of its own, padding included."""
        return self.fan_in * self.outputs


@attrs.frozen(kw_only=True, slots=False)
class LayerGraph:
    """A network as layers, batch norms folded where they can be.

    Attributes:
        layers: in the order in which they run.
        outputs: layers whose outputs, added up, the network returns.
        analog_input: its input holds other values than whole numbers.
        through: functions that scale or rearrange values on their way from these layers to what it returns.
    """

    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()
    analog_input: bool = False
    through: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Layer]:
        """The layers by name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def takers(self) -> Mapping[str, tuple[Layer, ...]]:
        """Who takes the output of a layer, by its name."""
        found: dict[str, list[Layer]] = {INPUT: [], **{layer.name: [] for layer in self.layers}}
        for layer in self.layers:
            for name in layer.inputs:
                found[name].append(layer)
        return {name: tuple(layers) for name, layers in found.items()}

    @property
    def weighted(self) -> tuple[Layer, ...]:
        """The layers with weights."""
        return tuple(layer for layer in self.layers if layer.weighted)

    @property
    def neurons(self) -> tuple[Layer, ...]:
        """The layers of neurons."""
        return tuple(layer for layer in self.layers if layer.kind == "neuron")

    @property
    def feedback(self) -> tuple[tuple[Layer, Layer], ...]:
        """Connections into the next time step: who sends, and who takes it."""
        place = {layer.name: i for i, layer in enumerate(self.layers)}
        return tuple(
            (self.by_name[name], layer)
            for layer in self.layers
            for name in layer.inputs
            if place.get(name, -1) >= place[layer.name]
        )

    def after(self, layer: Layer, kinds: Sequence[str]) -> tuple[Layer, ...]:
        """Return the nearest layers of some kinds behind a layer, looking through all others."""
        found: dict[str, Layer] = {}
        seen, waiting = {layer.name}, list(self.takers[layer.name])
        while waiting:
            taker = waiting.pop(0)
            if taker.kind in kinds:
                found[taker.name] = taker
            elif taker.name not in seen:
                seen.add(taker.name)
                waiting += self.takers[taker.name]
        return tuple(found.values())


@attrs.frozen
class Need:
    """What a layer, or the network as a whole, needs of something that a chip has so much of.

    Attributes:
        layer: name of the layer; empty for the network.
        limit: what is limited, such as "kernel words".
        has: how much it needs; a text for what the chip does not have at all.
        allowed: how much there is; a text for what there is instead.
        advice: what to change where it does not fit.
        source: of the limit, with its date.
        bound: of a shape rather than of something that is used up: there is no room to be left of it.
    """

    layer: str
    limit: str
    has: float | str
    allowed: float | str
    advice: str = ""
    source: str = ""
    bound: bool = False

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        if isinstance(self.has, str) or isinstance(self.allowed, str):
            return False
        return self.has <= self.allowed

    @property
    def left(self) -> float:
        """Share of the limit that is left, negative where it does not fit, -1 for what is not there."""
        if isinstance(self.has, str) or isinstance(self.allowed, str):
            return -1.0
        if not self.allowed:  # what is not to be there at all is no share of anything
            return -1.0 if self.has else 1.0
        return 1 - self.has / self.allowed

    def __str__(self) -> str:
        if isinstance(self.has, str) or isinstance(self.allowed, str):
            told = f"{self.limit}: {_shown(self.has)}, the chip has {_shown(self.allowed)}"
        else:
            times = f", {self.has / self.allowed:,.3g} times" if self.allowed and not self.fits else ""
            told = f"{_shown(self.has)} {self.limit}, at most {_shown(self.allowed)}{times}"
        return f"{self.layer}: {told}" if self.layer else told


@attrs.frozen(kw_only=True)
class Fit:
    """How a network fits a chip.

    Attributes:
        needs: all that was looked at, whether it fits or not.
        placement: where layers lie, by name, such as "core 3"; those that have a place.
        notes: what to know beside: what the chip does otherwise, and what was not looked at.
    """

    needs: tuple[Need, ...]
    placement: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def misfits(self) -> tuple[Need, ...]:
        """What does not fit, in the order of the network."""
        return tuple(need for need in self.needs if not need.fits)

    @property
    def fits(self) -> bool:
        """Whether the whole network fits."""
        return not self.misfits

    @property
    def headroom(self) -> float:
        """The smallest share that is left of what the network uses up, from 1 to 0 where it fits.

        Where it does not it is negative: the sum over what does not fit, 1 for each thing that the chip does
        not have, and what is too much as a share of the limit.
        """
        if misfits := self.misfits:
            return sum(need.left for need in misfits)
        return min((need.left for need in self.needs if not need.bound), default=1.0)


class Chip(Protocol):
    """A chip: its limits. Built as `target(*, ...)`.

    Attributes:
        title: what it is called, with its version.
        weight_bits: of a weight with its sign; 0 for floating point.
        per_channel: each output channel has a scale of its own; otherwise a layer has one.
        source: where its limits are from, with the date.
    """

    title: str
    weight_bits: int
    per_channel: bool
    source: str

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
