"""First-spike codes against a simulation slot by slot, the numbers of the paper, and what they promise."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from snnplug_sc_ttfs.cases import cases_of
from snnplug_sc_ttfs.encoder import SCTTFSEncoder
from snnplug_sc_ttfs.kernel import PRESETS, theta
from snnplug_sc_ttfs.neuron import SCTTFS, TTFS
from torch import Tensor
from torch.testing import assert_close

from snnplug import Task
from snnplug.errors import ContractError
from snnplug.nn import is_used

# Table 1 of the paper, as thresholds at slots 0 to 7
THETA = {
    ("cifar10", "encoding"): "735759 330598 148547 066747 029991 013476 006055 002721",
    ("cifar10", "calibration"): "2225541 818731 301194 110803 040762 014996 005517 002029",
    ("cifar100", "encoding"): "1655457 673059 273645 111256 045233 018390 007477 003040",
    ("cifar100", "calibration"): "1213061 446260 164170 060395 022218 008174 003007 001106",
}
# all that can be sent in 6 and 7 slots, in units of 1e-6
LEVELS = {
    ("cifar10", 6): "13476 28471 29991 44987 66747 81742 107509 148547 163543 189309 259350 330598 345593 "
    "371360 441401 631792 735759 750754 776521 846562 1036953 1554490 2961300",
    ("cifar100", 7): "7477 10484 18390 21397 26564 45233 48240 53407 67451 111256 114263 119429 133474 "
    "171651 273645 276652 281819 295863 334040 437815 673059 676066 681232 695277 733454 837229 1119319 "
    "1655457 1658464 1663631 1677675 1715852 1819627 2101718 2868519",
}
# potential, slot of the first spike, slot of the calibration spike (None: it stays away), value
DECODED = {
    ("cifar10", 6): [
        (0.01, None, None, 0.0),
        (0.02, 5, None, 0.013476),
        (0.1, 3, 5, 0.081742),
        (0.3, 2, 3, 0.259350),
        (0.5, 1, 3, 0.441401),
        (0.74, 0, None, 0.735759),
        (1.0, 0, 3, 0.846562),
        (2.0, 0, 1, 1.554490),
        (3.0, 0, 0, 2.961300),
        (5.0, 0, 0, 2.961300),
    ],
    ("cifar100", 7): [
        (0.005, None, None, 0.0),
        (0.01, 6, None, 0.007477),
        (0.1, 4, 4, 0.067451),
        (0.3, 2, 4, 0.295863),
        (0.5, 2, 2, 0.437815),
        (0.7358, 1, 3, 0.733454),
        (1.0, 1, 2, 0.837229),
        (1.6, 1, 1, 1.119319),
        (2.0, 0, 2, 1.819627),
        (2.5, 0, 1, 2.101718),
        (3.0, 0, 0, 2.868519),
    ],
}
SETTINGS = [("cifar10", 6), ("cifar10", 5), ("cifar100", 7), ("cifar100", 5)]


def exact(preset: str, slots: int, **parameters: Any) -> SCTTFS:
    """Return the neuron in float64, its constants too."""
    neuron = SCTTFS(preset=preset, slots=slots, **parameters).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for name, values in neuron.kernels.items():
            getattr(neuron, name).copy_(torch.tensor(values, dtype=torch.float64))
    return neuron


def row(v: Tensor) -> Tensor:
    """Return potentials `[T = 1, B, C = 1]`."""
    return v.view(1, -1, 1)


def thresholds(preset: str, slots: int) -> tuple[list[float], list[float]]:
    """Return both thresholds at each slot."""
    first, second = PRESETS[preset].encoding, PRESETS[preset].calibration
    return tuple([k.alpha * math.exp(k.beta - k.k * t) for t in range(slots)] for k in (first, second))  # type: ignore[return-value]


def simulate(v: float, preset: str, slots: int, *, strict: bool = False) -> tuple[int | None, int | None]:
    """Return the slots of both spikes of Eqs. 9 to 13, slot by slot."""
    encoding, calibration = thresholds(preset, slots)
    first = next((t for t in range(slots) if v >= encoding[t]), None)
    if first is None:
        return None, None
    left = v - encoding[first]
    return first, next((t for t in range(first + strict, slots) if left >= calibration[t]), None)


def slots_of(neuron: SCTTFS, v: Tensor) -> list[tuple[int | None, int | None]]:
    """Return the slots of both spikes of the neuron's own windows."""
    events = copy.deepcopy(neuron)
    events.domain = "event"
    sent = events(row(v))[..., 0].ne(0).unflatten(0, (-1, 2))  # [S, 2, B]
    assert int(sent.sum(0).max()) <= 1
    times: list[list[int | None]] = []
    for kind in (0, 1):
        some, place = sent[:, kind].any(0).tolist(), sent[:, kind].int().argmax(0).tolist()
        times.append([t if one else None for t, one in zip(place, some, strict=True)])
    return list(zip(*times, strict=True))


