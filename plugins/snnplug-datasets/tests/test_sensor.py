"""The simulated sensor against a simulation pixel by pixel, and what it promises."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from snnplug_datasets.motion import SUBPIXELS, Motion, excursions, saccades
from snnplug_datasets.refractory import outside_refractory
from snnplug_datasets.sensor import Sensor
from torch import Tensor

STILL = Motion.through([(0, 0.0, 0.0), (10_000, 0.0, 0.0)])
Event = tuple[int, int, int, int]


def one_by_one(sensor: Sensor, greys: Tensor, motion: Motion) -> list[Event]:
    """Return events `(t, x, y, p)`, simulated as the module's text says, pixel after pixel, in fractions."""
    rows, columns = sensor.size
    height, width = greys.shape
    top, left = (rows - height) // 2, (columns - width) // 2
    on, off = (Fraction(round(value * 2**14)) for value in (sensor.threshold, sensor.threshold_off))

    def level(y: int, x: int) -> Fraction:
        grey = int(greys[y, x]) if 0 <= y < height and 0 <= x < width else 0
        return Fraction(round(math.log(grey / 255 + sensor.dark) * 2**14))

    def seen(y: int, x: int, place: list[int]) -> Fraction:
        v, u = y - top - Fraction(place[0], SUBPIXELS), x - left - Fraction(place[1], SUBPIXELS)
        j, i = math.floor(v), math.floor(u)
        b, a = v - j, u - i
        above = (1 - a) * level(j, i) + a * level(j, i + 1)
        below = (1 - a) * level(j + 1, i) + a * level(j + 1, i + 1)
        return (1 - b) * above + b * below

    events = []
    for y, x in product(range(rows), range(columns)):
        reference = before = seen(y, x, motion.places[0].tolist())
        for (begin, end), place in zip(
            pairwise(motion.times.tolist()), motion.places.tolist()[1:], strict=True
        ):
            now = seen(y, x, place)
            while now >= reference + on or now <= reference - off:
                rises = now >= reference + on
                reference += on if rises else -off
                t = begin + (end - begin) * (reference - before) / (now - before)
                if end > motion.start:
                    events.append((math.ceil(t) - 1 - motion.start, x, y, int(rises)))
            before = now
    return sorted(events)


@pytest.mark.parametrize("thresholds", [(0.31, 0.31), (0.23, 0.47)])
@pytest.mark.parametrize(
    "motion", [saccades(4), excursions(2, down_first=True)], ids=("saccades", "excursions")
)
def test_equals_a_simulation_pixel_by_pixel(motion: Motion, thresholds: tuple[float, float]) -> None:
    greys = torch.randint(256, (5, 6), generator=torch.Generator().manual_seed(1))
    sensor = Sensor(size=(8, 9), threshold=thresholds[0], threshold_off=thresholds[1])
    (events,) = sensor.record(greys.div(255).unsqueeze(0), motion)
    found = sorted(zip(*(column.tolist() for column in events), strict=True))
    assert len(found) > 500
    assert found == one_by_one(sensor, greys, motion)


def test_events_of_one_pixel_are_spread_over_the_interval() -> None:
    """A white pixel leaves: ln(1.1 / 0.1) / 0.3 = 7.99 thresholds down, each after an equal time."""
    white = torch.ones(1, 1, 1)
    (events,) = Sensor(size=(1, 1)).record(white, Motion.through([(0, 0, 0), (80_000, 0, 1)], parts=1))
    assert events.p.tolist() == [0] * 7
    step = 80_000 * 0.3 / math.log(11)
    assert (events.t - torch.arange(1, 8) * step).abs().max() < 6  # of 80,000


def test_nothing_happens_where_nothing_changes() -> None:
    assert Sensor(size=(4, 4)).record(torch.rand(1, 4, 4), STILL)[0].number == 0
    assert Sensor(size=(6, 6)).record(torch.zeros(2, 4, 4), saccades(2))[1].number == 0


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.45])
def test_both_orders_of_excursions_hold_the_same_events(reach: int, threshold: float) -> None:
    images = torch.from_numpy(load_digits().images[:100]) / 16
    sensor = Sensor(size=(12, 12), threshold=threshold, threshold_off=threshold)
    for one, other in zip(
        *(sensor.record(images, excursions(reach, down_first=first)) for first in (False, True)), strict=True
    ):
        half = 100_000
        exchanged = sorted(
            ((t + half) % (2 * half), *rest) for t, *rest in zip(*map(Tensor.tolist, one), strict=True)
        )
        assert exchanged == sorted(zip(*map(Tensor.tolist, other), strict=True))
        assert not torch.equal(one.t, other.t)


