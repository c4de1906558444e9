"""Chains and scores of small graphs against numbers worked by hand, and of the graphs of real spaces."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from snnplug_spiking_chain.chain import NEVER, Link, longest_chains
from snnplug_spiking_chain.score import SpikingChain

from snnplug import Candidate, Edge, Graph, Registry, Score, Task
from snnplug.errors import ContractError


def candidate(graph: Graph) -> Candidate:
    def never(*_):
        raise AssertionError("a network was built or data was read")

    return Candidate(genotype=0, key="k", build=never, batch=never, seed=0, graph=lambda: graph)


def graph(*edges: Edge, nodes: str = "i12o") -> Graph:
    return Graph(tuple(nodes), edges)


def conv(source: str, target: str, threshold: float | None = None, **more) -> Edge:
    return Edge(source, target, "conv", spiking=1, threshold=threshold, **more)


def test_layers_on_the_longest_paths_and_their_positions() -> None:
    """i -0.5-> 1 -1.5-> o is the longest; i -1-> 2 -identity-> o is shorter, i -1-> 1 as long."""
    one = graph(
        conv("i", "1", 0.5),
        conv("i", "1", 1.0),
        conv("1", "o", 1.5),
        conv("i", "2", 1.0),
        Edge("2", "o", spiking=0),
    )
    assert longest_chains(one) == (2, [Link(0, 0.5), Link(0, 1.0), Link(1, 1.5)])
    # mean of p 1/3, of the thresholds 1: cov = (2/3 * 0.5 + 1/3 * 0.5 + 0) / 3 = 1/6
    assert SpikingChain()(candidate(one)) == Score(
        pytest.approx(2 + 4 / 6), {"chain": 2.0, "rise": pytest.approx(1 / 6), "thresholds": 3.0}
    )


def test_an_edge_may_hold_several_layers() -> None:
    chain = graph(Edge("i", "1", spiking=2, threshold=1.0), conv("1", "o", 2.0), nodes="i1o")
    assert longest_chains(chain) == (3, [Link(0, 1.0), Link(1, 1.0), Link(2, 2.0)])


def test_thresholds_that_fall_lower_the_score() -> None:
    up = graph(conv("i", "1", 0.5), conv("1", "o", 1.5), nodes="i1o")
    down = graph(conv("i", "1", 1.5), conv("1", "o", 0.5), nodes="i1o")
    assert SpikingChain()(candidate(up)).value == 3.0
    assert SpikingChain()(candidate(down)).value == 1.0
    assert SpikingChain(weight=0)(candidate(down)).value == 2.0


def test_without_thresholds_it_says_that_it_only_counts() -> None:
    assert SpikingChain()(candidate(graph(conv("i", "1"), conv("1", "o"), nodes="i1o"))) == Score(
        2.0, {"chain": 2.0, "rise": 0.0, "thresholds": 0.0}
    )
    # a space that says nothing of its neurons: each edge is a layer
    assert SpikingChain()(candidate(graph(Edge("i", "1"), Edge("1", "o"), nodes="i1o"))).value == 2.0


def test_feedback_does_not_lengthen_a_chain() -> None:
    one = graph(conv("i", "1"), conv("1", "o"), conv("o", "2", backward=True), conv("2", "1", backward=True))
    assert longest_chains(one)[0] == 2


def test_without_a_path_it_is_minus_infinity() -> None:
    assert longest_chains(graph(conv("i", "1"), conv("2", "o"))) == (NEVER, [])
    assert SpikingChain()(candidate(graph(conv("i", "1"), conv("2", "o")))).value == -math.inf


def test_a_circle_is_refused() -> None:
    with pytest.raises(ContractError, match=r"circle of edges.* mark the one .* with backward=True"):
        longest_chains(graph(conv("i", "1"), conv("1", "2"), conv("2", "1"), conv("2", "o")))


def test_weight_out_of_range() -> None:
    with pytest.raises(ValueError, match="weight must be at least 0"):
        SpikingChain(weight=-1.0)


def space(name: str, **parameters):
    registry = Registry.from_installed(quiet=True)
    for distribution in (name, "lif"):
        pytest.importorskip(f"snnplug_{distribution}")
    task = Task(input_shape=(3, 32, 32), classes=10, steps=2)
    return registry.create("search_space", name, task, neuron=registry.use("neuron", "lif"), **parameters)


def test_it_agrees_with_a_search_over_all_paths_of_random_cells() -> None:
    cells, rng = space("snasnet", operations=("zero", "identity", "conv3@0.5", "conv3@1.5")), random.Random(0)
    for _ in range(100):
        drawn = cells.graph(cells.sample(rng))
        forward = [edge for edge in drawn.edges if not edge.backward]
        paths = [
            row
            for count in (1, 2, 3)
            for row in itertools.permutations(forward, count)
            if row[0].source == "input" and row[-1].target == "output"
            and all(a.target == b.source for a, b in itertools.pairwise(row))
        ]  # fmt: skip
        assert longest_chains(drawn)[0] == max(sum(edge.spiking for edge in row) for row in paths)


def test_blocks_of_several_layers_and_skips() -> None:
    blocks = space("autosnn", channels=4)
    assert SpikingChain()(candidate(blocks.graph("SRB_k3"))).value == 12.0  # stem, five blocks of two, head
    assert SpikingChain()(candidate(blocks.graph("skip"))).value == 4.0  # two skips change the channels
