"""Conformance of search spaces."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from typing import Any

import pytest
import torch

from snnplug.contracts import Genotype, Graph
from snnplug.nn import materialize, record, seeded
from snnplug.registry.component import Component
from snnplug.testing.candidates import tiny_neuron
from snnplug.testing.stepping import check_stream
from snnplug.testing.supernet import SupernetConformance

__all__ = ["SearchSpaceConformance"]


class SearchSpaceConformance(SupernetConformance):
    """Checks of a search space: genotypes as plain JSON, and the networks they stand for.

        class TestCells(SearchSpaceConformance):
            name = "acme-spaces:cells"
            params = [{"channels": 4}]

    Attributes:
        task: what the networks are built for.
        draws: how many genotypes are drawn and built.
    """

    def test_parameters_are_accepted(self, component: Component) -> None:
        """The target takes the parameters, a neuron among them."""
        super().test_parameters_are_accepted(component.with_parameters(neuron=self.neuron()))

    def test_samples_are_inside(self, space: Any) -> None:
        """Every genotype drawn is plain JSON, builds and gives outputs `[T, B, K]`."""
        for genotype in self.samples(space):
            self.check_network(space, genotype)

    def test_step_by_step_equals_the_whole(self, space: Any) -> None:
        """Run one step at a time, with its state handed in and out, a network gives the same outputs."""
        for genotype in self.samples(space):
            model = space.build(genotype)
            materialize(model, self.inputs())
            check_stream(model, self.inputs())

    def test_samples_depend_on_the_generator_alone(self, space: Any) -> None:
        """The same generator gives the same genotypes."""
        first = self.samples(space)
        random.random()
        assert self.samples(space) == first, (
            "two generators of one seed draw different genotypes; take all randomness from the rng that is "
            "passed in"
        )

    def test_mutants_are_inside(self, space: Any) -> None:
        """A mutant is a new genotype of the space, and the parent stays as it was."""
        rng = random.Random(1)
        for genotype in self.samples(space)[:3]:
            before = copy.deepcopy(genotype)
            self.check_network(space, space.mutate(genotype, rng))
            assert genotype == before, (
                f"mutating changed the parent from {before!r} to {genotype!r}; copy it first"
            )

    def test_children_are_inside(self, space: Any) -> None:
        """A child of two is a genotype of the space, and the parents stay as they were."""
        rng = random.Random(2)
        one, other = self.samples(space)[:2]
        before = copy.deepcopy((one, other))
        self.check_network(space, space.crossover(one, other, rng))
        assert (one, other) == before, f"crossing changed the parents {before!r}; copy them first"

    def test_mutation_reaches_other_networks(self, space: Any) -> None:
        """Mutating again and again does not stand still."""
        rng = random.Random(3)
        genotype = self.samples(space)[0]
        seen = {space.key(genotype)}
        for _ in range(30):
            genotype = space.mutate(genotype, rng)
            seen.add(space.key(genotype))
        assert len(seen) > 1, (
            f"30 mutations in a row all give the network of {genotype!r}; draw what is changed"
        )

    def test_key_is_a_digest(self, space: Any) -> None:
        """A key is a SHA-256 in hexadecimal: 64 digits."""
        for genotype in self.samples(space):
            key = space.key(genotype)
            assert re.fullmatch(r"[0-9a-f]{64}", key), (
                f"a key must be a SHA-256 of 64 hexadecimal digits, got {key!r}; snnplug.digest(value) makes "
                "one of JSON"
            )

    def test_key_survives_json(self, component: Component, space: Any) -> None:
        """The key is the same from another instance of the space, for a genotype read from a file."""
        again = component.build(self.task, neuron=self.neuron())
        for genotype in self.samples(space):
            assert again.key(json.loads(json.dumps(genotype))) == space.key(genotype), (
                f"another instance of the space gives {genotype!r}, read from a file, another key; make the "
                "key from the genotype alone, without hash()"
            )

    def test_equal_keys_mean_equal_networks(self, space: Any) -> None:
        """Genotypes that share a key have parameters of the same shapes."""
        rng, first = random.Random(5), dict[str, Genotype]()
        compared = 0
        for _ in range(50):
            genotype = space.sample(rng)
            other = first.setdefault(space.key(genotype), genotype)
            if other != genotype and compared < self.draws:
                shapes = self.shapes(space, genotype), self.shapes(space, other)
                assert shapes[0] == shapes[1], (
                    f"{genotype!r} and {other!r} share a key and have parameters {shapes[0]} and "
                    f"{shapes[1]}; one key means one network"
                )
                compared += 1

    def shapes(self, space: Any, genotype: Genotype) -> list[tuple[int, ...]]:
        """Return the shapes of a network's parameters, sorted."""
        model = space.build(genotype)
        self.outputs(model)
        return sorted(tuple(parameter.shape) for parameter in model.parameters())

    def test_size_is_not_below_what_is_drawn(self, space: Any) -> None:
        """There are at least as many genotypes as distinct ones drawn, or the number is unknown."""
        rng = random.Random(4)
        seen = {json.dumps(space.sample(rng), sort_keys=True) for _ in range(50)}
        size = space.size()
        assert size is None or (type(size) is int and size >= len(seen)), (
            f"50 draws gave {len(seen)} different genotypes, size() says {size!r}; count all, or return None"
        )

    def test_graph_can_be_drawn(self, space: Any) -> None:
        """Node names are distinct, every edge joins two of them, and says what can be counted."""
        for genotype in self.samples(space):
            graph = space.graph(genotype)
            assert isinstance(graph, Graph), f"graph must return snnplug.Graph, got {type(graph).__name__}"
            assert len(set(graph.nodes)) == len(graph.nodes), f"two nodes share a name: {graph.nodes}"
            lost = {end for edge in graph.edges for end in (edge.source, edge.target)} - set(graph.nodes)
            assert not lost, f"edges join {sorted(lost)}, which are none of the nodes {graph.nodes}"
            odd = [edge for edge in graph.edges if (edge.spiking or 0) < 0 or edge.stride < 1]
            assert not odd, (
                f"{odd[0]} must have 0 or more layers of neurons as spiking, or None, and a stride of 1 or "
                "more"
            )

    def test_weights_follow_torch_generator(self, space: Any) -> None:
        """Two networks of one genotype built under one seed have the same weights."""
        genotype = self.samples(space)[0]
        outputs = []
        for _ in range(2):
            with seeded(5):
                outputs.append(self.outputs(space.build(genotype)))
        assert torch.equal(*outputs), (
            f"two networks of {genotype!r} built under one seed differ; draw weights from torch's global "
            "generator alone"
        )

    def test_recorder_sees_neurons(self, space: Any) -> None:
        """The networks are built of the neuron given: some network drawn has layers of it."""
        layers = 0
        for genotype in self.samples(space):
            model = space.build(genotype)
            self.outputs(model)
            with record(model) as activity:
                self.outputs(model)
            layers += len(activity.neurons)
        assert layers > 0, (
            f"none of {self.draws} networks has a layer of the neuron that was given; build each by "
            "as_neuron(neuron), or set more `draws` in the test class"
        )

    def test_neuron_may_have_parameters_shaped_by_the_input(self, component: Component) -> None:
        """A neuron with a learnable initial potential works too."""
        space = component.build(self.task, neuron=tiny_neuron(learnable_start=True))
        self.check_network(space, self.samples(space)[0])

    def test_all_genotypes_are_told_apart(self, space: Any) -> None:
        """Where a space lists its genotypes, they are as many as its size says, and no two are alike."""
        if not hasattr(space, "genotypes"):
            pytest.skip("not listed")
        keys = [space.key(genotype) for genotype in itertools.islice(space.genotypes(), 20_000)]
        assert len(set(keys)) == len(keys), (
            f"genotypes() yields {len(keys)} genotypes of {len(set(keys))} different networks; yield each "
            "network once"
        )
        assert len(keys) in (space.size(), 20_000), (
            f"genotypes() yields {len(keys)} genotypes, size() says {space.size()}"
        )
