"""A network that is a chain, as boxes that wrap."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from snnplug.contracts import Edge, Graph
from snnplug.report.chain import draw_chain, is_chain
from snnplug.report.page import write_report


def chain(length: int, label: str = "conv3 16 channels, halved") -> Graph:
    nodes = ("input", *(f"layers.{i}" for i in range(length)))
    return Graph(nodes, tuple(Edge(a, b, label) for a, b in itertools.pairwise(nodes)))


def texts(html: str) -> list[list[str]]:
    boxes = re.findall(r"<li>(.*?)</li>", html)
    return [[unescape(text) for text in re.findall(r">([^<]+)<", box)] for box in boxes]


@pytest.mark.parametrize(
    ("nodes", "edges", "answer"),
    [
        ("abc", [Edge("a", "b"), Edge("b", "c")], True),
        ("abc", [Edge("b", "c"), Edge("a", "b")], False),
        ("abc", [Edge("a", "b"), Edge("b", "c"), Edge("a", "c")], False),
        ("abc", [Edge("a", "b"), Edge("b", "c", "", True)], False),
        ("abc", [Edge("a", "b")], False),
        ("ab", [Edge("a", "b"), Edge("a", "b")], False),
        ("a", [], False),
    ],
)
def test_what_is_a_chain(nodes: str, edges: list[Edge], answer: bool) -> None:
    assert is_chain(Graph(tuple(nodes), tuple(edges))) is answer


def test_a_box_for_each_node_says_what_runs_there() -> None:
    edges = (
        Edge("input", "<stem>", "conv3 16 channels, halved"),
        Edge("<stem>", "pool"),
        Edge("pool", "head", "vote"),
    )
    drawn = draw_chain(Graph(("input", "<stem>", "pool", "head"), edges))
    assert 'aria-label="Chain of 4 nodes, from input to head"' in drawn
    assert texts(drawn) == [["input"], ["<stem>", "conv3", "16 channels, halved"], ["pool"], ["head", "vote"]]


@pytest.mark.parametrize(("length", "label", "boxes"), [(10, "conv3 16 channels", 11), (3, "", 0)])
def test_only_a_chain_too_long_for_a_line_becomes_boxes(
    files: dict[str, Any],
    write: Callable[[dict[str, Any]], Path],
    length: int,
    label: str,
    boxes: int,
) -> None:
    graph = chain(length, label)
    edges = [{"source": e.source, "target": e.target, "label": e.label} for e in graph.edges]
    files["summary.json"]["search"]["graph"] = {"nodes": list(graph.nodes), "edges": edges}
    for name in ("activity.json", "metrics.jsonl", "trials.json"):
        del files[name]
    page = write_report(write(files)).read_text("utf-8")
    assert len(texts(page[page.index('<section id="cell"') : page.index('id="search"')])) == boxes
    assert ('<svg class="cell"' in page) is (boxes == 0)
