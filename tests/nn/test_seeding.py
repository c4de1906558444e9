"""Randomness from a seed alone."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable

import numpy
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from snnplug import derive_seed, digest
from snnplug.nn import SeededSamples, seeded, seeding


def test_block_depends_on_the_seed_alone() -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.rand(3)
        with seeded(seed):
            drawn.append(torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_global_generator_is_put_back() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    first = torch.rand(1)
    with seeded(5):
        nn.Linear(3, 3)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)


def test_global_generator_is_put_back_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(TypeError), seeded(5):
        torch.rand(1, "no size")
    assert torch.equal(torch.get_rng_state(), before)


def test_blocks_may_be_nested() -> None:
    with seeded(1):
        alone = torch.rand(2)
    with seeded(1):
        first = torch.rand(1)
        with seeded(2):
            torch.rand(5)
        assert torch.equal(torch.cat([first, torch.rand(1)]), alone)


def test_derived_seeds_fit_torch_and_differ() -> None:
    seeds = {derive_seed(run, what, i) for run in range(3) for what in ("epoch", "build") for i in range(5)}
    assert len(seeds) == 30
    assert all(0 <= seed < 2**63 for seed in seeds)
    for seed in seeds:
        torch.Generator().manual_seed(seed)
    assert derive_seed(1, 23) != derive_seed(12, 3)


def test_derived_seed_and_digest_stay_the_same_over_versions() -> None:
    # worked with sha256sum: printf '0\x1fepoch\x1f3' and printf '{"a":[1,2]}'
    assert derive_seed(0, "epoch", 3) == 5_760_730_398_666_235_913
    assert digest({"a": [1, 2]}) == "01530d164d479cf08e26d3b1ad9bdba927120d97e2d057a6d792db778780d720"
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert digest([1, 2]) != digest([2, 1])


DRAWS = {
    "torch": lambda: float(torch.rand(())),
    "torch normal": lambda: float(torch.randn(())),
    "numpy": lambda: float(numpy.random.rand()),
    "numpy normal": lambda: float(numpy.random.randn()),
    "python": random.random,
    "python normal": lambda: random.gauss(0, 1),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_every_global_generator_is_seeded_and_put_back(draw: Callable[[], float]) -> None:
    drawn, after = [], []
    for seed in (2**63 - 1, 2**63 - 1, 2**62 + 7, 0):
        random.seed(3)
        numpy.random.seed(3)
        torch.manual_seed(3)
        draw()  # of two normal values drawn together one waits
        with pytest.raises(KeyError), seeded(seed):  # noqa: PT012
            drawn.append([draw() for _ in range(3)])
            raise KeyError
        after.append(draw())
    assert drawn[0] == drawn[1]
    assert len({tuple(values) for values in drawn}) == 3
    random.seed(3)
    numpy.random.seed(3)
    torch.manual_seed(3)
    assert after == 4 * [[draw(), draw()][1]]


def test_all_bits_of_a_seed_count_in_numpy() -> None:
    values = set()
    for seed in (1, 1 + 2**32, 1 + 2**62):
        with seeded(seed):
            values.add(numpy.random.rand())
    assert len(values) == 3


def test_numpy_with_another_bit_generator_is_left_alone() -> None:
    before = numpy.random.get_bit_generator()
    try:
        numpy.random.set_bit_generator(numpy.random.PCG64(4))
        with seeded(0):
            numpy.random.rand()
        one = numpy.random.rand()
        numpy.random.set_bit_generator(numpy.random.PCG64(4))
        assert one == numpy.random.rand()
    finally:
        numpy.random.set_bit_generator(before)


def test_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy.random", None)
    seeding._numpy_random.cache_clear()
    try:
        with seeded(1):
            values = [float(torch.rand(())), random.random()]
        with seeded(1):
            assert values == [float(torch.rand(())), random.random()]
    finally:
        seeding._numpy_random.cache_clear()


class Noisy:
    """Samples that draw from all three generators, and note in which process."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        draws = [index, float(torch.rand(())), numpy.random.rand(), random.random()]
        return torch.tensor(draws, dtype=torch.float64), os.getpid()


class NoisyBatches(Noisy):
    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, int]]:
        return [self[i] for i in reversed(indices)]


@pytest.mark.parametrize("split", [Noisy(), NoisyBatches()], ids=["samples", "batches"])
def test_a_loader_gives_the_same_samples_with_any_number_of_workers(split: Noisy) -> None:
    runs = []
    for workers, seed in ((0, 5), (2, 5), (1, 5), (0, 6)):
        loader = DataLoader(SeededSamples(split, seed), batch_size=5, num_workers=workers)
        values, processes = zip(*loader, strict=True)
        runs.append(torch.cat(values))
        assert len(torch.cat(processes).unique()) == max(workers, 1)
    assert torch.equal(runs[0], runs[1])
    assert torch.equal(runs[0], runs[2])
    assert not torch.equal(runs[0], runs[3])
    assert len(runs[0][:, 1:].unique()) == 3 * 24


def test_reading_samples_leaves_the_generators_alone() -> None:
    samples = SeededSamples(Noisy(), 1)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = torch.rand(1)
    assert len(samples) == 24
    assert torch.equal(samples[3][0], samples[3][0])
    assert torch.equal(torch.cat([first, torch.rand(2)]), expected)