def test_refractory_pixels_are_silent() -> None:
    generator = torch.Generator().manual_seed(0)
    t, places = (torch.randint(n, (4000,), generator=generator) for n in (10_000, 20))
    kept = outside_refractory(t, places, 300).tolist()
    expected, last = [], {}
    for i in t.argsort(stable=True).tolist():
        place, now = int(places[i]), int(t[i])
        if place not in last or now - last[place] >= 300:
            expected.append(i)
            last[place] = now
    assert sorted(kept) == sorted(expected)
    assert 200 < len(kept) < 700
    images = torch.from_numpy(load_digits().images[:20]) / 16
    (every, rested) = (
        Sensor(size=(12, 12), refractory=ms, noise=50.0).record(images, saccades(4)) for ms in (0.0, 5.0)
    )
    assert sum(events.number for events in rested) < sum(events.number for events in every)
    for events in rested:
        for pixel in (events.y.long() * 12 + events.x).unique():
            of_pixel = events.t[events.y.long() * 12 + events.x == pixel]
            assert len(of_pixel) == 1 or of_pixel.diff().min() >= 5000


def test_noise_has_its_rate_and_follows_its_seed() -> None:
    black = torch.zeros(50, 8, 8)
    sensor = Sensor(size=(10, 10), noise=4.0)
    one, same, other = (sensor.record(black, saccades(2), seed) for seed in (0, 0, 1))
    number = [events.number for events in one]
    assert sum(number) == round(50 * 100 * 4.0 * 0.3)
    assert min(number) > 80  # 120 on average, sigma 11
    on = torch.cat([events.p for events in one]).float().mean()
    assert abs(on - 0.5) < 0.03
    assert all(torch.equal(a.t, b.t) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0].t[:50], other[0].t[:50])


def test_hot_pixels_are_always_the_same_and_only_on() -> None:
    sensor = Sensor(size=(10, 10), hot_pixels=3, hot_rate=100.0)
    one, other = (sensor.record(torch.zeros(40, 8, 8), saccades(2), seed) for seed in (0, 1))
    pixels = torch.cat([events.y.long() * 10 + events.x for events in one]).unique()
    assert len(pixels) == 3
    assert torch.equal(torch.cat([events.y.long() * 10 + events.x for events in other]).unique(), pixels)
    assert all(bool(events.p.all()) for events in one)
    assert sum(events.number for events in one) == 40 * 3 * 100 * 0.3


def test_events_are_in_order_and_inside_the_recording() -> None:
    images = torch.from_numpy(load_digits().images[:300]) / 16
    motion = excursions(2, down_first=False)
    recorded = Sensor(size=(12, 12), noise=10.0).record(images, motion)
    assert len(recorded) == 300
    for events in recorded:
        assert bool((events.t.diff() >= 0).all())
        assert 0 <= int(events.t.min()) <= int(events.t.max()) < motion.duration
        assert [column.dtype for column in events] == [torch.int64, torch.int16, torch.int16, torch.uint8]
    together, alone = recorded[7], Sensor(size=(12, 12)).record(images[7:8], motion)[0]
    assert alone.number < together.number  # noise apart, a sample depends on no other
    quiet = Sensor(size=(12, 12)).record(images, motion)[7]
    assert all(torch.equal(*pair) for pair in zip(alone, quiet, strict=True))


def test_the_same_on_every_machine() -> None:
    images = torch.from_numpy(load_digits().images[:50]) / 16
    sensor = Sensor(size=(12, 12), refractory=1.0, noise=5.0, hot_pixels=1)
    digest = hashlib.sha256()
    for events in sensor.record(images, saccades(4), seed=3):
        for column in events:
            digest.update(column.numpy().tobytes())
    assert digest.hexdigest() == "07e4d21d99b5c62bc628892d45fa132471157a196c86e132d50ff95c31a0d0ba"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": (0, 4)}, "size must be at least 1"),
        ({"threshold": 0.0}, "threshold must be at least 0.01"),
        ({"threshold_off": math.inf}, "threshold_off must be finite, at least 0.01"),
        ({"dark": 0.0}, "dark must be at least 0.001 and at most 1"),
        ({"refractory": -1.0}, "refractory must be at least 0"),
        ({"noise": math.nan}, "noise must be finite and at least 0"),
        ({"hot_pixels": 17}, "hot_pixels must be from 0 to the 16 there are, got 17"),
    ],
)
def test_what_is_out_of_range(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sensor(**{"size": (4, 4), **wrong})
