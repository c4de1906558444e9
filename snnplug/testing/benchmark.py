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
        assert isinstance(benchmark, Benchmark), (
            f"the target must return snnplug.Benchmark, got {type(benchmark).__name__}"
        )
        return benchmark

    def test_networks_have_names_of_their_own(self, benchmark: Benchmark) -> None:
        """There are networks, and no two have one id."""
        ids = [network.id for network in benchmark.networks]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        assert ids, "the benchmark has no networks; raise snnplug.errors.DataError where its data is missing"
        assert not twice, f"networks share the ids {twice[:3]}; number them"

    def test_accuracies_are_fractions(self, benchmark: Benchmark) -> None:
        """Accuracies are in [0, 1], not in percent."""
        for network in benchmark.networks:
            for accuracy in (network.accuracy, *network.epochs):
                assert 0 <= accuracy <= 1, (
                    f"network {network.id}: an accuracy must be from 0 to 1, got {accuracy}; divide per cent "
                    "by 100"
                )

    def test_facts_are_finite_numbers(self, benchmark: Benchmark) -> None:
        """Facts are floats that can be compared."""
        for network in benchmark.networks:
            for name, value in network.facts.items():
                assert type(value) is float and math.isfinite(value), (
                    f"network {network.id}: the fact {name!r} must be a finite float, got {value!r}; write "
                    f"float(...), or leave it out where it is not known"
                )

    def test_losses_and_structures_can_be_compared(self, benchmark: Benchmark) -> None:
        """Losses are finite; structures have one length, and are equal for equal keys."""
        structures: dict[str, tuple[str, ...]] = {}
        lengths = set()
        for network in benchmark.networks:
            wrong = [loss for loss in network.losses if not math.isfinite(loss)]
            assert not wrong, (
                f"network {network.id}: a training loss must be finite, got {wrong[0]}; leave losses empty "
                "where they are not known"
            )
            other = structures.setdefault(network.key, network.structure)
            assert other == network.structure, (
                f"network {network.id}: the structure {network.structure} has the key {network.key!r}, and "
                f"so has {other}; make both from one form of the architecture"
            )
            lengths.add(len(network.structure))
        assert len(lengths) < 2, (
            f"the structures have {sorted(lengths)} places; give each network as many, or none to all"
        )

    def test_genotypes_are_plain_json(self, benchmark: Benchmark) -> None:
        """Genotypes and the recipe come back from JSON as they were."""
        for network in benchmark.networks:
            back = json.loads(json.dumps(network.genotype))
            assert back == network.genotype, (
                f"network {network.id}: the genotype {network.genotype!r} comes back from JSON as {back!r}; "
                "use lists in place of tuples, and texts as keys"
            )
        back = json.loads(json.dumps(benchmark.recipe))
        assert back == benchmark.recipe, f"the recipe {benchmark.recipe!r} comes back from JSON as {back!r}"

    def test_equal_genotypes_have_equal_keys(self, benchmark: Benchmark) -> None:
        """A network trained twice is recognised."""
        keys: dict[str, str] = {}
        for network in benchmark.networks:
            assert network.key, (
                f"network {network.id} has no key; give networks of one function the same text"
            )
            genotype = json.dumps(network.genotype, sort_keys=True)
            other = keys.setdefault(genotype, network.key)
            assert other == network.key, (
                f"network {network.id}: the genotype {genotype} has the key {network.key!r}, and {other!r} "
                "elsewhere; make the key from the genotype alone"
            )

    def test_it_says_what_is_there(self, benchmark: Benchmark) -> None:
        """The note is one line that is not empty."""
        assert benchmark.note.strip() and "\n" not in benchmark.note, (
            f"the note must be one line that says what is there, got {benchmark.note!r}"
        )

    def test_built_twice_is_the_same(self, component: Component, benchmark: Benchmark) -> None:
        """Nothing depends on chance or on the order of files."""
        assert self.build(component) == benchmark, (
            "built twice the benchmark differs; sort what comes from folders and sets, and draw nothing at "
            "random"
        )
