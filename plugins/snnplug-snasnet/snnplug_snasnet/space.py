"""The SNASNet search space (Kim et al., ECCV 2022, arXiv 2201.10355).

Each of the six pairs of nodes has no edge, a forward edge or, with `backward`, a feedback
edge, never both; a drawn cell is pruned and drawn again if it is outside the space. It
differs from the published code in that a drawn cell is also brought to the canonical form
(the names of nodes 1 and 2), so that networks drawn twice are recognised.
"""

from __future__ import annotations

import copy
import random
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, Interval
from torch import nn

from snnplug import Component, Edge, Graph, Task, check_ranges, digest
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import SpikingNeuron, as_neuron, keep_statistics_of_steps
from snnplug_snasnet import genotype as cells
from snnplug_snasnet.genotype import PAIRS, Matrix
from snnplug_snasnet.network import Reducing, Skeleton, SNASNetwork
from snnplug_snasnet.operations import Conv, check_operations
from snnplug_snasnet.supernet import SNASSupernet

__all__ = ["SNASNet"]

OPERATIONS = ("zero", "identity", "conv1", "conv3", "avg_pool")
_NAMES = ("input", "1", "2", "output")  # of the nodes, as they are drawn
Statistics: TypeAlias = Literal["auto", "shared", "per_step"]