def dense(high: float = 3.2, n: int = 4001) -> Tensor:
    return torch.linspace(-0.2, high, n, dtype=torch.float64)


# numbers of the paper


@pytest.mark.parametrize(("preset", "name"), THETA)
def test_thresholds_of_table_1(preset: str, name: str) -> None:
    kernel = torch.tensor(getattr(PRESETS[preset], name), dtype=torch.float64)
    expected = [int(digits) / 1e6 for digits in THETA[preset, name].split()]
    assert_close(theta(kernel, 8).tolist(), expected, rtol=0, atol=5.1e-7)


@pytest.mark.parametrize(("preset", "slots"), LEVELS)
def test_all_levels(preset: str, slots: int) -> None:
    code = exact(preset, slots, thresholds="paper").code()
    found = code.levels[is_used(code.edges)]
    expected = [0.0, *(int(level) / 1e6 for level in LEVELS[preset, slots].split())]
    assert_close(found.tolist(), expected, rtol=0, atol=1.1e-6)


@pytest.mark.parametrize(("preset", "slots"), DECODED)
def test_spike_times_and_values(preset: str, slots: int) -> None:
    neuron = exact(preset, slots, thresholds="paper")
    potentials, firsts, seconds, values = zip(*DECODED[preset, slots], strict=True)
    v = torch.tensor(potentials, dtype=torch.float64)
    assert slots_of(neuron, v) == list(zip(firsts, seconds, strict=True))
    assert_close(neuron(row(v)).flatten().tolist(), list(values), rtol=0, atol=1.1e-6)


def test_presets_bring_their_slots() -> None:
    assert (SCTTFS().slots, SCTTFS(preset="cifar100").slots, SCTTFS(slots=3).slots) == (6, 7, 3)


def test_gradients_of_one_spike() -> None:
    neuron = exact("cifar10", 6, thresholds="paper")
    v = torch.tensor([0.067], dtype=torch.float64)  # one spike, at slot 3
    assert slots_of(neuron, v) == [(3, None)]
    neuron(row(v)).sum().backward()
    assert neuron.encoding.grad is not None and neuron.calibration.grad is not None
    assert_close(neuron.encoding.grad.tolist(), [0.0333733, 0.0667465, -0.2002396], rtol=0, atol=1e-7)
    assert not neuron.calibration.grad.any()


# which windows there are


@pytest.mark.parametrize("slots", range(1, 9))
def test_number_of_windows(slots: int) -> None:
    pairs = {(a, b) for a in range(slots) for b in [*range(a, slots), slots]} | {(slots, slots)}
    assert set(zip(*(one.tolist() for one in cases_of(slots)), strict=True)) == pairs
    assert len(cases_of(slots).first) == slots * (slots + 3) // 2 + 1  # and silence
    assert len(cases_of(slots, strict=True).first) == slots * (slots + 1) // 2 + 1
    assert len(cases_of(slots, single=True).first) == slots + 1


