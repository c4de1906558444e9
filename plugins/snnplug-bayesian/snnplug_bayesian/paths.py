"""The paths of a graph from input to output: how many layers of neurons lie before and behind an edge.

Feedback is left out, and so is what lies on no path. A node that only passes on what it gets is merged with
its neighbour: one edge leads to it, or away from it, and that has neither neurons nor stride.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterable
from typing import NamedTuple

import attrs

from snnplug import Edge, Graph
from snnplug.errors import ContractError

__all__ = ["Paths", "Reach", "layers_of", "paths_of"]


class Reach(NamedTuple):
    """The paths between a node and one end of the graph, by their layers of neurons.

    Attributes:
        most, least: layers on the longest and the shortest one.
        number: how many paths there are.
        total, squares: sums over the paths, of their layers and of the squares of these.
    """

    most: int
    least: int
    number: int
    total: int
    squares: int


@attrs.frozen
class Paths:
    """A graph as far as it lies on paths from input to output.

    Attributes:
        edges: of the merged graph, in the order of the graph.
        before: by node the paths from the input to it.
        after: by node the paths from it to the output.
        whole: the paths from input to output; None where there is none.
        order: the nodes, each behind those that lead to it.
    """

    edges: tuple[Edge, ...] = ()
    before: dict[str, Reach] = attrs.field(factory=dict)
    after: dict[str, Reach] = attrs.field(factory=dict)
    whole: Reach | None = None
    order: tuple[str, ...] = ()

    def is_on_longest(self, edge: Edge) -> bool:
        """Whether an edge lies on a path of the most layers."""
        through = self.before[edge.source].most + layers_of(edge) + self.after[edge.target].most
        return self.whole is not None and through == self.whole.most


def layers_of(edge: Edge) -> int:
    """Return how many layers of neurons an edge has; one that does not say has one."""
    return 1 if edge.spiking is None else edge.spiking


def paths_of(graph: Graph) -> Paths:
    """Return the paths of a graph.

    Args:
        graph: its first node is the input, its last one the output.

    Raises:
        ContractError: the edges that are no feedback form a circle.
    """
    first, last = graph.nodes[0], graph.nodes[-1]
    edges = [edge for edge in graph.edges if not edge.backward]
    before, after = _reach(edges, first), _reach(_turned(edges), last)
    if last not in before:
        return Paths()
    edges = _merged([e for e in edges if e.source in before and e.target in after], first, last)
    before, after = _reach(edges, first), _reach(_turned(edges), last)
    return Paths(tuple(edges), before, after, before[last], tuple(before))


def _turned(edges: Iterable[Edge]) -> list[Edge]:
    return [attrs.evolve(edge, source=edge.target, target=edge.source) for edge in edges]


def _merged(edges: list[Edge], first: str, last: str) -> list[Edge]:
    """Return the edges with every node that only passes on taken for its neighbour."""
    while True:
        into = _by(edges, "target")
        out = _by(edges, "source")
        for edge in edges:
            if layers_of(edge) or edge.stride != 1:
                continue
            if len(into[edge.target]) == 1 and edge.target != last:
                gone, kept = edge.target, edge.source
            elif len(out[edge.source]) == 1 and edge.source != first:
                gone, kept = edge.source, edge.target
            else:
                continue
            edges = [_renamed(other, gone, kept) for other in edges if other is not edge]
            break
        else:
            return edges


def _by(edges: list[Edge], end: str) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(getattr(edge, end), []).append(edge)
    return found


def _renamed(edge: Edge, gone: str, kept: str) -> Edge:
    source = kept if edge.source == gone else edge.source
    target = kept if edge.target == gone else edge.target
    return attrs.evolve(edge, source=source, target=target)


def _reach(edges: list[Edge], start: str) -> dict[str, Reach]:
    """Return by node the paths that lead to it from `start`; only nodes that are reached."""
    into = _by(edges, "target")
    found = {start: Reach(0, 0, 1, 0, 0)}  # its keys stand in the order of the paths
    try:
        order = list(
            graphlib.TopologicalSorter(
                {node: [edge.source for edge in arriving] for node, arriving in into.items()}
            ).static_order()
        )
    except graphlib.CycleError as error:
        raise ContractError(
            f"the graph has a circle of edges that are no feedback: {' - '.join(error.args[1])}; the search "
            "space must mark the one that leads to the next time step with backward=True"
        ) from error
    for node in order:
        arriving = [_longer(found[e.source], layers_of(e)) for e in into.get(node, []) if e.source in found]
        if arriving and node != start:
            found[node] = Reach(
                max(reach.most for reach in arriving),
                min(reach.least for reach in arriving),
                sum(reach.number for reach in arriving),
                sum(reach.total for reach in arriving),
                sum(reach.squares for reach in arriving),
            )
    return found


def _longer(reach: Reach, layers: int) -> Reach:
    most, least, number, total, squares = reach
    return Reach(
        most + layers,
        least + layers,
        number,
        total + number * layers,
        squares + 2 * layers * total + number * layers**2,
    )
