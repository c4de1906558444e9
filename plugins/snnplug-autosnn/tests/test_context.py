from __future__ import annotations

import itertools
import random

import pytest
import torch
from snnplug_autosnn.context import NormBank
from snnplug_autosnn.space import AutoSNN

from snnplug import Task
from snnplug.nn import record, seeded
from snnplug.testing.candidates import TinyNeuron, TinyStart

TASK = Task(input_shape=(1, 8, 8), classes=3, steps=2)
BLOCKS = ("skip", "SCB_k3", "SRB_k3")
X = torch.rand(2, 4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def space(reach: int, **parameters) -> AutoSNN:
    settings = {"neuron": TinyNeuron, "channels": 4, "macro": [4, "m", 6, "a", 6, 8], "blocks": BLOCKS}
    return AutoSNN(TASK, norm_context=reach, **{**settings, **parameters})


def norms_of(one: AutoSNN, supernet, genotype: str, place: int) -> set[int]:
    """Return which norms a genotype has at a place."""
    found = supernet.weights(genotype)
    return {x.data_ptr() for name, x in found.items() if f"layers.{place}." in name and "running" in name}


@pytest.mark.parametrize(("batch_norm", "neuron"), [("per_step", TinyNeuron), ("joint", TinyStart)])
@pytest.mark.parametrize("reach", [0, 1, 2, 9])
def test_a_network_with_the_shared_weights_is_the_path_of_the_supernet(reach, neuron, batch_norm) -> None:
    one, rng = space(reach, neuron=neuron, batch_norm=batch_norm), random.Random(0)
    with seeded(1):
        supernet = one.supernet()
    for name in BLOCKS:  # so that every neuron has its shapes
        supernet.select(f"{name} " * 4)
        supernet(X)
    optimizer = torch.optim.SGD(supernet.parameters(), lr=1.0)
    for _ in range(8):  # so that contexts differ in what they have
        supernet.select(one.sample(rng))
        optimizer.zero_grad()
        supernet(X).square().sum().backward()
        optimizer.step()
    for genotype, training in itertools.product([one.sample(rng) for _ in range(3)], (True, False)):
        alone = one.build(genotype)
        alone(X)
        alone.load_state_dict(supernet.weights(genotype))
        supernet.select(genotype)
        alone.train(training), supernet.train(training)
        with record(alone) as first, record(supernet) as second:
            assert torch.equal(alone(X), supernet(X))
        assert first.synaptic_operations == second.synaptic_operations


@pytest.mark.parametrize(
    ("reach", "different"),
    [
        (0, [1, 1, 1, 1]),
        (1, [1, 3, 3, 3]),
        (2, [1, 3, 9, 9]),
        (4, [1, 3, 9, 27]),
    ],
)
def test_norms_differ_with_as_many_blocks_before_as_it_says(reach: int, different: list[int]) -> None:
    one = space(reach)
    supernet = one.supernet()
    for index, place in enumerate(one.macro.blocks):
        found = set()
        for before in itertools.product(BLOCKS, repeat=index):
            genotype = " ".join([*before, "SRB_k3", *["skip"] * (3 - index)])
            found.add(frozenset(norms_of(one, supernet, genotype, place)))
        assert len(found) == different[index]
        assert len(set().union(*found)) == sum(map(len, found))  # none has a part of another
    outside = [part for part in (supernet.stem, supernet.head) for part in part.modules()]
    assert not any(isinstance(part, NormBank) for part in outside)


def test_names_are_as_before_without_context() -> None:
    assert not any(isinstance(part, NormBank) for part in space(0).supernet().modules())
    assert "layers.2.blocks.SRB_k3.conv1.layers.1.running_mean" in space(0).supernet().state_dict()


def test_norms_of_other_contexts_are_left_alone() -> None:
    supernet = space(1).supernet()
    names = ["SCB_k3", "SRB_k3", "SRB_k3", "skip"]
    supernet.select(names)
    supernet(X).sum().backward()
    looked_at = 0
    for index, place in enumerate(supernet.places[1:], 1):
        for name, block in supernet.layers[place].blocks.items():
            for bank in (part for part in block.modules() if isinstance(part, NormBank)):
                expected = [name == names[index] and one == names[index - 1] for one in BLOCKS]
                assert [norm.weight.grad is not None for norm in bank.norms] == expected
                assert [bool(norm.num_batches_tracked) for norm in bank.norms] == expected
                looked_at += any(expected)
    assert looked_at == 6  # two of a residual block, another one where channels change, one of a skip


def test_outputs_change_with_the_norms_of_their_context_alone() -> None:
    supernet = space(1).supernet().eval()

    def outputs() -> dict[str, torch.Tensor]:
        found = {}
        for first in BLOCKS:
            *before, _ = supernet.chain(f"{first} SRB_k3 SRB_k3 skip")
            found[first] = X
            for _, part in before[:4]:  # up to the second block
                found[first] = part(found[first])
        return found

    before = outputs()
    with torch.no_grad():
        for name, parameter in supernet.layers[2].named_parameters():
            if ".norms.1." in name and name.endswith("bias"):
                parameter += 3.0
    after = outputs()
    assert [torch.equal(before[name], after[name]) for name in BLOCKS] == [True, False, True]


@pytest.mark.parametrize(
    ("reach", "parameters", "complaint"),
    [
        (-1, {}, "norm_context must be at least 0, got -1"),
        (12, {"macro": [4] * 12}, "norm_context must make at most 25,000 sets .* got 12 with 3 blocks at 12"),
        (10**6, {"macro": [4] * 5000}, "norm_context must make at most 25,000 sets"),
    ],
)
def test_what_would_be_too_large_is_refused_at_once(reach, parameters, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        space(reach, **parameters)
