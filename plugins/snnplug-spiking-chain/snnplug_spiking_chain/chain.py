"""The longest chains of a graph: how many layers of neurons a signal passes, and where each stands.

Feedback edges carry values to the next time step and are left out. An edge that does not say how many layers
of neurons it has counts as one.
"""

from __future__ import annotations

import graphlib
import math
from typing import NamedTuple

from snnplug import Edge, Graph
from snnplug.errors import ContractError

__all__ = ["NEVER", "Link", "longest_chains"]

NEVER = -math.inf  # no path leads there


class Link(NamedTuple):
    """A layer of neurons on a longest chain.

    Attributes:
        position: how many layers come before it.
        threshold: None where the space does not say.
    """

    position: int
    threshold: float | None


def longest_chains(graph: Graph) -> tuple[float, list[Link]]:
    """Return the length of the longest chain, and the layers of neurons that lie on a chain of that length.

    Args:
        graph: its first node is the input, its last one the output.

    Returns:
        Layers of neurons on the longest path from input to output, minus infinity where there is none; and
        each layer once, however many longest paths lead through it.

    Raises:
        ContractError: the edges that are no feedback form a circle.
    """
    edges = [edge for edge in graph.edges if not edge.backward]
    before = _longest(edges, graph.nodes[0])
    turned = [Edge(edge.target, edge.source, spiking=edge.spiking) for edge in edges]
    after = _longest(turned, graph.nodes[-1])
    length = before.get(graph.nodes[-1], NEVER)
    links = []
    for edge in edges if length > NEVER else []:
        start = before.get(edge.source, NEVER)
        if start > NEVER and start + _layers(edge) + after.get(edge.target, NEVER) == length:
            links += [Link(int(start) + i, edge.threshold) for i in range(_layers(edge))]
    return length, links


def _longest(edges: list[Edge], start: str) -> dict[str, float]:
    """Return by node the most layers of neurons on a path to it from `start`; only nodes that are reached."""
    into: dict[str, list[Edge]] = {}
    for edge in edges:
        into.setdefault(edge.target, []).append(edge)
    sources = {node: [edge.source for edge in arriving] for node, arriving in into.items()}
    found: dict[str, float] = {start: 0.0}
    try:
        order = list(graphlib.TopologicalSorter(sources).static_order())
    except graphlib.CycleError as error:
        raise ContractError(
            f"the graph has a circle of edges that are no feedback: {' - '.join(error.args[1])}; the search "
            "space must mark the one that leads to the next time step with backward=True"
        ) from error
    for node in order:
        arriving = [found[e.source] + _layers(e) for e in into.get(node, []) if e.source in found]
        if arriving:
            found[node] = max([*arriving, found.get(node, NEVER)])
    return found


def _layers(edge: Edge) -> int:
    return 1 if edge.spiking is None else edge.spiking
