from __future__ import annotations

import math

import pytest
import torch
from snnplug_sahd import distance
from snnplug_sahd.distance import SAHD, Hamming, hamming_distances
from torch import nn

from snnplug import Candidate
from snnplug.nn import Dropout, MembraneState, SpikingNeuron, TimeSequential, repeat_spikes, spike
from snnplug.testing import ScorerConformance

# one layer of four neurons, one step: f = 1/4 and 1/2, P = 1/2, D = 1
TWO = torch.tensor([[[1.0, 0, 0, 0], [1.0, 1, 0, 0]]])


class TestSAHD(ScorerConformance):
    name = "snnplug-sahd:sahd"
    params = (
        {"batch_size": 8},
        {"batch_size": 8, "alpha": "release_2022_07", "aggregate": "sum", "repeats": 1, "eps": 1e-2},
    )


class TestHamming(ScorerConformance):
    name = "snnplug-sahd:hamming"
    params = ({"batch_size": 8},)


class Threshold(SpikingNeuron):
    """Passes on whether the current is above one half."""

    def step(self, x, state):
        return spike(x - 0.5, strict=True), state


class Signed(SpikingNeuron):
    """Spikes with values, negative ones among them."""

    graded = True

    def step(self, x, state):
        return x.sign() * 3, MembraneState(state.v)


def candidate(model, *batches, seed=0):
    """A candidate with given inputs `[T, B, N]`."""

    def batch(index, size):
        return batches[index % len(batches)], None

    return Candidate(genotype={}, key="k", build=lambda repeat=0: model, batch=batch, seed=seed)


@pytest.mark.parametrize(
    ("scorer", "off_diagonal"),
    [
        (SAHD(), 3.0019960080),
        (SAHD(alpha="release_2022_07"), 3.7501249375),
        (SAHD(eps=1e-15), 3.0),
        (Hamming(), 3.0),
    ],
)
def test_kernel_by_hand(scorer, off_diagonal):
    kernel = scorer.layer_kernel(*hamming_distances(TWO))[0]
    assert kernel.dtype == torch.float64
    assert kernel.diagonal().tolist() == [4, 4]  # a sample is at no distance from itself
    assert kernel[0, 1].item() == kernel[1, 0].item() == pytest.approx(off_diagonal, abs=1e-10)


@pytest.mark.parametrize(
    ("scorer", "score"),
    [
        (SAHD(), 1.9442),
        (SAHD(alpha="release_2022_07"), 0.6609),
        (SAHD(eps=1e-15), math.log(7)),
        (Hamming(), math.log(7)),
    ],
)
def test_score_by_hand(scorer, score):
    assert scorer(candidate(Threshold(), TWO)) == pytest.approx(score, abs=5e-5)


@pytest.mark.parametrize("integers", [True, False])
def test_distances_are_exact(integers, monkeypatch):
    if not integers:
        monkeypatch.setattr(distance, "_multiplies_integers", lambda: False)
    spikes = (torch.rand(3, 6, 5, 7, generator=torch.Generator().manual_seed(0)) > 0.6).float()
    distances, fired, N = hamming_distances(spikes)
    flat = spikes.flatten(2)
    assert N == 35
    assert torch.equal(distances, (flat.unsqueeze(2) != flat.unsqueeze(1)).sum(3).double())
    assert torch.equal(fired, flat.sum(2).double())


def test_spikes_with_values_count_where_they_are_positive():
    x = torch.tensor([[[2.0, -1, 0], [0.5, 1, -3]]])  # fire 1 0 0 and 1 1 0
    assert Hamming().kernel(Signed(), x)[0].tolist() == [[3, 2], [2, 3]]


def test_kernels_of_layers_and_steps_are_added():
    # second layer: three neurons that all see the sum, so that both samples fire alike
    model = TimeSequential(Threshold(), nn.Linear(4, 3, bias=False), Threshold())
    nn.init.ones_(model.layers[1].weight)
    x = torch.cat([TWO, torch.zeros_like(TWO)])  # the second step is silent: K = N everywhere
    kernel, count = Hamming().kernel(model, x)
    assert count == 4
    assert kernel.tolist() == [[4 + 4 + 3 + 3, 3 + 4 + 3 + 3], [3 + 4 + 3 + 3, 4 + 4 + 3 + 3]]


def test_mean_and_sum_differ_by_the_number_of_kernels():
    x = torch.cat([TWO, TWO.flip(1), TWO])
    one = candidate(Threshold(), x)
    assert Hamming(aggregate="sum")(one) - Hamming()(one) == pytest.approx(2 * math.log(3))


