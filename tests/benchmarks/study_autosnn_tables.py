"""What `study_autosnn.py` has found, as tables in Markdown.

    python tests/benchmarks/study_autosnn_tables.py RUNS

With all networks scored, any strategy can be asked what it would have found with any seed: its answers are
read from that table.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
from study_autosnn import EXPONENTS, FIRST, registry

import snnplug
from snnplug import Task, Trial
from snnplug.statistics.intervals import estimate_mean, from_resamples, resamples
from snnplug.statistics.weighing import weigh

DRAWS = 200
STRATEGIES: dict[str, dict[str, Any]] = {
    "spike_aware_evolution": {},
    "evolution": {},
    "nsga2": {},
    "nsga2, population 20": {"population": 20},
    "random": {},
}


class Row(NamedTuple):
    """A scored network."""

    genotype: str
    accuracy: float
    spikes: float


class Scores:
    """All networks of the space by key, with their score under an exponent."""

    def __init__(self, rows: dict[str, Row], exponent: float) -> None:
        self.rows = rows
        mean = statistics.fmean(row.spikes for row in rows.values())
        self.of = {key: row.accuracy * (max(row.spikes, 1) / mean) ** exponent for key, row in rows.items()}
        self.ranked = sorted(self.of.values(), reverse=True)

    def rank(self, score: float) -> int:
        """Return how many networks have at least this score, so 1 is the best."""
        return sum(other > score for other in self.ranked) + 1


def trials(run: Path) -> dict[str, Row]:
    """Return what a search has scored, by key."""
    found = json.loads((run / "trials.json").read_text())
    return {t["key"]: Row(t["genotype"], t["parts"]["accuracy"], t["parts"]["spikes"]) for t in found}


def asked(strategy: Any, scores: Scores, key: Callable[[Any], str]) -> float:
    """Return the best score that a strategy finds."""
    best, index = -math.inf, 0
    while genotypes := strategy.ask(16):
        told = []
        for genotype in genotypes:
            row = scores.rows[key(genotype)]
            trial = Trial(index=index, genotype=genotype, key=key(genotype), score=scores.of[key(genotype)])
            told.append(attrs.evolve(trial, objectives=(row.accuracy, -row.spikes)))
            index += 1
        best = max(best, *(trial.score for trial in told))
        strategy.tell(told)
    return best


def table(title: str, head: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    """Print a table."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def strategies(rows: dict[str, Row], space: Any, seeds: int, exponent: float) -> Iterator[Sequence[str]]:
    """Yield what each strategy finds over many seeds."""
    scores = Scores(rows, exponent)
    for name, more in STRATEGIES.items():
        found = [
            asked(
                registry().use("strategy", name.split(",")[0], draws=DRAWS, **more).build(space, seed),
                scores,
                space.key,
            )
            for seed in range(seeds)
        ]
        ranks = [scores.rank(score) for score in found]
        regret = [1 - score / scores.ranked[0] for score in found]
        yield (
            name,
            f"{sum(rank == 1 for rank in ranks)} of {seeds}",
            f"{statistics.median(ranks):g}",
            f"{np.percentile(ranks, 95):g}",
            f"{100 * statistics.fmean(regret):.2f} %",
        )


def led_and_ranked(out: Path, rows: dict[str, Row]) -> Iterator[Sequence[str]]:
    """Yield, for each exponent, what the search led by it found beside what re-ranking one table gives."""
    one = trials(out / FIRST)
    for exponent in EXPONENTS:
        scores, led = Scores(rows, exponent), trials(out / f"lambda{exponent:g}")
        cells = []
        for known in (led, one, rows):
            key = max(known, key=lambda key: scores.of[key])
            row = rows[key]
            rank = scores.rank(scores.of[key])
            cells.append(f"{row.genotype} ({100 * row.accuracy:.1f} %, {row.spikes:,.0f}, rank {rank})")
        yield (f"{exponent:g}", *cells)


def trained(out: Path, folder: str) -> Iterator[tuple[str, Any]]:
    """Yield the networks of a folder with their summaries."""
    for path in sorted((out / folder).glob("*/summary.json")):
        yield path.parent.name, snnplug.load(path.parent)


