"""A key tells functions apart: cells with other keys agree under no assignment of their weights.

The other direction, equal keys are equal functions, is in test_space.py.
"""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from snnplug_snasnet.cell import Cell
from snnplug_snasnet.genotype import PAIRS, canonical, edges, from_edges, parse, prune

from snnplug.testing.candidates import TinyNeuron

OPERATIONS = ("zero", "conv1")


def shapes(backward):
    """The canonical cells of one operation with a direct edge, enumerated."""
    choices = [((), ((i, j),), ((j, i),)) if backward else ((), ((i, j),)) for i, j in PAIRS]
    found = set()
    for chosen in itertools.product(*choices):
        cell = prune(from_edges({edge: 1 for pair in chosen for edge in pair}))
        if cell[0][3]:
            found.add(canonical(cell))
    return sorted(found)


def network_of(cell):
    return Cell(cell, OPERATIONS, 6, TinyNeuron).double().eval()


def outputs(network, cell, weights, x):
    """Run the network of a cell with these weights in the order of `edges`."""
    with torch.no_grad():
        for (i, j, _), weight in zip(edges(cell), weights, strict=True):
            network.edges[f"{i}-{j}"].conv.weight.copy_(weight)
        return network(x)


def check_pair(one, other, x, weights):
    reference = outputs(network_of(one), one, weights, x)
    network = network_of(other)
    for order in itertools.permutations(weights):
        assert not torch.allclose(outputs(network, other, order, x), reference, atol=1e-6)


def same_size(cells, most):
    by_size = {}
    for cell in cells:
        by_size.setdefault(len(list(edges(cell))), []).append(cell)
    return [
        pair for size, group in by_size.items() if size <= most for pair in itertools.combinations(group, 2)
    ]


def material(seed, size):
    generator = torch.Generator().manual_seed(seed)
    x = 1.5 + torch.randn(4, 3, 6, 2, 2, generator=generator, dtype=torch.float64)
    return x, [1.5 * torch.randn(6, 6, 1, 1, generator=generator, dtype=torch.float64) for _ in range(size)]


def test_forward_cells_with_other_keys_are_other_functions():
    pairs = same_size(shapes(backward=False), most=6)
    assert len(shapes(backward=False)) == 7
    assert pairs
    for one, other in pairs:
        check_pair(one, other, *material(0, len(list(edges(one)))))


@pytest.mark.parametrize("most", [4, pytest.param(5, marks=pytest.mark.slow)])
def test_backward_cells_with_other_keys_are_other_functions(most):
    pairs = same_size(shapes(backward=True), most)
    for one, other in random.Random(0).sample(pairs, min(40, len(pairs))):
        check_pair(one, other, *material(1, len(list(edges(one)))))


@pytest.mark.parametrize("backward", [False, True])
def test_every_edge_left_in_a_canonical_cell_matters(backward):
    for cell in shapes(backward):
        count = len(list(edges(cell)))
        x, weights = material(2, count)
        network = network_of(cell)
        whole = outputs(network, cell, weights, x)
        for i in range(count):
            without = [torch.zeros_like(w) if i == j else w for j, w in enumerate(weights)]
            assert not torch.allclose(outputs(network, cell, without, x), whole, atol=1e-6)


def test_chains_of_identities_are_a_known_exception():
    """A key does not do algebra: an identity in front of an edge is another cell with the same function."""
    operations = ("zero", "conv1", "identity")
    direct, through = parse("0101 0001 0000 0000"), parse("0201 0010 0001 0000")
    assert canonical(direct) != canonical(through)
    x, (a, b, c) = material(3, 3)
    results = []
    for cell, weights in (
        (direct, {"0-1": a, "1-3": b, "0-3": c}),
        (through, {"1-2": a, "2-3": b, "0-3": c}),
    ):
        network = Cell(cell, operations, 6, TinyNeuron).double().eval()
        with torch.no_grad():
            for name, weight in weights.items():
                network.edges[name].conv.weight.copy_(weight)
            results.append(network(x))
    torch.testing.assert_close(*results)
