"""Conformance of benchmarks."""

from __future__ import annotations

import json
import math

import pytest

from snnplug.contracts import Benchmark
from snnplug.errors import DataError
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["BenchmarkConformance"]


class BenchmarkConformance(Conformance):
    """Checks of a benchmark: trained networks with their accuracies.

    Where the data is not on this machine, the benchmark raises `DataError` and the checks are skipped. For
    one that reads files, override the fixture `component`:

        class TestTable(BenchmarkConformance):
            name = "acme-bench:table"

            @pytest.fixture
            def component(self, installed_registry, tmp_path):
                return installed_registry.use(self.kind, self.name, root=str(a_small_copy(tmp_path)))
    """

    kind = "benchmark"

    @pytest.fixture
    def benchmark(self, component: Component) -> Benchmark:
        """Return the benchmark."""
        return self.build(component)

    def build(self, component: Component) -> Benchmark:
        """Return the benchmark, or skip the check where there is no data."""
        try:
            benchmark = component.build()
        except DataError as error:
            pytest.skip(str(error))
        assert isinstance(benchmark, Benchmark)
        return benchmark

    def test_networks_have_names_of_their_own(self, benchmark: Benchmark) -> None:
        """There are networks, and no two have one id."""
        ids = [network.id for network in benchmark.networks]
        assert ids
        assert len(set(ids)) == len(ids)

    def test_accuracies_are_fractions(self, benchmark: Benchmark) -> None:
        """Accuracies are in [0, 1], not in percent."""
        for network in benchmark.networks:
            assert 0 <= network.accuracy <= 1, network.id
            assert all(0 <= accuracy <= 1 for accuracy in network.epochs), network.id

    def test_facts_are_finite_numbers(self, benchmark: Benchmark) -> None:
        """Facts are floats that can be compared."""
        for network in benchmark.networks:
            for name, value in network.facts.items():
                assert type(value) is float, name
                assert math.isfinite(value), name

    def test_genotypes_are_plain_json(self, benchmark: Benchmark) -> None:
        """Genotypes and the recipe come back from JSON as they were."""
        for network in benchmark.networks:
            assert json.loads(json.dumps(network.genotype)) == network.genotype
        assert json.loads(json.dumps(benchmark.recipe)) == benchmark.recipe

    def test_equal_genotypes_have_equal_keys(self, benchmark: Benchmark) -> None:
        """A network trained twice is recognised."""
        keys: dict[str, str] = {}
        for network in benchmark.networks:
            assert network.key
            genotype = json.dumps(network.genotype, sort_keys=True)
            assert keys.setdefault(genotype, network.key) == network.key

    def test_it_says_what_is_there(self, benchmark: Benchmark) -> None:
        """The note is one line that is not empty."""
        assert benchmark.note.strip()
        assert "\n" not in benchmark.note

    def test_built_twice_is_the_same(self, component: Component, benchmark: Benchmark) -> None:
        """Nothing depends on chance or on the order of files."""
        assert self.build(component) == benchmark
