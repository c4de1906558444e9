"""Event frames through space, supernet and fitness: small ones, odd ones, and those of a camera."""

from __future__ import annotations

import random

import pytest
import torch
from snnplug_autosnn.architecture import autosnn_network
from snnplug_autosnn.fitness import SpikeAwareFitness
from snnplug_autosnn.space import AutoSNN
from torch import Tensor, nn

from snnplug import Candidate, Task
from snnplug.nn import record, seeded
from snnplug.testing.candidates import TinyNeuron

SIZES = {"conv": (16, 16), "conv_pool": (72, 64), "conv_pool_pool": (128, 128)}
NAMES = "SRB_k3 SCB_k3 skip SRB_k5 SCB_k5"


def task(height: int, width: int, steps: int = 3) -> Task:
    return Task(input_shape=(2, height, width), classes=3, steps=steps, events=True, values="counts")


def counts(task: Task, samples: int = 4, rate: float = 0.3) -> Tensor:
    """How many events fell into each place, other ones in every step: `[T, B, 2, H, W]`."""
    rates = torch.full((task.steps or 1, samples, *task.input_shape), rate)
    return torch.poisson(rates, generator=torch.Generator().manual_seed(0))


def space(task: Task, **parameters: object) -> AutoSNN:
    return AutoSNN(task, neuron=TinyNeuron, channels=4, **parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(("stem", "size"), SIZES.items())
def test_the_stem_follows_the_size_of_the_frames(stem: str, size: tuple[int, int]) -> None:
    facts = task(*size)
    found, named = space(facts), space(facts, stem=stem)
    assert found.graph(NAMES) == named.graph(NAMES)
    halvings = list(SIZES).index(stem)
    assert found.macro.size == (size[0] // 2**halvings // 8, size[1] // 2**halvings // 8)
    assert found.build(NAMES)(counts(facts, 2)).shape == (3, 2, 3)


@pytest.mark.parametrize("size", [(34, 34), (48, 48), (180, 240)])
def test_frames_of_other_cameras(size: tuple[int, int]) -> None:
    facts = task(*size, steps=2)
    network = autosnn_network(facts, neuron=TinyNeuron, channels=2)
    assert network(counts(facts, 2)).shape == (2, 2, 3)


@pytest.mark.parametrize(("stem", "size"), SIZES.items())
def test_a_path_of_the_supernet_is_the_network(stem: str, size: tuple[int, int]) -> None:
    facts = task(*size, steps=2)
    searched, x = space(facts), counts(facts, 2)
    with seeded(0):
        supernet = searched.supernet()
        supernet(x)  # statistics
    supernet.eval()
    generator = random.Random(0)
    for genotype in (NAMES, searched.sample(generator)):
        supernet.select(genotype)  # type: ignore[operator]
        network = searched.build(genotype)
        network.load_state_dict(supernet.weights(genotype))  # type: ignore[operator]
        torch.testing.assert_close(network.eval()(x), supernet(x))


def test_the_stem_sees_every_frame() -> None:
    facts = task(16, 16)
    network, x = space(facts).build(NAMES), counts(facts)
    inner = network.get_submodule("stem.layers.0.conv")
    seen: list[int] = []
    inner.register_forward_hook(lambda module, args, out: seen.append(len(args[0])))
    network.eval()
    outputs = network(x)
    assert seen == [3 * 4]
    torch.testing.assert_close(outputs[:2], network(x[:2]))  # what is to come changes nothing before it
    assert not torch.equal(outputs[1:], network(x.flip(0))[1:])


@pytest.mark.parametrize("size", SIZES.values())
def test_counts_are_billed_event_by_event(size: tuple[int, int]) -> None:
    facts = task(*size, steps=2)
    network, x = space(facts).build(NAMES), counts(facts, 2)
    with torch.no_grad(), record(network.eval()) as activity:
        network(x)
    assert not activity.uncounted
    stem = activity.synapses["stem.layers.0.conv"]
    reached = nn.functional.conv2d(x.flatten(0, 1), torch.ones(4, 2, 3, 3), padding=1)
    assert not stem.analog
    assert stem.operations == reached.reshape(2, -1).sum(1).tolist()


def test_fitness_of_event_frames() -> None:
    facts = task(16, 16)
    searched, x = space(facts), counts(facts, 40)
    y = torch.randint(3, (40,), generator=torch.Generator().manual_seed(1))
    with seeded(0):
        supernet = searched.supernet()
        supernet(x)
    found = {}
    for genotype in (NAMES, "skip " * 5):
        supernet.select(genotype)  # type: ignore[operator]
        candidate = Candidate(
            genotype=genotype,
            key=searched.key(genotype),
            build=lambda repeat=0: supernet,
            batch=lambda index, size: (x[:, :8], y[:8]),
            seed=0,
            inherit=lambda: supernet,
            held_out=lambda index, size: (x[:, index * size : (index + 1) * size], y[index * size :][:size]),
            held_out_samples=40,
        )
        score = SpikeAwareFitness(spikes="neurons", average=100.0, batch_size=16)(candidate)
        with torch.no_grad(), record(supernet.eval()) as activity:
            outputs = supernet(x)
        right = float((outputs.mean(0).argmax(1) == y).float().mean())
        assert score.parts["accuracy"] == pytest.approx(right)
        assert score.parts["spikes"] == pytest.approx(activity.spikes_per_sample)
        assert score.value == pytest.approx(right * (activity.spikes_per_sample / 100) ** -0.08)
        found[genotype] = score
    assert len({score.parts["spikes"] for score in found.values()}) == 2
