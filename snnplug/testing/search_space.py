"""Conformance of search spaces."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from snnplug.contracts import Genotype, Graph, Supernet, Task
from snnplug.nn import SpikeTotal, count_spikes, materialize, record, seeded
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import TASK, tiny_neuron

__all__ = ["SearchSpaceConformance"]


class SearchSpaceConformance(Conformance):
    """Checks of a search space: genotypes as plain JSON, and the networks they stand for.

        class TestCells(SearchSpaceConformance):
            name = "acme-spaces:cells"
            params = [{"channels": 4}]

    Attributes:
        task: what the networks are built for.
        draws: how many genotypes are drawn and built.
    """

    kind = "search_space"
    task: ClassVar[Task] = TASK
    draws: ClassVar[int] = 6

    def neuron(self) -> Component:
        """Return the neuron that the networks are built of."""
        return tiny_neuron()

    @pytest.fixture
    def space(self, component: Component) -> Any:
        """Return the space."""
        return component.build(self.task, neuron=self.neuron())

    def samples(self, space: Any) -> list[Genotype]:
        """Return the first draws of a fixed seed."""
        rng = random.Random(0)
        return [space.sample(rng) for _ in range(self.draws)]

    def outputs(self, model: nn.Module) -> Tensor:
        """Return what a network gives for a batch of two."""
        x = self.inputs()
        materialize(model, x)
        outputs: Tensor = model(x)
        return outputs

    def inputs(self) -> Tensor:
        """Return a batch of two, the same in every step."""
        x = torch.rand(2, *self.task.input_shape, generator=torch.Generator().manual_seed(0))
        return x.expand(self.task.steps or 1, *x.shape)

    def check_network(self, space: Any, genotype: Genotype) -> None:
        """Assert that a genotype is inside the space: it is plain JSON and its network runs."""
        assert json.loads(json.dumps(genotype)) == genotype
        outputs = self.outputs(space.build(genotype))
        assert outputs.shape == (self.task.steps, 2, self.task.classes)
        assert torch.isfinite(outputs).all()

    def test_parameters_are_accepted(self, component: Component) -> None:
        """The target takes the parameters, a neuron among them."""
        super().test_parameters_are_accepted(component.with_parameters(neuron=self.neuron()))

    def test_samples_are_inside(self, space: Any) -> None:
        """Every genotype drawn is plain JSON, builds and gives outputs `[T, B, K]`."""
        for genotype in self.samples(space):
            self.check_network(space, genotype)

    def test_samples_depend_on_the_generator_alone(self, space: Any) -> None:
        """The same generator gives the same genotypes."""
        first = self.samples(space)
        random.random()
        assert self.samples(space) == first

    def test_mutants_are_inside(self, space: Any) -> None:
        """A mutant is a new genotype of the space, and the parent stays as it was."""
        rng = random.Random(1)
        for genotype in self.samples(space)[:3]:
            before = copy.deepcopy(genotype)
            self.check_network(space, space.mutate(genotype, rng))
            assert genotype == before

    def test_children_are_inside(self, space: Any) -> None:
        """A child of two is a genotype of the space, and the parents stay as they were."""
        rng = random.Random(2)
        one, other = self.samples(space)[:2]
        before = copy.deepcopy((one, other))
        self.check_network(space, space.crossover(one, other, rng))
        assert (one, other) == before

    def test_mutation_reaches_other_networks(self, space: Any) -> None:
        """Mutating again and again does not stand still."""
        rng = random.Random(3)
        genotype = self.samples(space)[0]
        seen = {space.key(genotype)}
        for _ in range(30):
            genotype = space.mutate(genotype, rng)
            seen.add(space.key(genotype))
        assert len(seen) > 1

    def test_key_is_a_digest(self, space: Any) -> None:
        """A key is a SHA-256 in hexadecimal: 64 digits."""
        for genotype in self.samples(space):
            assert re.fullmatch(r"[0-9a-f]{64}", space.key(genotype))

    def test_key_survives_json(self, component: Component, space: Any) -> None:
        """The key is the same from another instance of the space, for a genotype read from a file."""
        again = component.build(self.task, neuron=self.neuron())
        for genotype in self.samples(space):
            assert again.key(json.loads(json.dumps(genotype))) == space.key(genotype)

    def test_equal_keys_mean_equal_networks(self, space: Any) -> None:
        """Genotypes that share a key have parameters of the same shapes."""
        rng, first = random.Random(5), dict[str, Genotype]()
        compared = 0
        for _ in range(50):
            genotype = space.sample(rng)
            other = first.setdefault(space.key(genotype), genotype)
            if other != genotype and compared < self.draws:
                assert self.shapes(space, genotype) == self.shapes(space, other)
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
        assert size is None or (type(size) is int and size >= len(seen))

    def test_graph_can_be_drawn(self, space: Any) -> None:
        """Node names are distinct and every edge joins two of them."""
        for genotype in self.samples(space):
            graph = space.graph(genotype)
            assert isinstance(graph, Graph)
            assert len(set(graph.nodes)) == len(graph.nodes)
            assert {end for edge in graph.edges for end in (edge.source, edge.target)} <= set(graph.nodes)

    def test_weights_follow_torch_generator(self, space: Any) -> None:
        """Two networks of one genotype built under one seed have the same weights."""
        genotype = self.samples(space)[0]
        outputs = []
        for _ in range(2):
            with seeded(5):
                outputs.append(self.outputs(space.build(genotype)))
        assert torch.equal(*outputs)

    def test_recorder_sees_neurons(self, space: Any) -> None:
        """The networks are built of the neuron given: some network drawn has layers of it."""
        layers = 0
        for genotype in self.samples(space):
            model = space.build(genotype)
            self.outputs(model)
            with record(model) as activity:
                self.outputs(model)
            layers += len(activity.neurons)
        assert layers > 0

    def test_neuron_may_have_parameters_shaped_by_the_input(self, component: Component) -> None:
        """A neuron with a learnable initial potential works too."""
        space = component.build(self.task, neuron=tiny_neuron(learnable_start=True))
        self.check_network(space, self.samples(space)[0])

    @pytest.fixture
    def supernet(self, space: Any) -> Any:
        """Return the space's supernet with weights of a fixed seed; skip where it has none."""
        if not hasattr(space, "supernet"):
            pytest.skip("no supernet")
        with seeded(6):
            return space.supernet()

    def test_supernet_runs_any_genotype(self, space: Any, supernet: Any) -> None:
        """It takes every genotype by `select`, and has `weights`."""
        assert isinstance(supernet, Supernet)
        assert isinstance(supernet, nn.Module)
        for genotype in self.samples(space):
            supernet.select(genotype)
            assert self.outputs(supernet).shape == (self.task.steps, 2, self.task.classes)

    def test_inherited_weights_give_the_outputs_of_the_supernet(self, space: Any, supernet: Any) -> None:
        """A network built for a genotype and given the shared weights is the path of the supernet."""
        for genotype in self.samples(space):
            supernet.train()
            supernet.select(genotype)
            self.outputs(supernet)  # shapes that follow the input, and running statistics
            alone = space.build(genotype)
            self.outputs(alone)
            alone.load_state_dict(supernet.weights(genotype))
            assert torch.equal(self.outputs(alone.eval()), self.outputs(supernet.eval()))

    def test_chain_is_the_path_in_parts(self, space: Any, supernet: Any) -> None:
        """The parts that a supernet tells give its outputs and spikes, and equal names mean equal parts."""
        if not hasattr(supernet, "chain"):
            pytest.skip("no chain")
        known: dict[tuple[str, ...], Tensor] = {}
        x = self.inputs()
        with torch.no_grad():
            for genotype in self.samples(space):
                supernet.select(genotype)
                self.outputs(supernet.train())  # shapes that follow the input, and running statistics
            supernet.eval()
            for genotype in self.samples(space):
                supernet.select(genotype)
                with count_spikes(supernet) as whole:
                    expected = supernet(x)
                y, names, totals = x, list[str](), list[SpikeTotal]()
                for name, part in supernet.chain(genotype):
                    given, before = y, y.clone()
                    with count_spikes(part) as total:
                        y = part(given)
                    assert torch.equal(given, before), f"{name} changes its input"
                    names.append(name)
                    totals.append(total)
                    assert torch.equal(y, known.setdefault(tuple(names), y)), names
                assert torch.equal(y, expected)
                total = SpikeTotal(totals)
                assert (total.neurons, total.pools) == (whole.neurons, whole.pools)

    def test_weights_are_shared(self, space: Any, supernet: Any) -> None:
        """What a genotype inherits are the supernet's own tensors, not copies."""
        own = {
            value.untyped_storage().data_ptr() for value in supernet.state_dict().values() if value.numel()
        }
        for genotype in self.samples(space):
            supernet.select(genotype)
            self.outputs(supernet)
            own |= {x.untyped_storage().data_ptr() for x in supernet.state_dict().values()}
            assert all(x.untyped_storage().data_ptr() in own for x in supernet.weights(genotype).values())

    def test_equal_keys_inherit_equal_weights(self, space: Any, supernet: Any) -> None:
        """Genotypes that are the same network get the same weights of the supernet."""
        rng, first, compared = random.Random(7), dict[str, Genotype](), 0
        for _ in range(200):
            genotype = space.sample(rng)
            other = first.setdefault(space.key(genotype), genotype)
            if other != genotype and compared < self.draws:
                compared += 1
                for one in (genotype, other):
                    supernet.select(one)
                    self.outputs(supernet)
                ours, theirs = (
                    sorted(x.data_ptr() for x in supernet.weights(one).values()) for one in (genotype, other)
                )
                assert ours == theirs

    def test_all_genotypes_are_told_apart(self, space: Any) -> None:
        """Where a space lists its genotypes, they are as many as its size says, and no two are alike."""
        if not hasattr(space, "genotypes"):
            pytest.skip("not listed")
        keys = [space.key(genotype) for genotype in itertools.islice(space.genotypes(), 20_000)]
        assert len(set(keys)) == len(keys)
        assert len(keys) in (space.size(), 20_000)
