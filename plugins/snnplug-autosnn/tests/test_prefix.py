from __future__ import annotations

import functools
import random

import pytest
import torch
from snnplug_autosnn.fitness import SpikeAwareFitness
from snnplug_autosnn.space import AutoSNN
from torch import nn

from snnplug import Candidate, Task
from snnplug.nn import SpikingNeuron, seeded
from snnplug.testing.candidates import TinyNeuron, TinyStart

TASK = Task(input_shape=(1, 8, 8), classes=3, steps=2)
X = torch.rand(23, 1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(2, 23, 1, 8, 8)
Y = torch.randint(3, (23,), generator=torch.Generator().manual_seed(1))
BATCHES = 3  # of 9 samples, the last one of 5


class Graded(TinyNeuron):
    """Sends values: their sum depends on the order in which it is taken."""

    graded = True

    def step(self, x, state):
        s, state = super().step(x, state)
        return s * (1 + x.sigmoid()), state


class Noisy(TinyNeuron):
    """Draws at random, in evaluation mode too."""

    def step(self, x, state):
        return super().step(x + torch.rand_like(x), state)


class Searched:
    """A space of 125 networks with a supernet whose weights and statistics have moved."""

    def __init__(self, neuron: type[SpikingNeuron] = TinyNeuron, **parameters) -> None:
        self.space = AutoSNN(TASK, neuron=neuron, channels=4, macro=[4, "m", 6, "a", 6], **parameters)
        self.genotypes = list(self.space.genotypes())
        with seeded(0):
            self.supernet = self.space.supernet()
            for name in self.space.blocks * 2:
                self.supernet.select(f"{name} " * 3)
                self.supernet(3 * X)
            with torch.no_grad():
                for parameter in self.supernet.parameters():
                    parameter += 0.2 * torch.randn_like(parameter)
        self.supernet.eval()
        self.x = X

    def held_out(self, index: int, size: int):
        part = slice(index * size, (index + 1) * size)
        return self.x[:, part], Y[part]

    def inherit(self, genotype: str) -> nn.Module:
        network = self.space.build(genotype)
        network(X)  # shapes that follow the input
        network.load_state_dict(self.supernet.weights(genotype))
        return network.eval()

    def candidate(self, genotype: str, **others) -> Candidate:
        return Candidate(
            genotype=genotype,
            key=genotype,
            build=lambda repeat=0: self.space.build(genotype),
            batch=lambda index, size: (X, Y),
            seed=len(genotype),
            **{
                "inherit": lambda: self.inherit(genotype),
                "held_out": self.held_out,
                "held_out_samples": len(Y),
                "chain": lambda: self.supernet.chain(genotype),
                **others,
            },
        )

    def whole(self, genotype: str, **settings):
        """The score of a network that is built and run whole."""
        return fitness(shared_bytes=0, **settings)(self.candidate(genotype))


def fitness(**settings) -> SpikeAwareFitness:
    return SpikeAwareFitness(**{"batch_size": 9, "spikes": "neurons_and_pools", **settings})


def not_to_be_built() -> nn.Module:
    raise AssertionError("a network was built")


@pytest.fixture
def searched() -> Searched:
    return Searched()


@functools.cache
def alone(neuron: type[SpikingNeuron]):
    """A space, and the score of each of its networks, built and run whole."""
    searched = Searched(neuron)
    return searched, {genotype: searched.whole(genotype) for genotype in searched.genotypes}


@pytest.mark.parametrize("neuron", [TinyNeuron, TinyStart, Graded])
@pytest.mark.parametrize(("order", "shared_bytes"), [("listed", 1 << 30), ("random", 30_000)])
def test_every_score_is_that_of_the_network_alone(neuron, order: str, shared_bytes: int) -> None:
    (searched, expected), scorer = alone(neuron), fitness(shared_bytes=shared_bytes)
    genotypes = searched.genotypes
    if order == "random":
        genotypes = random.Random(0).sample(genotypes, len(genotypes))
    scores = {g: scorer(searched.candidate(g, inherit=not_to_be_built)) for g in genotypes}
    assert scores == expected
    assert len(scores) == 125
    assert len({score.parts["spikes"] for score in scores.values()}) > 60
    assert 0 < scorer._prefix.held <= shared_bytes


@pytest.mark.parametrize(("shared_bytes", "kept"), [(1 << 30, BATCHES), (40_000, 2)])
def test_what_is_shared_is_run_once(searched, shared_bytes: int, kept: int) -> None:
    runs = dict.fromkeys(("stem", "layers.0", "layers.4", "head"), 0)

    def count(name: str):
        def add(*_) -> None:
            runs[name] += 1

        return add

    searched.supernet.stem.register_forward_hook(count("stem"))
    searched.supernet.head.register_forward_hook(count("head"))
    for place in (0, 4):
        for block in searched.supernet.layers[place].blocks.values():
            block.register_forward_hook(count(f"layers.{place}"))
    scorer = fitness(shared_bytes=shared_bytes)
    for genotype in searched.genotypes:
        scorer(searched.candidate(genotype))
    anew = 125 * (BATCHES - kept)  # of batches that do not fit
    everything = 125 * BATCHES
    assert runs == {
        "stem": kept + anew,
        "layers.0": 5 * kept + anew,
        "layers.4": everything,
        "head": everything,
    }


@pytest.mark.parametrize("batch_norm", ["joint", "per_step"])
def test_norms_of_a_context_are_shared_within_it(batch_norm) -> None:
    searched, scorer = Searched(batch_norm=batch_norm, norm_context=1), fitness()
    genotypes = random.Random(0).sample(searched.genotypes[:50], 50)
    for genotype in genotypes:
        assert scorer(searched.candidate(genotype, inherit=not_to_be_built)) == searched.whole(genotype)
    names = {name for genotype in genotypes for name, _ in searched.supernet.chain(genotype)}
    assert {"stem", "layers.0 skip", "layers.1", "layers.2 SRB_k3 after skip", "head"} < names


def test_neurons_that_draw_at_random_are_not_shared() -> None:
    searched, scorer = Searched(Noisy), fitness()
    for genotype in searched.genotypes[:6]:
        assert scorer(searched.candidate(genotype)) == searched.whole(genotype)


def test_weights_that_have_changed_are_seen(searched) -> None:
    scorer, genotype = fitness(), searched.genotypes[60]
    before = scorer(searched.candidate(genotype))
    with torch.no_grad():
        searched.supernet.stem.layers[0].norm.bias += 0.5
    after = scorer(searched.candidate(genotype))
    assert after != before
    assert after == searched.whole(genotype)


def test_other_data_is_seen(searched) -> None:
    scorer, other, genotype = fitness(), Searched(), searched.genotypes[60]
    other.supernet, other.x = searched.supernet, 1 - X
    before = scorer(searched.candidate(genotype))
    assert scorer(other.candidate(genotype)) == other.whole(genotype) != before
    assert scorer(searched.candidate(genotype)) == before


@pytest.mark.parametrize(
    "settings", [{"shared_bytes": 0}, {"recalibrate": 1}, {"spikes": "synaptic_operations"}]
)
def test_networks_are_built_where_their_parts_would_not_do(searched, settings) -> None:
    candidate = searched.candidate(searched.genotypes[60], inherit=not_to_be_built)
    with pytest.raises(AssertionError, match="a network was built"):
        fitness(**settings)(candidate)


def test_a_supernet_that_tells_no_parts_is_fine(searched) -> None:
    genotype = searched.genotypes[60]
    assert fitness()(searched.candidate(genotype, chain=lambda: None)) == searched.whole(genotype)


def test_values_that_are_no_spikes_are_kept_as_they_are() -> None:
    from snnplug_autosnn.prefix import _pack

    for x in (torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 0.5]]), torch.tensor([[-0.0, 1.0]])):
        packed = _pack(x)
        assert (packed.dtype == torch.bool) == (str(x.tolist()) == "[[0.0, 1.0]]")
        assert str(packed.to(x.dtype)) == str(x)
