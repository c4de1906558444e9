"""SpikeNAS-Bench: what was recorded of a part of its logs, and of all of them where they are there.

The folder of real data holds either `spikenas-bench`, a clone of the benchmark's repository, or
`spikenas-bench-cifar10-part.tar.xz`, the logs of 9,548 networks.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import statistics
import tarfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from snnplug import Benchmark, Candidate, Registry, Task, TrainedNetwork
from snnplug.statistics.configurations import find_configurations
from snnplug.statistics.predictors import trainable, unique
from snnplug.statistics.ranking import kendall, spearman

ALL = 15_625


@pytest.fixture(scope="module")
def table(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    root, part = real_data / "spikenas-bench", real_data / "spikenas-bench-cifar10-part.tar.xz"
    if not root.is_dir():
        if not part.is_file():
            pytest.skip(f"neither {root.name} nor {part.name} is in the folder of real data")
        root = tmp_path_factory.mktemp("spikenas-bench")
        with tarfile.open(part) as archive:
            for member in archive:  # extractall also sets times and rights, which takes as long again
                content = archive.extractfile(member)
                if content is not None:
                    (root / member.name).parent.mkdir(parents=True, exist_ok=True)
                    (root / member.name).write_bytes(content.read())
    built: Benchmark = Registry.from_installed().create("benchmark", "spikenas_bench", root=str(root))
    return built


@pytest.fixture
def part(table: Benchmark) -> Benchmark:
    if len(table.networks) != 9_548:
        pytest.skip(f"recorded of 9,548 networks, here are {len(table.networks):,}")
    return table


@pytest.fixture
def whole(table: Benchmark) -> Benchmark:
    if len(table.networks) != ALL:
        pytest.skip(f"needs all {ALL:,} networks, here are {len(table.networks):,}")
    return table


def tau(networks: Sequence[TrainedNetwork], what: str | int) -> float | None:
    values = [n.facts[what] if isinstance(what, str) else n.epochs[what - 1] for n in networks]
    return kendall(values, [n.accuracy for n in networks])


@pytest.mark.data
def test_part(part: Benchmark) -> None:
    accuracies = [network.accuracy for network in part.networks]
    assert statistics.median(accuracies) == pytest.approx(0.8719)
    assert max(part.networks, key=lambda n: n.accuracy).id == "12617"
    assert max(accuracies) == pytest.approx(0.893)
    assert len(unique(part.networks)) == 5_259
    assert {len(n.epochs) for n in part.networks} == {100, 200}
    assert sum(len(n.epochs) == 200 for n in part.networks) == 419


@pytest.mark.data
def test_predictors_of_a_part(part: Benchmark) -> None:
    networks, different = trainable(part.networks), unique(part.networks)
    assert tau(networks, "parameters") == pytest.approx(0.391, abs=5e-4)
    assert tau(networks, "spiking_layers") == pytest.approx(0.525, abs=5e-4)
    assert tau(networks, 10) == pytest.approx(0.460, abs=5e-4)
    assert tau(different, "spiking_layers") == pytest.approx(0.248, abs=5e-4)
    rho = spearman([n.facts["parameters"] for n in different], [n.accuracy for n in different])
    assert rho == pytest.approx(0.326, abs=5e-4)
    assert [round(tau(different, epoch) or 0, 3) for epoch in (1, 5, 10, 20)] == [0.044, 0.203, 0.310, 0.415]


@pytest.mark.data
def test_whole(whole: Benchmark) -> None:
    """Figures of an independent reading of all logs."""
    networks, different = trainable(whole.networks), unique(whole.networks)
    assert round(statistics.median(n.accuracy for n in whole.networks), 4) == 0.8724
    assert max(whole.networks, key=lambda n: n.accuracy).id == "12617"
    assert (len(networks), len(different)) == (15_284, 8_764)
    assert sum(round(n.accuracy, 4) == 0.1 for n in whole.networks) == 341
    assert tau(networks, "parameters") == pytest.approx(0.371, abs=5e-4)
    assert tau(networks, "spiking_layers") == pytest.approx(0.491, abs=5e-4)
    assert tau(different, "parameters") == pytest.approx(0.247, abs=5e-4)
    assert [round(tau(networks, epoch) or 0, 3) for epoch in (1, 5, 10)] == [0.188, 0.346, 0.452]


def space() -> Any:
    """Return the search space of the benchmark's recipe, from the installed plugins."""
    pytest.importorskip("snnplug_spikenas_bench")
    from snnplug_spikenas_bench.cell import OPERATIONS

    registry = Registry.from_installed()
    neuron = registry.use("neuron", "lif", tau=4 / 3)
    component = registry.use(
        "search_space",
        "snasnet",
        neuron=neuron,
        channels=4,
        backward=False,
        require_direct=False,
        operations=OPERATIONS,
    )
    return component.build(Task(input_shape=(3, 8, 8), classes=10, steps=2))


