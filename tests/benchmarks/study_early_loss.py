"""Which scores tell the cells of the default search apart, and from which epoch on their own losses do.

    python tests/benchmarks/study_early_loss.py OUT --candidates 21 [-s KEY=VALUE ...]

Draws 64 cells, scores them untrained by every score named here, trains the first so many of them alike, and
prints Kendall's tau of each score, and of the validation loss of each of the first epochs, with the test
accuracy. A run that is there already is read.
"""

from __future__ import annotations

from pathlib import Path

import click

from snnplug import load, run, run_again
from snnplug.statistics.ranking import kendall

SCORES = (
    "hamming",
    "grad_norm",
    "jacob_cov",
    "synflow",
    "firing_rate",
    "spiking_depth",
    "synaptic_operations",
)
EPOCHS = 9


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--candidates", type=click.IntRange(min=3), default=21, show_default=True)
@click.option("-s", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Of the trainings.")
def main(out: Path, candidates: int, overrides: tuple[str, ...]) -> None:
    """Search, train and print."""
    search = out / "search"
    if not (search / "summary.json").exists():
        goals = [f"search.objectives.{name}=max" for name in SCORES]
        drawn = ["search.scorer.use=sahd", "search.strategy.draws=64", "train.epochs=1"]
        run(out=search, overrides=[*drawn, "train.compare.random=0", *goals], device="cpu", quiet=False)
    trials, runs = [], []
    for trial in load(search).trials:
        if trial.score is None or len(runs) == candidates:
            continue
        place = out / f"candidate{trial.index}"
        if not (place / "summary.json").exists():
            given = ["train.epochs=15", *overrides]
            run_again(search, candidate=trial.index, out=place, overrides=given, device="cpu", quiet=False)
        trials.append(trial)
        runs.append(load(place))
    test = [run.result.accuracy.test for run in runs]
    mean = sum(test) / len(test)
    print(f"{len(runs)} cells, test accuracy {min(test):.3f} to {max(test):.3f}, mean {mean:.3f}")
    print(f"sahd: tau {kendall([trial.score for trial in trials], test):.2f}")
    for name in trials[0].values:
        print(f"{name}: tau {kendall([trial.values[name] for trial in trials], test):.2f}")
    for epoch in range(EPOCHS):
        losses = [-run.metrics[epoch].val_loss for run in runs]
        print(f"validation loss, epoch {epoch + 1}: tau {kendall(losses, test):.2f}")


if __name__ == "__main__":
    main()
