"""Networks of another training, planted in losses that a made-up structure explains."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

pytest.importorskip("numpy")

from snnplug import TrainedNetwork
from snnplug.statistics.configurations import find_configurations

NAMES = "abc"


def networks(
    count: int, shift: Callable[[int, random.Random], float], noise: float = 0.01, epochs: int = 2
) -> list[TrainedNetwork]:
    """Losses made of what stands at four places, of pairs of them, noise, and a shift of the log."""
    rng = random.Random(0)
    alone = {(place, name): rng.gauss(0, 0.3) for place in range(4) for name in NAMES}
    paired = {(one, other): rng.gauss(0, 0.05) for one in alone for other in alone}
    found = []
    for number in range(count):
        structure = tuple(rng.choice(NAMES) for _ in range(4))
        things = list(enumerate(structure))
        log = sum(alone[t] for t in things) + sum(paired[a, b] for a in things for b in things if a < b)
        loss = math.exp(log + rng.gauss(0, noise) + shift(number, rng))
        found.append(
            TrainedNetwork(
                id=str(number),
                genotype=number,
                key=str(number),
                accuracy=0.5,
                epochs=(0.1,) * epochs,
                losses=(loss,),
                structure=structure,
            )
        )
    return found


@pytest.mark.parametrize("by", [0.1, -0.1])
def test_those_planted_are_found_and_named(by: float) -> None:
    found = find_configurations(networks(800, lambda number, _: by * (number % 9 == 0)))
    assert set(found.other) == {str(number) for number in range(0, 800, 9)}
    word = "11 % higher" if by > 0 else "11 % lower"
    assert set(found.other.values()) <= {f"loss of the first epoch {10 + i} % {word[5:]}" for i in range(2)}
    assert found.separation == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_one_configuration_stays_one(seed: int) -> None:
    def heavy(number: int, rng: random.Random) -> float:
        return 0.01 * rng.gauss(0, 1) / max(abs(rng.gauss(0, 1)), 0.2) if seed else 0.0

    assert find_configurations(networks(500 + seed, heavy)).other == {}


def test_groups_that_run_into_each_other_are_not_told_apart() -> None:
    found = find_configurations(networks(800, lambda number, _: 0.1 * (number % 9 == 0), noise=0.05))
    assert found.other == {} and found.separation is None


def test_too_few_networks_or_no_losses_find_nothing() -> None:
    few = networks(30, lambda number, _: 0.3 * (number % 9 == 0))
    assert find_configurations(few).other == {}
    assert find_configurations([]).other == {}


def test_lengths_of_training_are_named_beside_losses() -> None:
    mixed = networks(400, lambda number, _: 0.1 * (number % 9 == 0))
    longer = networks(400, lambda number, _: 0.1 * (number % 9 == 0), epochs=4)
    for number in (9, 10):
        mixed[number] = longer[number]
    found = find_configurations(mixed).other
    assert found["10"] == "4 epochs"
    assert found["9"].startswith("4 epochs, loss of the first epoch")


def test_only_the_first_network_of_a_function_is_looked_at() -> None:
    one, other = networks(2, lambda number, _: 0.0)
    twin = TrainedNetwork(id="twin", genotype=0, key=one.key, accuracy=0.5, epochs=(0.1,) * 7)
    assert find_configurations([one, other, twin]).other == {}
