"""The correction of a code for what the layers before it do: fit, table, gradients, checkpoints."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug.errors import ContractError
from snnplug.nn import Code, WindowNeuron, midpoints, record
from snnplug.nn.correction import correction_of
from snnplug.nn.time import TimeSequential


class Steps(WindowNeuron):
    """Levels 0, 1, ..., 40 quarters, in two entries: a quarter of an even number, and one more."""

    def __init__(self, unit: float = 0.25) -> None:
        super().__init__(slots=2)
        self.unit = nn.Parameter(torch.tensor(unit, dtype=torch.float64))

    def code(self) -> Code:
        n = torch.arange(41, dtype=torch.float64)
        values = torch.stack([n - n % 2, n % 2], -1) * self.unit
        return Code(midpoints(values.sum(-1)), values)

    def start(self, samples: Tensor) -> None:
        self.seen = samples


def potentials(n: int = 3000, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, channels, generator=generator, dtype=torch.float64) + 1


def corrected(**rows: list[float]) -> Steps:
    neuron = Steps()
    neuron.correction = nn.Parameter(torch.tensor([*rows.values()], dtype=torch.float64))
    return neuron


DISTORTED = {"slope": [1.5, 0.75, 1.0], "shift": [0.3, -0.2, 0.0], "gain": [1.0, 0.9, 1.2]}


def test_a_line_that_was_laid_over_the_potentials_is_found() -> None:
    a = potentials()
    slope, shift = (torch.tensor(DISTORTED[name], dtype=torch.float64) for name in ("slope", "shift"))
    neuron = Steps()
    neuron.calibrate(a, (a - shift) / slope)
    assert neuron.correction is not None
    assert_close(neuron.correction[:2, :2].detach(), torch.stack([slope, shift])[:, :2], rtol=1e-9, atol=1e-9)
    assert neuron.error(a, (a - shift) / slope) <= Steps().error(a)


def test_line_and_gain_are_those_of_least_squares() -> None:
    a = potentials()
    v = 0.8 * a - 0.4 + 0.3 * potentials(seed=1)
    neuron = Steps()
    found = correction_of(neuron.decoded, a, v, a.relu())
    for c in range(3):
        slope, shift = np.polyfit(v[:, c].numpy(), a[:, c].numpy(), 1)
        sent = neuron.decoded((slope * v[:, c] + shift).unsqueeze(1)).numpy()[:, 0]
        (gain,), *_ = np.linalg.lstsq(sent[:, None], a[:, c].relu().numpy(), rcond=None)
        assert found[:, c].tolist() == pytest.approx([slope, shift, gain], rel=1e-9)


def test_a_channel_that_it_does_not_help_stays_as_it_is() -> None:
    a = potentials()
    a[:, 1] = -3.0  # says nothing
    a[:, 2] = 0.25 * a[:, 2].div(0.25).round().relu()  # is sent as it is
    v = torch.stack([a[:, 0] + 0.7, a[:, 1] - 1, a[:, 2]], 1)
    found = correction_of(Steps().decoded, a, v, a.relu())
    assert found[1, 0].item() < -0.5
    assert found[:, 1:].T.tolist() == [[1, 0, 1]] * 2


@pytest.mark.parametrize("seed", range(5))
def test_it_never_worsens_a_channel(seed: int) -> None:
    a, v = potentials(200, seed=seed), potentials(200, seed=seed + 50) ** 3
    neuron, plain = Steps(), Steps()
    neuron.calibrate(a, v)
    for c in range(3):
        rows = a[:, c : c + 1], v[:, c : c + 1]
        alone = Steps()
        assert neuron.correction is not None
        alone.correction = nn.Parameter(neuron.correction[:, c : c + 1])
        assert alone.error(*rows) <= plain.error(*rows)


def test_without_other_potentials_or_consent_there_is_none() -> None:
    neuron, published = Steps(), Steps()
    published.corrects = False
    neuron.calibrate(potentials())
    published.calibrate(potentials(), potentials() - 1)
    assert neuron.correction is published.correction is None
    assert "correction" not in neuron.state_dict()


def test_calibrated_again_it_is_of_the_new_potentials() -> None:
    once, twice = Steps(), Steps()
    twice.calibrate(potentials(), potentials() - 3)
    for neuron in (once, twice):
        neuron.calibrate(potentials(), potentials() + 0.5)
    assert once.correction is not None
    assert_close(once.correction, twice.correction, rtol=0, atol=0)


def test_potentials_of_another_layer_are_refused() -> None:
    with pytest.raises(
        ContractError, match=r"\[30, 3\] of the ANN and \[30, 4\] of the SNN are not of the same"
    ):
        Steps().calibrate(potentials(30), potentials(30, 4))


def test_its_table_says_what_is_sent() -> None:
    neuron = corrected(**DISTORTED)
    code = neuron.corrected()
    assert code.edges.shape == (3, 40)
    assert code.values.shape == (3, 41, 2)
    v = potentials()
    cases = torch.searchsorted(code.edges, v.T.contiguous(), right=True)
    assert_close(neuron(v.unsqueeze(0))[0], code.levels.gather(1, cases).T, rtol=1e-12, atol=1e-12)


def test_value_and_window_are_the_same_code_and_count_the_same_spikes() -> None:
    neuron, events = corrected(**DISTORTED), corrected(**DISTORTED)
    events.domain = "event"
    v = potentials().unsqueeze(0)
    window = events(v)
    assert_close(window.sum(0), neuron(v)[0], rtol=0, atol=1e-12)
    for one in (neuron, events):
        model = TimeSequential(nn.Identity(), one)
        with record(model) as activity:
            model(v)
        (layer,) = activity.neurons.values()
        assert sum(layer.spikes) == window.count_nonzero()


def test_gradients_by_hand() -> None:
    neuron = corrected(slope=[2.0], shift=[0.5], gain=[3.0])
    v = torch.tensor([-1.0, 0.4, 1.1, 90.0], dtype=torch.float64).view(1, -1, 1).requires_grad_()
    out = neuron(v)
    assert out.flatten().tolist() == [0, 3.75, 8.25, 30]  # of -1.5, 1.3, 2.7 and what is above all levels
    out.sum().backward()
    assert v.grad is not None
    assert v.grad.flatten().tolist() == [0, 6, 6, 0]
    assert neuron.correction is not None
    assert neuron.correction.grad is not None
    assert neuron.correction.grad.flatten().tolist() == pytest.approx([3 * 1.5, 2 * 3, 1.25 + 2.75 + 10])


def test_a_checkpoint_with_one_gives_it_and_one_without_takes_it() -> None:
    fitted, plain = corrected(**DISTORTED), Steps()
    model, other = nn.Sequential(fitted), nn.Sequential(Steps())
    other.load_state_dict(model.state_dict())
    v = potentials().unsqueeze(0)
    assert torch.equal(other(v), fitted(v))
    assert any(name == "0.correction" for name, _ in other.named_parameters())
    other.load_state_dict(nn.Sequential(plain).state_dict())
    assert torch.equal(other(v), plain(v))


def test_another_number_of_channels_is_refused_in_one_line() -> None:
    with pytest.raises(ContractError, match=r"Steps has parameters for 3 channels, but .*\[1, 5, 4\]"):
        corrected(**DISTORTED)(torch.zeros(1, 5, 4, dtype=torch.float64))
