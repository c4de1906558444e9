"""Conformance of supernets: all networks of a search space in one, with shared weights."""

from __future__ import annotations

import json
import random
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from snnplug.contracts import Genotype, Supernet, Task
from snnplug.nn import SpikeTotal, count_spikes, explaining_time, materialize, seeded
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance
from snnplug.testing.candidates import TASK, tiny_neuron
from snnplug.testing.close import check_close

__all__ = ["SupernetConformance"]


class SupernetConformance(Conformance):
    """The part of `SearchSpaceConformance` that is about supernets, and what it is tested with."""

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
        with explaining_time(model):
            outputs: Tensor = model(x)
        return outputs

    def inputs(self) -> Tensor:
        """Return a batch of two, the same in every step."""
        x = torch.rand(2, *self.task.input_shape, generator=torch.Generator().manual_seed(0))
        return x.expand(self.task.steps or 1, *x.shape)

    def check_network(self, space: Any, genotype: Genotype) -> None:
        """Assert that a genotype is inside the space: it is plain JSON and its network runs."""
        back = json.loads(json.dumps(genotype))
        assert back == genotype, (
            f"the genotype {genotype!r} comes back from JSON as {back!r}; use lists in place of tuples, and "
            "texts as keys"
        )
        self.check_outputs(self.outputs(space.build(genotype)), f"the network of {genotype!r}")

    def check_outputs(self, outputs: Tensor, whose: str) -> None:
        """Assert that outputs are finite and `[T, B, K]`."""
        expected = (self.task.steps or 1, 2, self.task.classes)
        assert outputs.shape == expected, (
            f"outputs of {whose} must be [T, B, K] = {list(expected)}, got {list(outputs.shape)}; set `task` "
            "in the test class where networks are for other inputs"
        )
        assert torch.isfinite(outputs).all(), f"outputs of {whose} are NaN or infinite"

    @pytest.fixture
    def supernet(self, space: Any) -> Any:
        """Return the space's supernet with weights of a fixed seed; skip where it has none."""
        if not hasattr(space, "supernet"):
            pytest.skip("no supernet")
        with seeded(6):
            return space.supernet()

    def test_supernet_runs_any_genotype(self, space: Any, supernet: Any) -> None:
        """It takes every genotype by `select`, and has `weights`."""
        assert isinstance(supernet, Supernet) and isinstance(supernet, nn.Module), (
            f"a supernet is a module with `select` and `weights`, got {type(supernet).__name__}"
        )
        for genotype in self.samples(space):
            supernet.select(genotype)
            self.check_outputs(self.outputs(supernet), f"the supernet for {genotype!r}")

    def test_inherited_weights_give_the_outputs_of_the_supernet(self, space: Any, supernet: Any) -> None:
        """A network built for a genotype and given the shared weights is the path of the supernet."""
        for genotype in self.samples(space):
            supernet.train()
            supernet.select(genotype)
            self.outputs(supernet)  # shapes that follow the input, and running statistics
            alone = space.build(genotype)
            self.outputs(alone)
            alone.load_state_dict(supernet.weights(genotype))
            check_close(
                self.outputs(alone.eval()),
                self.outputs(supernet.eval()),
                f"the network of {genotype!r} with `weights(genotype)` must give what the supernet gives "
                "after `select(genotype)`; both run the same layers in the same order",
                exact=True,
            )

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
                    assert torch.equal(given, before), (
                        f"the part {name!r} of the chain changes its input; copy it first"
                    )
                    names.append(name)
                    totals.append(total)
                    assert torch.equal(y, known.setdefault(tuple(names), y)), (
                        f"two chains that begin with {names} give different values there; parts of equal "
                        "name must do the same with the same weights"
                    )
                check_close(
                    y, expected, f"the chain of {genotype!r} must give what the supernet gives", exact=True
                )
                total = SpikeTotal(totals)
                counted, sent = (total.neurons, total.pools), (whole.neurons, whole.pools)
                assert counted == sent, (
                    f"the parts of the chain of {genotype!r} send {counted} spikes of neurons and pools, the "
                    f"supernet {sent}"
                )

    def test_weights_are_shared(self, space: Any, supernet: Any) -> None:
        """What a genotype inherits are the supernet's own tensors, not copies."""
        own = {
            value.untyped_storage().data_ptr() for value in supernet.state_dict().values() if value.numel()
        }
        for genotype in self.samples(space):
            supernet.select(genotype)
            self.outputs(supernet)
            own |= {x.untyped_storage().data_ptr() for x in supernet.state_dict().values()}
            copies = [
                name
                for name, x in supernet.weights(genotype).items()
                if x.untyped_storage().data_ptr() not in own
            ]
            assert not copies, (
                f"{copies[:3]} of `weights({genotype!r})` are copies; return the supernet's own tensors, so "
                "that what is trained is inherited"
            )

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
                assert ours == theirs, (
                    f"{genotype!r} and {other!r} share a key and get different weights of the supernet; "
                    "bring both into the canonical form in `select` and `weights`"
                )
