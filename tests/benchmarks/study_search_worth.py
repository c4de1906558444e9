"""What the search of a recipe is worth: the found network beside one drawn by chance and those made by hand.

    python tests/benchmarks/study_search_worth.py OUT --seeds 8 [-s KEY=VALUE ...]

Each seed is a run of the recipe with other draws, weights and orders; its comparison trains all networks
alike. Where several were drawn by chance, a row says what a random search finds that trains all and takes
the best by validation. A run that is there already is read. Means and paired differences have 95 % bootstrap
intervals over the seeds.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from snnplug import Run, load, run
from snnplug.recipe.built_in import DEFAULT
from snnplug.runs.comparison_records import Rival
from snnplug.statistics.intervals import estimate_mean, paired_difference


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--recipe", default=DEFAULT, show_default=True)
@click.option("--seeds", type=click.IntRange(min=2), default=8, show_default=True)
@click.option("-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE")
def main(out: Path, recipe: str, seeds: int, overrides: tuple[str, ...]) -> None:
    """Run the recipe over seeds, and print a row for each network of the comparison."""
    runs = [_run(recipe, out / f"seed{seed}", (*overrides, f"seed={seed}")) for seed in range(seeds)]
    print("| network | accuracy, % | found less it, points | spikes | seconds of search and training |")
    print("|---|---|---|---|---|")
    first = [_rivals(run)[0] for run in runs]
    for rivals in zip(*map(_rivals, runs), strict=True):
        accuracies = [100 * (rival.accuracy or 0) for rival in rivals]
        mean = estimate_mean(accuracies)
        difference = paired_difference([100 * (rival.accuracy or 0) for rival in first], accuracies)
        against = (
            ""
            if rivals == tuple(first)
            else f"{difference.value:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"
        )
        spikes = sum(rival.spikes or 0 for rival in rivals) / seeds
        seconds = sum(rival.seconds or 0 for rival in rivals) / seeds
        print(
            f"| {rivals[0].how} | {mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}] | {against} "
            f"| {spikes:,.0f} | {seconds:.0f} |"
        )


def _run(recipe: str, path: Path, overrides: tuple[str, ...]) -> Run:
    if (path / "summary.json").exists():
        return load(path)
    return run(recipe, out=path, overrides=overrides, device="cpu", quiet=False)


def _rivals(run: Run) -> tuple[Rival, ...]:
    assert run.result is not None and run.result.comparison is not None
    found = run.result.comparison
    searched = run.result.seconds.get("search") or 0.0
    first = attrs.evolve(found.rivals[0], seconds=searched + (found.rivals[0].seconds or 0.0))
    rows = (first, *found.rivals[1:])
    if (chosen := found.random_search) is None:
        return rows
    seconds = sum(rival.seconds or 0.0 for rival in found.drawn)
    how = f"random search: the best of {len(found.drawn)} by validation"
    return (*rows, attrs.evolve(chosen, how=how, seconds=seconds))


if __name__ == "__main__":
    main()