@pytest.mark.parametrize(
    ("preset", "slots", "reached"), [("cifar10", 6, 23), ("cifar10", 5, 16), ("cifar100", 7, 35)]
)
def test_windows_that_some_potential_leads_to(preset: str, slots: int, reached: int) -> None:
    found = {simulate(v, preset, slots) for v in dense(n=20_001).tolist()} - {(None, None)}
    code = exact(preset, slots, thresholds="paper").code()
    assert int(is_used(code.edges).sum()) - 1 == len(found) == reached
    nearest = exact(preset, slots).code()
    assert torch.equal(is_used(nearest.edges), is_used(code.edges))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("preset", "slots"), SETTINGS)
def test_windows_are_those_of_the_simulation(preset: str, slots: int, strict: bool) -> None:
    neuron = exact(preset, slots, thresholds="paper", strict=strict)
    v = dense()
    found = slots_of(neuron, v)
    assert found == [simulate(one, preset, slots, strict=strict) for one in v.tolist()]
    together = sum(first is not None and first == second for first, second in found)
    assert (together == 0) == strict


@pytest.mark.parametrize(("preset", "slots"), SETTINGS)
def test_the_closed_form_gives_the_first_spike(preset: str, slots: int) -> None:
    neuron = exact(preset, slots, thresholds="paper")
    alpha, beta, k = PRESETS[preset].encoding
    for v, (first, _) in zip(dense().tolist(), slots_of(neuron, dense()), strict=True):
        t = math.ceil(max(0.0, (beta - math.log(max(v, 0.0) / alpha + 1e-12)) / k))
        assert first == (t if t < slots else None), v


def test_a_potential_at_the_threshold_fires() -> None:
    neuron = exact("cifar10", 6, thresholds="paper")
    found = slots_of(neuron, neuron.code().levels[is_used(neuron.code().edges)].detach())
    assert [first for first, _ in found].count(None) == 1  # silence alone


# switches


@pytest.mark.parametrize(("preset", "slots"), SETTINGS)
def test_cut_values_are_below_the_potential_and_stay(preset: str, slots: int) -> None:
    neuron = exact(preset, slots, thresholds="paper")
    v = dense(8)
    d = neuron(row(v)).flatten()
    assert (d <= v.relu() + 1e-12).all()
    assert (d.diff() >= 0).all()
    assert_close(neuron(row(d + 1e-12)).flatten(), d, rtol=0, atol=1e-9)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("preset", "slots"), SETTINGS)
def test_midpoints_send_the_nearest_and_are_never_worse(preset: str, slots: int, strict: bool) -> None:
    v = dense()
    near = exact(preset, slots, strict=strict)
    cut = exact(preset, slots, strict=strict, thresholds="paper")
    errors = [(neuron(row(v)).flatten() - v.relu()).abs() for neuron in (near, cut)]
    assert (errors[0] <= errors[1] + 1e-12).all()
    reached = v < cut.code().levels.max()  # above, both send the greatest value
    assert errors[0][reached].mean() < 0.8 * errors[1][reached].mean()
    assert near.error(v.view(-1, 1)) < cut.error(v.view(-1, 1))


@pytest.mark.parametrize("build", [SCTTFS, TTFS])
@pytest.mark.parametrize("thresholds", ["midpoints", "paper"])
def test_a_first_spike_always_comes_where_that_is_asked_for(build: Any, thresholds: str) -> None:
    silent, loud = build(thresholds=thresholds), build(thresholds=thresholds, silent=False)
    v = row(torch.linspace(-2, 4, 601))
    least = float(loud.code().values[0].detach().sum())
    assert least == pytest.approx(float(theta(loud.encoding.detach(), loud.slots)[-1]))
    some = silent(v) > 0
    assert_close(loud(v)[some], silent(v)[some], rtol=0, atol=0)
    assert_close(loud(v)[~some], torch.full_like(v[~some], least))
    loud.domain = "event"
    counts = loud(v).count_nonzero(0)
    assert counts.min() == 1
    assert loud(torch.full((1, 1, 1), -9.0)).flatten().nonzero().flatten().tolist() == [
        2 * loud.slots - 2 if build is SCTTFS else loud.slots - 1
    ]


