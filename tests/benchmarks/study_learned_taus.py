"""How well accuracies are predicted by what is learned from some trained networks of SpikeNAS-Bench.

    python tests/benchmarks/study_learned_taus.py SpikeNAS-Bench

The model of the strategy `bayesian`, with `spiking_chain` as prior, learns from networks of one half of the
benchmark and predicts the other: ten draws of those it learns from.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import random
import statistics
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from snnplug_bayesian.features import features_of, standardised, table_of
from snnplug_bayesian.model import Mixture
from snnplug_bayesian.ranks import normal_scores

from snnplug import Candidate, Graph, Registry, Task, TrainedNetwork
from snnplug.statistics.configurations import find_configurations
from snnplug.statistics.predictors import unique
from snnplug.statistics.ranking import kendall

TRAININGS = (0, 10, 20, 50, 100, 200)


def space() -> Any:
    """Return the search space of the benchmark."""
    from snnplug_spikenas_bench.cell import OPERATIONS

    registry = Registry.from_installed(quiet=True)
    neuron = registry.use("neuron", "lif", tau=4 / 3)
    component = registry.use(
        "search_space", "snasnet", neuron=neuron, backward=False, require_direct=False, operations=OPERATIONS
    )
    return component.build(Task(input_shape=(3, 32, 32), classes=10, steps=5))


def half_of(network: TrainedNetwork) -> str:
    """Return where a network belongs."""
    first = hashlib.sha256(network.key.encode()).hexdigest()[0]
    return "report" if int(first, 16) % 2 else "choose"


def scores_of(networks: Sequence[TrainedNetwork], graphs: Sequence[Graph]) -> list[float]:
    """Return what `spiking_chain` says."""
    scorer = Registry.from_installed(quiet=True).create("scorer", "spiking_chain")
    candidates = (
        Candidate(
            genotype=network.genotype,
            key=network.key,
            build=lambda repeat=0: sys.exit("a network was built"),
            batch=lambda index, size: sys.exit("data was read"),
            seed=0,
            graph=functools.partial(lambda graph: graph, graph),
        )
        for network, graph in zip(networks, graphs, strict=True)
    )
    return [scorer(candidate).value for candidate in candidates]


def learned_taus(
    networks: Sequence[TrainedNetwork], cells: Any, trainings: int, draws: int = 10
) -> tuple[list[float], list[float]]:
    """Return Kendall's tau on the half for reports, by draw: of networks trained alike, and of all.

    Learned from are networks of the other half that were trained alike, by the mean of the last twenty
    validation accuracies of each; without any it is the score's tau.
    """
    other = find_configurations(networks).other
    networks = unique(networks)
    graphs = [cells.graph(network.genotype) for network in networks]
    prior, table = (
        normal_scores(scores_of(networks, graphs)),
        table_of([features_of(graph) for graph in graphs]),
    )
    mixture = Mixture(standardised(table), prior[:, None])
    report = [half_of(network) == "report" for network in networks]
    alike = [network.id not in other for network in networks]
    choosing = [i for i in range(len(networks)) if alike[i] and not report[i]]
    everything = [i for i in range(len(networks)) if report[i]]
    found: tuple[list[float], list[float]] = ([], [])
    for draw in range(draws if trainings else 1):
        values = prior
        if trainings:
            rows = random.Random(f"{draw}").sample(choosing, trainings)
            seen = [statistics.fmean(networks[i].epochs[-20:]) for i in rows]
            mixture.fit(np.array(rows), normal_scores(seen))
            values = mixture.predict(np.arange(len(networks))).mean
        for taus, kept in zip(found, ([i for i in everything if alike[i]], everything), strict=True):
            taus.append(kendall(values[kept].tolist(), [networks[i].accuracy for i in kept]) or 0.0)
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="folder of the benchmark")
    root = parser.parse_args().root
    networks = Registry.from_installed(quiet=True).create("benchmark", "spikenas_bench", root=root).networks
    print(
        "| learned from | tau, trained alike | lowest to highest draw | tau, all |\n| --- | --- | --- | --- |"
    )
    for trainings in TRAININGS:
        alike, every = learned_taus(networks, space(), trainings)
        mean, spread = statistics.fmean(alike), f"{min(alike):.3f} to {max(alike):.3f}"
        print(f"| {trainings} | {mean:.3f} | {spread} | {statistics.fmean(every):.3f} |", flush=True)


if __name__ == "__main__":
    main()