def test_benchmark_and_search_space_agree_on_what_is_the_same_network() -> None:
    cells = space()
    from snnplug_spikenas_bench.cell import canonical, decode, live, text

    pairs = {
        (text(canonical(decode(number))), cells.key(text(decode(number))))
        for number in range(ALL)
        if live(decode(number))
    }
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}) == 8_764
    assert cells.size() == 8_764


def test_networks_have_as_many_layers_of_neurons_as_the_benchmark_says() -> None:
    cells = space()
    from snnplug_spikenas_bench.cell import decode, live, text

    from snnplug.nn import SpikingNeuron

    for number in (25, 50, 12617, 15624, 626):
        model = cells.build(text(decode(number)))
        layers = sum(isinstance(module, SpikingNeuron) for module in model.modules())
        assert layers == 2 * sum(code > 1 for code in live(decode(number)).values()) + 3


@pytest.mark.data
def test_the_score_of_the_graph_on_the_half_that_it_was_not_chosen_on(part: Benchmark) -> None:
    """An independent count: 0.586 for the score, 0.445 for its chain; of all networks 0.506 and 0.421."""
    half = [n for n in unique(part.networks) if int(hashlib.sha256(n.key.encode()).hexdigest()[0], 16) % 2]
    assert len(half) == 2_649
    chains, scores = scores_of_graphs(half)
    other = find_configurations(part.networks).other
    alike = [n.id not in other for n in half]
    assert 2_200 < sum(alike) < 2_300

    def agreement(values: Sequence[float], kept: Sequence[bool]) -> float:
        rows = [(value, n.accuracy) for value, n, keep in zip(values, half, kept, strict=True) if keep]
        return kendall(*zip(*rows, strict=True)) or 0.0

    assert agreement(scores, alike) >= 0.58
    assert agreement(chains, alike) == pytest.approx(0.445, abs=0.01)
    assert agreement(scores, [True] * len(half)) == pytest.approx(0.506, abs=0.005)
    assert agreement(chains, [True] * len(half)) == pytest.approx(0.421, abs=0.005)
    assert len(set(scores)) == 22


def scores_of_graphs(networks: Sequence[TrainedNetwork]) -> tuple[list[float], list[float]]:
    """Return the chains and the scores that `spiking_chain` gives."""
    cells, scorer = space(), Registry.from_installed().create("scorer", "spiking_chain")
    found = [
        scorer(
            Candidate(
                genotype=network.genotype,
                key=network.key,
                build=lambda repeat=0: pytest.fail("a network was built"),
                batch=lambda index, size: pytest.fail("data was read"),
                seed=0,
                graph=functools.partial(cells.graph, network.genotype),
            )
        )
        for network in networks
    ]
    return [score.parts["chain"] for score in found], [round(score.value, 9) for score in found]


@pytest.mark.data
@pytest.mark.slow
def test_what_is_learned_on_one_half_predicts_the_other(part: Benchmark) -> None:
    """Ten draws each from the half that all was chosen on; an independent count has 0.602 and 0.636."""
    pytest.importorskip("snnplug_bayesian")
    path = Path(__file__).parents[1] / "benchmarks" / "study_learned_taus.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    networks, cells = part.networks, space()
    prior, on_50, on_100 = (study.learned_taus(networks, cells, trainings) for trainings in (0, 50, 100))
    assert statistics.mean(prior[0]) >= 0.58
    assert statistics.mean(on_50[0]) >= 0.60
    assert statistics.mean(on_100[0]) >= 0.63
    for alone, learned in zip(prior, on_100, strict=True):
        assert statistics.mean(learned) > statistics.mean(alone)


@pytest.mark.data
def test_networks_of_another_training_are_found(part: Benchmark) -> None:
    """Once the cell explains its part, losses of the first epoch fall into two groups, far apart."""
    found = find_configurations(part.networks)
    names = Counter(found.other.values())
    assert found.separation is not None and found.separation > 10
    assert 450 < sum(count for name, count in names.items() if "first epoch" in name) < 600
    assert sum(count for name, count in names.items() if "200 epochs" in name) == sum(
        len(n.epochs) == 200 for n in unique(part.networks)
    )
