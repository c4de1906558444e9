"""A network that is a chain, as a row of boxes that wraps: what runs at each place, and the place's name.

It is HTML and no picture, so a chain of any length is read on a screen of any width.
"""

from __future__ import annotations

import itertools

from markupsafe import Markup

from snnplug.contracts import Graph

__all__ = ["draw_chain", "is_chain"]


def is_chain(graph: Graph) -> bool:
    """Whether each node leads to the next one, once, and to no other."""
    ends = [(edge.source, edge.target) for edge in graph.edges if not edge.backward]
    return len(ends) == len(graph.edges) > 0 and ends == list(itertools.pairwise(graph.nodes))


def draw_chain(graph: Graph) -> Markup:
    """Return a chain as an `<ol>` element: a box for its first node, then one for each edge and its target.

    The first word of an edge's label is what runs there, the others say more about it.
    """
    boxes = [_box("", graph.nodes[0], "")]
    for edge in graph.edges:
        what, _, more = edge.label.partition(" ")
        boxes.append(_box(edge.target, what, more) if what else _box("", edge.target, ""))
    label = f"Chain of {len(graph.nodes)} nodes, from {graph.nodes[0]} to {graph.nodes[-1]}"
    return Markup('<ol class="chain" aria-label="{}">{}</ol>').format(label, Markup("").join(boxes))


def _box(place: str, what: str, more: str) -> Markup:
    above, below = (Markup('<span class="note">{}</span>').format(text) for text in (place, more))
    return Markup("<li>{}<b>{}</b>{}</li>").format(above if place else "", what, below if more else "")