@pytest.mark.parametrize("build", [SCTTFS, TTFS])
def test_where_a_first_spike_always_comes_silence_has_no_gradient(build: Any) -> None:
    v = torch.tensor([[[-5.0]], [[0.0]]]).view(1, 2, 1).requires_grad_()
    build(silent=False)(v).sum().backward()
    assert v.grad is not None
    assert not v.grad.any()


@pytest.mark.parametrize("thresholds", ["midpoints", "paper"])
def test_without_calibration_spikes_it_is_ttfs(thresholds: Any) -> None:
    v = row(torch.linspace(-1, 4, 501))
    kernel = (1.5, 0.3, 0.6)
    one = TTFS(slots=6, encoding=kernel, thresholds=thresholds)
    two = SCTTFS(slots=6, encoding=kernel, calibration=(math.inf, 0.0, 1.0), thresholds=thresholds)
    assert_close(two(v), one(v), rtol=0, atol=0)


def test_many_slots_send_the_potential_itself() -> None:
    v, errors = row(torch.linspace(0.01, 2, 200)), []
    for slots, k in ((10, 0.8), (20, 0.4), (40, 0.2)):
        kernel = (2.0, 0.0, k)
        neuron = SCTTFS(slots=slots, encoding=kernel, calibration=kernel)
        errors.append(float((neuron(v) - v).detach().abs().max()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.04


# calibration


def layer(n: int = 2000, channels: int = 3) -> Tensor:
    """Return potentials of channels of very different size `[n, C]`."""
    drawn = torch.randn(n, channels, generator=torch.Generator().manual_seed(2))
    return drawn * torch.tensor([0.2, 1.0, 5.0])[:channels]


@pytest.mark.parametrize("build", [SCTTFS, TTFS])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_the_start_fits_any_scale(build: Any, scale: float) -> None:
    neuron = build(slots=4)
    v = scale * torch.rand(4000, 1, generator=torch.Generator().manual_seed(3))
    neuron.calibrate(v)
    relative = neuron.error(v) ** 0.5 / scale
    assert relative < (0.04 if build is SCTTFS else 0.08)  # evenly spread over [0, 1]
    assert float(neuron.code().levels.detach().max()) <= 1.2 * scale


def test_channels_of_their_own_fit_better() -> None:
    v = layer()
    shared, own = SCTTFS(slots=4), SCTTFS(slots=4, per_channel=True)
    shared.calibrate(v)
    own.calibrate(v)
    assert own.encoding.shape == own.calibration.shape == (3, 3)
    tops = own.code().levels.detach().amax(-1)
    assert tops[0] < tops[1] < tops[2]
    assert own.error(v) < 0.8 * shared.error(v)
    again = SCTTFS(slots=4, per_channel=True)
    again.load_state_dict(own.state_dict())
    assert_close(again(v.unsqueeze(0)), own(v.unsqueeze(0)), rtol=0, atol=0)


def test_other_channels_are_refused() -> None:
    neuron = SCTTFS(per_channel=True)
    neuron(torch.rand(1, 2, 3))
    with pytest.raises(ContractError, match="SCTTFS has parameters for 3 channels, but its current"):
        neuron(torch.rand(1, 2, 4))


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_layer_that_never_sends_stays_finite(per_channel: bool) -> None:
    neuron = SCTTFS(per_channel=per_channel)
    neuron.calibrate(-torch.rand(50, 2))
    assert neuron.encoding.isfinite().all()
    assert not neuron(-torch.rand(1, 9, 2)).any()


def test_a_bound_of_the_activation_is_that_of_the_samples() -> None:
    neuron = SCTTFS(slots=4, upper=6.0)
    v = 20 * torch.rand(4000, 1, generator=torch.Generator().manual_seed(3))
    neuron.calibrate(v)
    top = neuron(torch.tensor([[[6.0]], [[1e6]]]).view(1, 2, 1)).flatten()
    assert top[0] == top[1]
    assert top[0].item() == pytest.approx(6, rel=0.05)
    unbounded = SCTTFS(slots=4)
    unbounded.calibrate(v)
    assert unbounded(torch.tensor([[[1e6]]])).item() > 10


# the encoder


def encoder(steps: int = 1, **parameters: Any) -> SCTTFSEncoder:
    task = Task(input_shape=(3, 8, 8), classes=10, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.25))
    return SCTTFSEncoder(task, steps=steps, **parameters)


def pixels() -> Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(4))


