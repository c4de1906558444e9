"""What a search that learns buys on a budget of training epochs, simulated on the logs of SpikeNAS-Bench.

    python tests/benchmarks/study_learned_search.py SpikeNAS-Bench --seeds 200

No search spends more than the budget: a training costs its epochs, and going on with one costs what is
added. A network is judged by the mean of its last five validation accuracies so far, and the one that a
search names by the same after all epochs. Regret: test accuracy of the best network of the half, less that
of the one named, in percentage points. Rungs, shares and when to trust were chosen on the half "choose".
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from snnplug import Ask, Candidate, Registry, Task, TrainedNetwork, Trial
from snnplug.report.rungs import best_of
from snnplug.statistics.configurations import find_configurations
from snnplug.statistics.intervals import Estimate, estimate_mean, paired_difference
from snnplug.statistics.predictors import unique

BUDGETS = (1000, 2000, 5000)
EPOCHS = 100
POOL = 1000
ROUND = 16


@functools.cache
def installed() -> Registry:
    """Return what is installed."""
    return Registry.from_installed(quiet=True)


class Table:
    """Networks of a benchmark as a search space, with what their training said.

    Args:
        networks: functionally different.
        cells: the search space that they belong to.
        rungs: epochs of a halving.
        kept: one in so many goes up to the next of them.
    """

    def __init__(
        self, networks: Sequence[TrainedNetwork], cells: Any, rungs: Sequence[int], kept: int
    ) -> None:
        self.networks, self.cells, self.rungs, self.kept = list(networks), cells, list(rungs), kept
        self.by_key = {network.key: network for network in networks}
        self.same = {cells.key(network.genotype): network.key for network in networks}
        scorer = installed().create("scorer", "spiking_chain")
        self.scores = {n.key: scorer(self._candidate(n)).value for n in networks}
        self.best = max(network.accuracy for network in networks)

    def _candidate(self, network: TrainedNetwork) -> Candidate:
        return Candidate(
            genotype=network.genotype,
            key=network.key,
            build=lambda repeat=0: sys.exit("a network was built"),
            batch=lambda index, size: sys.exit("data was read"),
            seed=0,
            graph=functools.partial(self.graph, network.key),
        )

    def sample(self, rng: random.Random) -> str:
        """Draw a network."""
        return rng.choice(self.networks).key

    def mutate(self, key: str, rng: random.Random) -> str:
        """Change an edge until it is another of these networks."""
        genotype = self.by_key[key].genotype
        for _ in range(100):
            changed = self.same.get(self.cells.key(self.cells.mutate(genotype, rng)))
            if changed not in (None, key):
                return str(changed)
        return self.sample(rng)

    def key(self, key: str) -> str:
        """Return what a network is known by, which is its genotype here."""
        return key

    @functools.cache  # noqa: B019 - one table a process
    def graph(self, key: str) -> Any:
        """Return the cell."""
        return self.cells.graph(self.by_key[key].genotype)

    def seen(self, key: str, epoch: int) -> float:
        """Return the mean of five validation accuracies after so many of a hundred epochs."""
        epochs = self.by_key[key].epochs
        end = round(epoch * len(epochs) / EPOCHS)
        return statistics.fmean(epochs[end - 5 : end])

    def regret(self, keys: Sequence[str]) -> float:
        """Return how far the one that is best after training lies below the best of all, in points."""
        named = max(keys, key=lambda key: self.seen(key, EPOCHS))
        return 100 * (self.best - self.by_key[named].accuracy)


def numbers(table: Table, budget: int) -> list[int]:
    """Return how many networks each rung of a halving gets, so that all cost the budget at most."""
    steps = [b - a for a, b in zip((0, *table.rungs), table.rungs, strict=False)]
    for first in range(budget, 0, -1):
        found = [first]
        for _ in table.rungs[1:]:
            found.append(max(1, found[-1] // table.kept))
        if sum(n * step for n, step in zip(found, steps, strict=True)) <= budget:
            return found
    sys.exit(f"{budget} epochs are not enough for one network")


def trained(table: Table, budget: int, seed: int) -> float:
    """Train random networks to the end."""
    return table.regret([n.key for n in random.Random(seed).sample(table.networks, budget // EPOCHS)])


def by_score(table: Table, budget: int, seed: int) -> float:
    """Train those of a pool with the best score."""
    return table.regret(ranked(table, seed)[: budget // EPOCHS])


def ranked(table: Table, seed: int) -> list[str]:
    """Return a pool by its score, equals in random order."""
    pool = random.Random(seed).sample(table.networks, min(POOL, len(table.networks)))
    return sorted((n.key for n in pool), key=lambda key: -table.scores[key])


def evolved(table: Table, budget: int, seed: int) -> float:
    """Regularised evolution, every network trained to the end."""
    draws = budget // EPOCHS
    strategy = installed().create(
        "strategy", "evolution", table, seed, draws=draws, population=max(4, draws // 3), sample_size=4
    )
    found: list[str] = []
    while keys := strategy.ask(1):
        found += keys
        strategy.tell([Trial(index=0, genotype=k, key=k, score=table.seen(k, EPOCHS)) for k in keys])
    return table.regret(found)


def stopped(table: Table, budget: int, seed: int, epoch: int = 60) -> float:
    """Stop random networks early, and train the best of them to the end."""
    keys = [n.key for n in random.Random(seed).sample(table.networks, (budget - EPOCHS + epoch) // epoch)]
    return table.regret([max(keys, key=lambda key: table.seen(key, epoch))])


def halved(table: Table, keys: Sequence[str], counts: Sequence[int]) -> float:
    """Train the first of some networks, more and more of fewer and fewer."""
    kept = list(keys[: counts[0]])
    for count, epoch in zip(counts[1:], table.rungs, strict=False):
        kept = sorted(kept, key=lambda key: -table.seen(key, epoch))[:count]
    return table.regret(kept)


def halved_random(table: Table, budget: int, seed: int) -> float:
    """Successive halving of random networks."""
    counts = numbers(table, budget)
    return halved(table, [n.key for n in random.Random(seed).sample(table.networks, counts[0])], counts)


def halved_by_score(table: Table, budget: int, seed: int) -> float:
    """Successive halving of those with the best score."""
    return halved(table, ranked(table, seed), numbers(table, budget))


def learned(
    table: Table,
    budget: int,
    seed: int,
    reasons: dict[str, dict[int, list[float]]] | None = None,
    **parameters: Any,
) -> float:
    """The strategy: score, halving and learning; test accuracies by why and seed go to `reasons`."""
    strategy = installed().create(
        "strategy",
        "bayesian",
        table,
        seed,
        draws=min(POOL, len(table.networks)),
        keep=numbers(table, budget),
        **parameters,
    )
    asks: list[Ask] = []
    while asked := [Ask.of(ask) for ask in strategy.ask(ROUND)]:
        asks += asked
        strategy.tell([trial_of(table, ask) for ask in asked])
    spent = {ask.genotype: table.rungs[ask.rung - 1] for ask in asks if ask.rung}
    assert sum(spent.values()) <= budget
    for ask in asks if reasons is not None else []:
        if ask.rung == 1:
            reasons.setdefault(ask.why, {}).setdefault(seed, []).append(
                100 * table.by_key[ask.genotype].accuracy
            )
    return table.regret([ask.genotype for ask in asks if ask.rung == len(table.rungs)])


def trial_of(table: Table, ask: Ask) -> Trial:
    """Return what came of a candidate."""
    key = ask.genotype
    score = table.seen(key, table.rungs[ask.rung - 1]) if ask.rung else table.scores[key]
    return Trial(index=0, genotype=key, key=key, score=score, rung=ask.rung)


SEARCHES: dict[str, Callable[[Table, int, int], float]] = {
    "random search": trained,
    "evolution": evolved,
    "early stopping": stopped,
    "successive halving": halved_random,
    "score": by_score,
    "score + halving": halved_by_score,
    "score + halving + learning": learned,
}


def space() -> Any:
    """Return the search space of the benchmark."""
    from snnplug_spikenas_bench.cell import OPERATIONS

    neuron = installed().use("neuron", "lif", tau=4 / 3)
    component = installed().use(
        "search_space", "snasnet", neuron=neuron, backward=False, require_direct=False, operations=OPERATIONS
    )
    return component.build(Task(input_shape=(3, 32, 32), classes=10, steps=5))


def half_of(network: TrainedNetwork) -> str:
    """Return where a network belongs."""
    first = hashlib.sha256(network.key.encode()).hexdigest()[0]
    return "report" if int(first, 16) % 2 else "choose"


def tables(root: str, half: str, rungs: Sequence[int], kept: int) -> dict[str, Table]:
    """Return the networks of a half that were trained alike, and all of it."""
    networks = installed().create("benchmark", "spikenas_bench", root=root).networks
    other = find_configurations(networks).other
    everything = [network for network in unique(networks) if half_of(network) == half]
    alike = [network for network in everything if network.id not in other]
    sets = {"trained alike": alike, "all": everything}
    return {name: Table(networks, space(), rungs, kept) for name, networks in sets.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", help="folder of the benchmark")
    parser.add_argument("--half", choices=["choose", "report"], default="report")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--rungs", type=int, nargs="+", default=[10, 30, EPOCHS], help="epochs of a halving")
    parser.add_argument("--kept", type=int, default=3, help="one in so many goes up to the next rung")
    parser.add_argument("--halving-only", action="store_true", help="only the searches that have rungs")
    options = parser.parse_args()
    searches = {t: s for t, s in SEARCHES.items() if not options.halving_only or "halving" in t}
    found = tables(str(Path(options.root)), options.half, options.rungs, options.kept)
    for name, table in found.items():
        print(f"\n{len(table.networks):,} networks of the half {options.half!r}, {name}\n")
        print("| search | " + " | ".join(f"{budget:,} epochs" for budget in BUDGETS) + " |")
        print("| --- | " + " | ".join("---" for _ in BUDGETS) + " |")
        reasons: dict[str, dict[int, list[float]]] = {}
        rows: dict[str, list[list[float]]] = {}
        for title, search in searches.items():
            rows[title] = []
            for budget in BUDGETS:
                extra = {"reasons": reasons} if search is learned and budget == BUDGETS[-1] else {}
                rows[title].append([search(table, budget, seed, **extra) for seed in range(options.seeds)])
            print_row(title, [estimate_mean(regrets) for regrets in rows[title]])
        *_, without, with_it = rows
        print_row(
            "what learning changes, by seed",
            [paired_difference(a, b) for a, b in zip(rows[with_it], rows[without], strict=True)],
        )
        print(f"\nTest accuracy after all epochs, % of what was asked for at {BUDGETS[-1]:,} epochs\n")
        print("| why | candidates | mean | best of five |\n| --- | --- | --- | --- |")
        for why, by_seed in reasons.items():
            means = [statistics.fmean(accuracies) for accuracies in by_seed.values()]
            count = statistics.fmean(map(len, by_seed.values()))
            best = [best_of(accuracies, 5) for accuracies in by_seed.values() if len(accuracies) >= 5]
            print_row(f"{why} | {count:.0f}", [estimate_mean(means), estimate_mean(best)])


def print_row(title: str, estimates: Sequence[Estimate]) -> None:
    """Print estimates with their intervals."""
    cells = [f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" for one in estimates]
    print(f"| {title} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