@check_ranges
class SNASNet:
    """Networks of two 4-node cells. A genotype is the text `"0302 0030 3003 0000"`.

    Methods that take a genotype also take the 4x4 matrix as nested lists.

    Args:
        task: shape of the images and number of classes.
        neuron: the neuron of every layer; it must run step by step if `backward`.
            The paper's is LIF with tau = 4/3 time steps, threshold 1, hard reset.
        channels: channels of stem and first cell; the second cell has twice as many.
        backward: allow feedback edges.
        operations: names by code, `zero` first: identity, convK with odd K, avg_pool, max_pool;
            convK@V has neurons of threshold V, which their component must have as a parameter.
        require_direct: require a forward edge from input to output, as the published code does.
        pruning: remove edges that lie on no path from input to output.
        pooling: the two pools that halve the image.
        hidden: neurons of the hidden layer; None for 8 x `channels`, at most 1024.
        voting: outputs averaged for each class; None for 10 up to 10 classes, 5 beyond.
        dropout: probability of a zero before the hidden layer, one mask for all steps.
        final_pool: side of the last pool; None for 2, or 1 where the image is too small.
        stem_stride: None for 1 up to 63 pixels, 2 from 64, in general a 32nd of the side.
        statistics: running statistics of batch norm, "shared" by all steps as published, or "per_step";
            "auto" is per step for events alone. Feedback makes the steps of a static image differ, too.
        stem_neuron: a neuron follows the stem, as the paper has it; in the published code there is none.
        reduction: "code" for batch norm, neuron, convolution, batch norm, pool, as published; "paper" for
            convolution, batch norm, neuron, pool, as the paper says.
    Raises:
        ValueError: a parameter is out of range.
        ContractError: `backward` with a neuron that needs the whole window at once, or a
            threshold for a neuron that has no such parameter.
    """

    def __init__(
        self,
        task: Task,
        *,
        neuron: Component | SpikingNeuron | type[SpikingNeuron],
        channels: Annotated[int, Ge(1)] = 16,
        backward: bool = True,
        operations: tuple[str, ...] = OPERATIONS,
        require_direct: bool = True,
        pruning: bool = True,
        pooling: Literal["avg", "max"] = "avg",
        hidden: Annotated[int, Ge(1)] | None = None,
        voting: Annotated[int, Ge(1)] | None = None,
        dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
        final_pool: Annotated[int, Ge(1)] | None = None,
        stem_stride: Annotated[int, Ge(1)] | None = None,
        statistics: Statistics = "auto",
        stem_neuron: bool = False,
        reduction: Reducing = "code",
    ) -> None:
        self.task, self.neuron, self.statistics = task, neuron, statistics
        self.backward, self.require_direct, self.pruning = backward, require_direct, pruning
        self.operations = check_operations(operations)
        self.skeleton = Skeleton.of(
            task,
            channels=channels,
            hidden=hidden,
            voting=voting,
            dropout=dropout,
            pooling=pooling,
            final_pool=final_pool,
            stem_stride=stem_stride,
            stem_neuron=stem_neuron,
            reduction=reduction,
        )
        # a neuron that does not fit is refused before a search has begun
        for threshold in {conv.threshold for name in self.operations if (conv := Conv.of(name))}:
            self._new_neuron(threshold)
        own = getattr(self._new_neuron(), "threshold", None)
        self._own_threshold = float(own) if isinstance(own, int | float) else None

    def _new_neuron(self, threshold: float | None = None) -> SpikingNeuron:
        # a neuron given ready-made would otherwise be one and the same in all layers
        neuron = copy.deepcopy(self.neuron) if isinstance(self.neuron, nn.Module) else self.neuron
        if threshold is not None:
            if not isinstance(neuron, Component):
                raise ContractError("operations with a threshold need a neuron given as a component")
            if not neuron.takes("threshold"):
                raise ContractError(
                    f"operations with a threshold need a neuron with the parameter threshold; "
                    f"{neuron.name} has none"
                )
            neuron = neuron.with_parameters(threshold=threshold)
        return as_neuron(neuron, stepwise=self.backward)

    def sample(self, rng: random.Random) -> str:
        """Draw a genotype: direction uniform, then operation uniform, zero included, for each pair."""
        while True:
            cell = self._accepted({pair: self._draw(pair, rng) for pair in PAIRS})
            if cell is not None:
                return cells.text(cell)

    def mutate(self, genotype: Any, rng: random.Random) -> str:
        """Return another network: one pair is drawn anew, or all of them where one is not enough."""
        parent = self._read(genotype)
        before, pairs = cells.canonical(parent), _by_pair(parent)
        for _ in range(50):
            pair = rng.choice(PAIRS)
            cell = self._accepted({**pairs, pair: self._draw(pair, rng)})
            if cell is not None and cell != before:
                return cells.text(cell)
        while (mutant := self.sample(rng)) == cells.text(before):
            pass  # the smallest space has seven networks
        return mutant

    def crossover(self, one: Any, other: Any, rng: random.Random) -> str:
        """Return a child that has each pair from one of its two parents."""
        parents = [_by_pair(self._read(one)), _by_pair(self._read(other))]
        for _ in range(100):
            cell = self._accepted({pair: rng.choice(parents)[pair] for pair in PAIRS})
            if cell is not None:
                return cells.text(cell)
        return cells.text(cells.canonical(self._read(one)))

    def key(self, genotype: Any) -> str:
        """Return the SHA-256 of the pruned and canonical cell with the names of its operations."""
        cell = cells.canonical(self._read(genotype))
        return digest({"snasnet": [[self.operations[code] for code in row] for row in cell]})

    def build(self, genotype: Any) -> nn.Module:
        """Return a freshly initialised network: `[T, B, C, H, W]` to `[T, B, K]`."""
        network = SNASNetwork(self._read(genotype), self.operations, self.skeleton, self._new_neuron)
        return self._with_statistics(network)

    def supernet(self) -> nn.Module:
        """Return all networks in one, with shared weights: `[T, B, C, H, W]` to `[T, B, K]`."""
        first = cells.from_edges({(0, cells.NODES - 1): 1})
        network = SNASSupernet(
            first, self._read, self.operations, self.skeleton, self._new_neuron, backward=self.backward
        )
        return self._with_statistics(network)

    def _with_statistics(self, network: nn.Module) -> nn.Module:
        if self.statistics != "shared":
            keep_statistics_of_steps(network, self.task, static=self.statistics == "per_step")
        return network

    def size(self) -> int:
        """Return the number of different networks."""
        return cells.count(
            len(self.operations) - 1,
            backward=self.backward,
            require_direct=self.require_direct,
            pruning=self.pruning,
        )

    def graph(self, genotype: Any) -> Graph:
        """Return nodes and edges, feedback marked; an edge's label is its operation.

        An edge with a convolution has a layer of neurons, of the operation's threshold or the neuron's own.
        """
        return Graph(
            _NAMES, tuple(self._edge(*edge) for edge in cells.edges(cells.prune(self._read(genotype))))
        )

    def _edge(self, source: int, target: int, code: int) -> Edge:
        conv = Conv.of(self.operations[code])
        own = conv is not None and conv.threshold is None
        return Edge(
            _NAMES[source],
            _NAMES[target],
            self.operations[code],
            backward=source > target,
            spiking=int(conv is not None),
            threshold=self._own_threshold if own else conv and conv.threshold,
        )

    def _draw(self, pair: tuple[int, int], rng: random.Random) -> tuple[tuple[int, int], int]:
        """Draw the edge of a pair of nodes: `((source, target), code)`."""
        flip = self.backward and rng.random() < 0.5
        return (pair[::-1] if flip else pair), rng.randrange(len(self.operations))

    def _accepted(self, pairs: dict[tuple[int, int], tuple[tuple[int, int], int]]) -> Matrix | None:
        """Return the canonical cell, None if it is outside the space."""
        matrix = self._pruned(cells.from_edges(dict(pairs.values())))
        return cells.canonical(matrix) if self._complaint(matrix) is None else None

    def _pruned(self, matrix: Matrix) -> Matrix:
        return cells.prune(matrix) if self.pruning else matrix

    def _complaint(self, matrix: Matrix) -> str | None:
        """Say why a matrix is outside the space."""
        if any(code >= len(self.operations) for row in matrix for code in row):
            return f"has an operation code above {len(self.operations) - 1}"
        if not self.backward and any(i > j for i, j, _ in cells.edges(matrix)):
            return "has a feedback edge; set backward = true to allow it"
        if any(matrix[i][j] and matrix[j][i] for i, j in PAIRS):
            return "has edges in both directions between two nodes"
        if self.require_direct and not matrix[0][3]:
            return "has no forward edge from input to output; set require_direct = false to allow it"
        if not cells.connected(matrix):
            return "has no path from input to output"
        return None

    def _read(self, genotype: Any) -> Matrix:
        matrix = self._pruned(cells.parse(genotype))
        complaint = self._complaint(matrix)
        if complaint:
            raise ParameterError(f"genotype {genotype!r} {complaint}")
        return matrix


def _by_pair(matrix: Matrix) -> dict[tuple[int, int], tuple[tuple[int, int], int]]:
    """Return the edge of each pair of nodes as `_draw` returns it."""
    return {(i, j): ((j, i), matrix[j][i]) if matrix[j][i] else ((i, j), matrix[i][j]) for i, j in PAIRS}