def test_repeats_take_different_batches_and_are_averaged():
    other = torch.tensor([[[1.0, 1, 1, 1], [0.0, 0, 0, 0]]])  # D = 4, K = [[4, 0], [0, 4]]
    assert Hamming()(candidate(Threshold(), TWO, other)) == pytest.approx((math.log(7) + math.log(16)) / 2)


def test_nothing_is_left_of_one_repeat_in_the_next():
    class Integrator(SpikingNeuron):
        def step(self, x, state):
            v = state.v + x
            return spike(v - 1.5), MembraneState(v)

    scores = [SAHD(repeats=n)(candidate(Integrator(), torch.cat([TWO, TWO]))) for n in (1, 2, 3)]
    assert scores[0] == pytest.approx(scores[1]) == pytest.approx(scores[2])


class Overwriting(SpikingNeuron):
    """Returns the same memory in every step."""

    def step(self, x, state):
        if not hasattr(self, "spikes"):
            self.spikes = torch.empty_like(x)
        return torch.gt(x, 0.5, out=self.spikes), state


class Loop(nn.Module):
    """Runs its neuron step by step, and shows the spikes of each step twice."""

    def __init__(self, neuron):
        super().__init__()
        self.neuron, self.twin = neuron, Threshold()

    def forward(self, x):
        state = self.neuron.initial_state(x[0])
        for current in x:
            spikes, state = self.neuron.step(current, state)
            repeat_spikes(self.twin, spikes.unsqueeze(0))
        return spikes


@pytest.mark.parametrize("neuron", [Threshold, Overwriting])
def test_equal_spikes_of_two_neurons_both_count(neuron):
    x = torch.cat([TWO, torch.zeros_like(TWO)])
    kernel, count = Hamming().kernel(Loop(neuron()), x)
    assert count == 4
    assert kernel.tolist() == [[16, 14], [14, 16]]


def test_a_neuron_that_passes_its_input_on():
    class Pass(SpikingNeuron):
        def sequence(self, x, state):
            return x, state

    assert Hamming().kernel(Pass(), TWO)[0].tolist() == [[4, 3], [3, 4]]


def test_bfloat16_changes_a_score_little():
    torch.manual_seed(0)
    model = TimeSequential(nn.Linear(64, 512), Threshold(), nn.Linear(512, 512), Threshold())
    one = candidate(model, torch.rand(2, 32, 64))
    exact, rounded = SAHD()(one), SAHD(precision="bfloat16")(one)
    assert exact != rounded
    assert rounded == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("scorer", [SAHD(), SAHD(alpha="release_2022_07"), Hamming()])
def test_samples_that_look_alike_score_minus_infinity(scorer):
    silent = torch.zeros(2, 3, 4)  # all rates and distances zero: K = N everywhere
    assert scorer(candidate(Threshold(), silent)) == -math.inf
    assert scorer(candidate(Threshold(), silent + 1)) == -math.inf


def test_a_network_without_neurons_scores_minus_infinity():
    assert SAHD()(candidate(nn.Identity(), TWO)) == -math.inf


def test_values_that_are_no_numbers_do_not_win():
    score = SAHD()(candidate(Threshold(), torch.full((1, 3, 4), math.nan)))
    assert score == -math.inf


def test_network_is_in_training_mode_without_gradients():
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return x

    SAHD()(candidate(TimeSequential(Watch(), Threshold()).eval(), TWO))
    assert seen == [(True, False)] * 2


def test_dropout_depends_on_the_seed_of_the_candidate():
    model = TimeSequential(Dropout(0.5), Threshold())
    x = (torch.rand(2, 8, 64, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    scores = [SAHD()(candidate(model, x, seed=seed)) for seed in (1, 1, 2)]
    assert scores[0] == scores[1] != scores[2]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SAHD(repeats=0), "repeats must be at least 1, got 0"),
        (lambda: Hamming(batch_size=1), "batch_size must be at least 2, got 1"),
        (lambda: SAHD(eps=0.0), "eps must be above 0, got 0"),
    ],
)
def test_values_out_of_range_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("N", [1000, 262_144])
def test_distances_are_exact_on_a_gpu(N):
    spikes = (torch.rand(2, 64, N, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    for ours, exact in zip(
        hamming_distances(spikes.cuda())[:2], hamming_distances(spikes.double())[:2], strict=True
    ):
        assert torch.equal(ours.cpu(), exact)