def alone(out: Path, folder: str) -> Iterator[Sequence[str]]:
    """Yield what trained networks have come to."""
    for name, run in trained(out, folder):
        summary, given = run.summary, run.records.resolved.recipe["architecture"]
        yield (
            name,
            str(given.get("blocks", given.get("cell"))),
            f"{summary['parameters']:,}",
            f"{100 * summary['accuracy']['test']:.2f} %",
            f"{summary['spikes_per_sample']:,.0f}",
        )


def against_random(out: Path) -> None:
    """Print the winner against the networks drawn at random, with the interval of the difference."""
    print("\n### The winner against networks drawn at random\n")
    seeds = [name for name, _ in trained(out, "winner") if name == FIRST or name.startswith("seed")]
    for what, read in (
        ("test accuracy in points", lambda s: 100 * s["accuracy"]["test"]),
        ("spikes a sample", lambda s: s["spikes_per_sample"]),
    ):
        mine = np.array([read(run.summary) for name, run in trained(out, "winner") if name in seeds])
        theirs = np.array([read(run.summary) for _, run in trained(out, "alone")])
        means = [resamples(len(x), seed) @ x / len(x) for seed, x in enumerate((mine, theirs))]
        apart = from_resamples(mine.mean() - theirs.mean(), means[0] - means[1])
        print(
            f"- {what}: {estimate_mean(mine)} ({len(mine)} seeds) against {estimate_mean(theirs)} "
            f"({len(theirs)} networks), difference {apart}; better than "
            f"{sum(mine.mean() > theirs) if 'accuracy' in what else sum(mine.mean() < theirs)} of them"
        )


def main() -> None:
    """Print all tables that can be made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=200)
    given = parser.parse_args()
    out: Path = given.out
    if (out / "exhaustive" / "trials.json").exists():
        rows = trials(out / "exhaustive")
        settings = snnplug.load(out / "exhaustive").records.resolved.recipe["search"]["space"]
        own = {key: value for key, value in settings.items() if key != "use"} | {"neuron": "relu"}
        task = Task(input_shape=(3, 32, 32), classes=10)
        space = registry().create("search_space", settings["use"], task, **own)
        accuracies = [row.accuracy for row in rows.values()]
        print(
            f"{len(rows):,} networks, inherited accuracy {100 * min(accuracies):.1f} to "
            f"{100 * max(accuracies):.1f} %, median {100 * statistics.median(accuracies):.1f} %"
        )
        ranked = weigh([(row.accuracy, row.spikes) for row in rows.values()], EXPONENTS, least=1.0)
        listed = list(rows.values())
        table(
            "The best of all by exponent",
            ("exponent", "network", "inherited accuracy", "spikes"),
            (
                (
                    f"{w.first:g} to {w.last:g}",
                    listed[w.position].genotype,
                    f"{100 * w.accuracy:.1f} %",
                    f"{w.cost:,.0f}",
                )
                for w in ranked
            ),
        )
        for exponent in (0.0, -0.08):
            head = ("strategy", "best found", "median rank", "95 % rank", "mean regret")
            title = f"What {DRAWS} draws find, exponent {exponent:g}, {given.seeds} seeds"
            table(title, head, strategies(rows, space, given.seeds, exponent))
        if all((out / f"lambda{exponent:g}" / "trials.json").exists() for exponent in EXPONENTS):
            head = (
                "exponent",
                "search led by it",
                f"re-ranked search of {FIRST[6:]}",
                "re-ranked exhaustive table",
            )
            table("Five searches beside one table", head, led_and_ranked(out, rows))
    for folder in ("hand", "winner", "alone"):
        head = ("name", "network", "parameters", "test accuracy", "spikes a sample")
        table(f"Trained alike: {folder}", head, alone(out, folder))
    if any(True for _ in trained(out, "winner")):
        against_random(out)
    for path in sorted(out.glob("correlate-*/correlate.md")):
        print(f"\n### {path.parent.name}\n\n{path.read_text()}")


if __name__ == "__main__":
    main()
