"""The AutoSNN search space (Na et al., ICML 2022, arXiv 2201.12738).

A backbone of pools has five places, and one of five blocks stands at each: 3,125 networks. What differs
from the published code: backbones, blocks and stems may be any, and event data has its stem in the
supernet too, so that searching on it works.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval
from torch import nn

from snnplug import Component, Edge, Graph, Task, check_ranges, digest
from snnplug.errors import ContractError, ParameterError, did_you_mean
from snnplug.nn import SpikingNeuron, as_neuron, keep_statistics_of_steps
from snnplug_autosnn.blocks import Make, check_blocks, neurons_in_a_row
from snnplug_autosnn.context import check_reach
from snnplug_autosnn.macro import read_macro
from snnplug_autosnn.network import STEM_HALVINGS, AutoSNNetwork, AutoSNNSupernet, Frame, Stem

__all__ = ["BLOCKS", "AutoSNN"]

BLOCKS = ("skip", "SCB_k3", "SCB_k5", "SRB_k3", "SRB_k5")


@check_ranges
class AutoSNN:
    """Networks of blocks in a backbone. A genotype is the text `"SRB_k5 SRB_k5 skip SRB_k3 SRB_k5"`.

    Methods that take a genotype also take one name for all places, a list of names, or of places in `blocks`
    as the published code has them, with -1 where a pool stands.

    Args:
        task: images and number of classes.
        neuron: the neuron of every layer. The paper's is PLIF: tau 2 at the start, threshold 1.
        macro: backbone: SNN_1 to SNN_4, or its places with their channels, such as
            `[16, "m", 32, "32*", "a", "g"]`: blocks, with `*` of stride 2, pools and a global average.
        channels: of the stem; those of SNN_1 to SNN_4 are multiples of it.
        blocks: what may stand at a place: `skip`, `SCB_kK`, `SRB_kK` and `SIB_kK_eE`, K odd.
        stem: a convolution, then nothing (`conv`), a pool and another convolution (`conv_pool`), or these
            and a second pool (`conv_pool_pool`); "auto" takes them below 64, below 128 and from 128 pixels.
        batch_norm: statistics of each time step, as published, or over time and batch together.
        voting: outputs averaged for each class.
        mutation: probability that a mutant has another block at a place.
        norm_context: on how many blocks before it the batch norm of a block depends in the supernet: 0 for
            norms that all paths share, as published.

    Raises:
        ValueError: a parameter is out of range.
        ContractError: the inputs are no images, or too small for the pools.
    """

    def __init__(
        self,
        task: Task,
        *,
        neuron: Component | SpikingNeuron | type[SpikingNeuron],
        macro: str | list[int | str] = "SNN_1",
        channels: Annotated[int, Ge(1)] = 16,
        blocks: tuple[str, ...] = BLOCKS,
        stem: Literal["auto", "conv", "conv_pool", "conv_pool_pool"] = "auto",
        batch_norm: Literal["per_step", "joint"] = "per_step",
        voting: Annotated[int, Ge(1)] = 10,
        mutation: Annotated[float, Interval(gt=0, le=1)] = 0.2,
        norm_context: Annotated[int, Ge(0)] = 0,
    ) -> None:
        if len(task.input_shape) != 3:
            raise ContractError(
                f"autosnn needs images [C, H, W], got inputs of shape {list(task.input_shape)}"
            )
        inputs, H, W = task.input_shape
        chosen: Stem = _stem(min(H, W)) if stem == "auto" else stem
        halved = 2 ** STEM_HALVINGS[chosen]
        if min(H, W) < halved:
            raise ContractError(f"stem {chosen!r} leaves nothing of images of {H} x {W} pixels; take 'conv'")
        self.task, self.mutation, self.blocks = task, mutation, check_blocks(tuple(blocks))
        self.macro = read_macro(macro, channels, (H // halved, W // halved))
        check_reach(norm_context, len(self.blocks), len(self.macro.blocks))
        self._reach = norm_context
        self._make = Make(lambda: as_neuron(copy.deepcopy(neuron)), batch_norm)
        self._frame = Frame(chosen, inputs, task.classes, voting)
        own = getattr(self._make.neuron(), "threshold", None)  # one that does not fit is refused here
        self._threshold = float(own) if isinstance(own, int | float) else None

    def sample(self, rng: random.Random) -> str:
        """Draw a genotype, each block uniformly."""
        return " ".join(rng.choice(self.blocks) for _ in self.macro.blocks)

    def mutate(self, genotype: Any, rng: random.Random) -> str:
        """Return another network: each block becomes another one with the probability `mutation`."""
        parent = self.read(genotype)
        if len(self.blocks) == 1:
            raise ParameterError(f"the space has one network only: {' '.join(parent)}")
        while True:
            child = [self._other(name, rng) if rng.random() < self.mutation else name for name in parent]
            if child != list(parent):
                return " ".join(child)

    def crossover(self, one: Any, other: Any, rng: random.Random) -> str:
        """Return the blocks of one up to a place of the backbone, a pool or a block, then of the other."""
        first, second = self.read(one), self.read(other)
        cut = rng.randrange(1, max(2, len(self.macro.places)))
        return " ".join(
            a if place < cut else b for place, a, b in zip(self.macro.blocks, first, second, strict=True)
        )

    def key(self, genotype: Any) -> str:
        """Return the SHA-256 of the names of the blocks."""
        return digest({"autosnn": list(self.read(genotype))})

    def build(self, genotype: Any) -> AutoSNNetwork:
        """Return a freshly initialised network: `[T, B, C, H, W]` to `[T, B, K]`."""
        network = AutoSNNetwork(self.read(genotype), self.macro, self._make, self._frame)
        keep_statistics_of_steps(network, self.task)
        return network

    def supernet(self) -> nn.Module:
        """Return all networks in one, with shared weights: `[T, B, C, H, W]` to `[T, B, K]`."""
        network = AutoSNNSupernet(self.blocks, self.read, self.macro, self._make, self._frame, self._reach)
        keep_statistics_of_steps(network, self.task)
        return network

    def genotypes(self) -> Iterator[str]:
        """Yield every genotype."""
        return (" ".join(names) for names in itertools.product(self.blocks, repeat=len(self.macro.blocks)))

    def size(self) -> int:
        """Return the number of networks."""
        return int(len(self.blocks) ** len(self.macro.blocks))

    def graph(self, genotype: Any) -> Graph:
        """Return a chain: an edge for each place, labelled with its block, to a node named as its module."""
        names = iter(self.read(genotype))
        halvings = STEM_HALVINGS[self._frame.stem]
        nodes, edges = ["input"], []

        def add(node: str, label: str, spiking: int, halvings: int = 0) -> None:
            threshold = self._threshold if spiking else None
            edges.append(
                Edge(nodes[-1], node, label, spiking=spiking, threshold=threshold, stride=2**halvings)
            )
            nodes.append(node)

        add("stem", _label("conv3", self.macro.places[0].inputs, halvings), 1 + (halvings > 0), halvings)
        for number, place in enumerate(self.macro.places):
            pool = {"m": "max_pool", "a": "avg_pool"}.get(place.kind)
            name = pool or next(names)
            spiking = place.kind == "a" if pool else neurons_in_a_row(name, *place[1:])
            halved = place.stride == 2
            add(f"layers.{number}", _label(name, place.outputs, halved), int(spiking), int(halved))
        add("head", "vote", 1 + self.macro.averaged)
        return Graph(tuple(nodes), tuple(edges))

    def read(self, genotype: Any) -> tuple[str, ...]:
        """Return the names of the blocks of a genotype, in order.

        Raises:
            ParameterError: it is none of this space.
        """
        given = genotype.split() if isinstance(genotype, str) else genotype
        if not isinstance(given, list | tuple):
            raise ParameterError(f"genotype {genotype!r} is no text and no list of blocks")
        names = [self._name(one, genotype) for one in given if one != -1]
        names *= len(self.macro.blocks) if len(names) == 1 else 1
        if len(names) != len(self.macro.blocks):
            raise ParameterError(
                f"genotype {genotype!r} has {len(names)} blocks, the backbone has "
                f"{len(self.macro.blocks)} places for them"
            )
        return tuple(names)

    def _name(self, one: Any, genotype: Any) -> str:
        if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(self.blocks):
            return self.blocks[one]
        if one not in self.blocks:
            hint = did_you_mean(str(one), self.blocks)
            raise ParameterError(
                f"genotype {genotype!r} has an unknown block {one!r}.{hint} Blocks: {', '.join(self.blocks)}"
            )
        return str(one)

    def _other(self, name: str, rng: random.Random) -> str:
        return rng.choice([other for other in self.blocks if other != name])


def _label(name: str, channels: int, halvings: int) -> str:
    """Return what is written on an edge of the drawing."""
    return f"{name} {channels} channels" + ("", ", halved", ", halved twice")[halvings]


def _stem(size: int) -> Stem:
    return "conv" if size < 64 else "conv_pool" if size < 128 else "conv_pool_pool"
