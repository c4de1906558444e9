from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from snnplug_bayesian.features import Features, features_of, standardised, table_of
from snnplug_bayesian.paths import Reach, paths_of

from snnplug import Edge, Graph
from snnplug.errors import ContractError


def graph(*edges, nodes=("in", "a", "b", "out")):
    return Graph(nodes, edges)


def conv(source, target, threshold=None, layers=1, label="conv"):
    return Edge(source, target, label, spiking=layers, threshold=threshold)


def identity(source, target):
    return Edge(source, target, "identity", spiking=0)


DIAMOND = graph(
    conv("in", "a", 0.5),
    conv("a", "out", 1.5),
    conv("in", "b", 1.0),
    identity("b", "out"),
    identity("in", "out"),
)


def test_paths_worked_by_hand():
    paths = paths_of(DIAMOND)  # b only passes on: its convolution leads to the output
    assert set(paths.before) == {"in", "a", "out"}
    assert paths.whole == Reach(most=2, least=0, number=3, total=3, squares=5)
    assert paths.before["a"].most == paths.after["a"].most == 1
    assert [paths.is_on_longest(edge) for edge in paths.edges] == [True, True, False, False]


def test_what_lies_on_no_path_and_feedback_are_left_out():
    dead = Edge("a", "in", "conv", spiking=1, backward=True)
    more = Graph(("in", "c", "a", "b", "out"), (*DIAMOND.edges, dead, conv("a", "c")))
    assert paths_of(more) == paths_of(DIAMOND)
    assert features_of(more).counts == {
        **features_of(DIAMOND).counts,
        "feedback": 1.0,
        "feedback: conv": 1.0,
    }


def test_a_stride_is_no_mere_passing_on():
    pool = Edge("in", "a", "pool", spiking=0, stride=2)
    found = features_of(graph(pool, conv("a", "out"))).counts
    assert found["nodes"] == 3 and found["halvings"] == 1 and found["edges without neurons"] == 1


def test_numbers_of_a_graph_worked_by_hand():
    counts, measures = features_of(DIAMOND)
    assert counts["longest"] == 2 and counts["longest: 2"] == 1 and counts["shortest"] == 0
    assert counts["mean path"] == 1 and counts["spread of paths"] == pytest.approx((2 / 3) ** 0.5)
    assert (counts["layers"], counts["layers on the longest"], counts["layers side by side"]) == (3, 2, 2)
    assert counts["skips"] == 1 and counts["edges into the output"] == 3
    assert counts["edges into the output, with neurons"] == 2
    assert counts["0 before, 1 behind: conv"] == counts["1 before, 0 behind: conv"] == 1
    assert measures["threshold"] == 1.0 and measures["entry: threshold"] == 0.75
    assert measures["exit: threshold"] == 1.25
    assert measures["longest, 0 before: threshold"] == 0.5
    assert measures["longest, 0 behind: threshold"] == 1.5
    # of three paths one has no layer, one has a rise of cov((0, 1), (0.5, 1.5)) and one has one layer
    assert measures["paths: rise"] == pytest.approx(0.25 / 2)
    assert measures["paths: first threshold"] == pytest.approx((0.5 + 1.0) / 2)


def test_names_of_nodes_and_the_order_of_edges_do_not_matter():
    renamed = {"in": "x", "a": "b", "b": "a", "out": "y"}
    edges = [
        conv(renamed[e.source], renamed[e.target], e.threshold, e.spiking, e.label) for e in DIAMOND.edges
    ]
    found, given = features_of(graph(*edges[::-1], nodes=("x", "b", "a", "y"))), features_of(DIAMOND)
    assert found.counts == given.counts and found.measures == pytest.approx(given.measures)


def test_no_path_and_unknown_thresholds_and_neurons():
    assert features_of(graph(conv("in", "a"))) == Features({"feedback": 0.0}, {})
    assert features_of(graph(conv("in", "out"))).measures == {}
    unsaid = features_of(graph(Edge("in", "a"), Edge("a", "out")))
    assert unsaid.counts["longest"] == 2


def test_a_circle_is_refused():
    with pytest.raises(ContractError, match="backward=True"):
        paths_of(graph(conv("in", "a"), conv("a", "b"), conv("b", "a"), conv("b", "out")))


@pytest.mark.parametrize("seed", range(5))
def test_means_over_paths_are_those_of_all_paths_one_by_one(seed):
    rng = random.Random(seed)
    nodes = [str(i) for i in range(6)]
    edges = [
        conv(a, b, rng.choice((0.5, 1.0, 1.5)), rng.choice((1, 1, 2)))
        for a, b in itertools.combinations(nodes, 2)
        if rng.random() < 0.7 or (a, b) == ("0", "5")
    ]
    drawn = Graph(tuple(nodes), tuple(edges))
    every = list(_all_paths(drawn, "0"))
    rises = [np.mean((np.arange(len(p)) - np.mean(np.arange(len(p)))) * np.array(p)) for p in every]
    counts, measures = features_of(drawn)
    assert counts["paths"] == pytest.approx(np.log(len(every)))
    assert counts["mean path"] == pytest.approx(np.mean([len(p) for p in every]))
    assert counts["spread of paths"] == pytest.approx(np.std([len(p) for p in every]))
    assert measures["paths: rise"] == pytest.approx(np.mean(rises))
    assert measures["paths: first threshold"] == pytest.approx(np.mean([p[0] for p in every]))
    assert measures["paths: last threshold"] == pytest.approx(np.mean([p[-1] for p in every]))


def _all_paths(drawn, node):
    if node == drawn.nodes[-1]:
        yield []
    for edge in drawn.edges:
        if edge.source == node:
            for rest in _all_paths(drawn, edge.target):
                yield [edge.threshold] * edge.spiking + rest


def test_tables_have_0_for_missing_counts_and_the_mean_for_missing_measures():
    table = table_of(
        [Features({"b": 1.0}, {}), Features({"a": 3.0, "b": 1.0}, {"m": 5.0}), Features({}, {"m": 7.0})]
    )
    assert np.array_equal(table, [[0, 1, np.nan], [3, 1, 5], [0, 0, 7]], equal_nan=True)
    found = standardised(table)
    assert found.shape == (3, 3) and found[0, 2] == 0 and found[1, 2] == -found[2, 2] < 0


def test_standardised_columns():
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.normal(5, 3, 400), np.full(400, 7.0), np.eye(400)[0]])
    found = standardised(table)
    assert found.shape == (400, 2)
    assert abs(found[:, 0].mean()) < 0.02 and 0.9 < found[:, 0].std() < 1
    assert np.abs(found).max() == 2.0