def test_pixels_become_values_of_the_code() -> None:
    encode = encoder(normalise=False)
    values = encode(pixels())
    levels = encode.neuron.code().levels.detach()
    assert values.shape == (1, 4, 3, 8, 8)
    assert set(values.flatten().tolist()) <= set(levels.tolist())
    assert len(set(values.flatten().tolist())) > 15
    assert values.min() >= 0 and values.max() <= 1.05


def test_more_slots_bring_pixels_nearer() -> None:
    errors = [(encoder(slots=s, normalise=False)(pixels())[0] - pixels()).abs().mean() for s in (2, 4, 6)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.015  # four 8-bit grey values
    even = torch.linspace(0, 1, 3 * 64).view(1, 3, 8, 8)
    published = encoder(fit=False, thresholds="paper", normalise=False)(even)[0]
    assert (published - even).abs().mean() == pytest.approx(0.0484, rel=0.02)


def test_normalisation_follows_the_code() -> None:
    plain, normalised = encoder(normalise=False)(pixels()), encoder()(pixels())
    mean, std = torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.25]).view(3, 1, 1)
    assert_close(normalised, (plain - mean) / std)
    assert torch.equal(encoder(steps=5)(pixels()), normalised.expand(5, -1, -1, -1, -1))


@pytest.mark.parametrize("normalise", [False, True])
def test_spikes_of_pixels_are_counted(normalise: bool) -> None:
    encode = encoder(normalise=normalise)
    counts = encode.spike_counts(encode(pixels()))
    events = copy.deepcopy(encode.neuron)
    events.domain = "event"
    assert torch.equal(counts[0], events(pixels().unsqueeze(0)).count_nonzero(0).float())
    assert counts.max() == 2


def test_nothing_of_the_encoder_is_trained() -> None:
    assert not any(parameter.requires_grad for parameter in encoder().parameters())


def test_events_are_refused() -> None:
    task = Task(input_shape=(2, 8, 8), classes=10, steps=4, events=True)
    with pytest.raises(ValueError, match="sc_ttfs encodes images, but the data are events"):
        SCTTFSEncoder(task)


# what is wrong


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"preset": "mnist"}, ValueError, "preset must be one of 'cifar10', 'cifar100', got 'mnist'"),
        ({"thresholds": "cut"}, ValueError, "thresholds must be one of 'midpoints', 'paper', got 'cut'"),
        ({"slots": 0}, ValueError, "slots must be at least 1, got 0"),
        ({"encoding": (0.0, 1.0, 1.0)}, ValueError, "encoding must be alpha > 0, beta and k > 0, got"),
        ({"calibration": (1.0, 0.0, -1.0)}, ValueError, "calibration must be alpha > 0, beta and k > 0, got"),
    ],
)
def test_wrong_parameters_are_one_clear_line(given: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as raised:
        SCTTFS(**given)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
