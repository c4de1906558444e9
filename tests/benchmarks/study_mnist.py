"""SNN against CNN on MNIST: the recipes mnist_snn and mnist_cnn for several numbers of time steps.

    python tests/benchmarks/study_mnist.py --root DIR --out RUNS [--train-samples 10000] [--epochs 3]

leaves one run directory each, a table in Markdown on standard output and the curves in an
SVG; runs that are there already are not repeated.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import pairwise
from pathlib import Path

from snnplug import resume, run
from snnplug.engine.process import keep_freed_memory
from snnplug.report.comparison import write_curves
from snnplug.runs.compare import ComparedRun

NEURONS = {
    "leaky": ["neuron.use=leaky", "neuron.beta=0.5", "neuron.surrogate=fast_sigmoid"],
    "lif": ["neuron={use='lif', tau=2.0, reset='soft', decay_input=false, surrogate='fast_sigmoid'}"],
}


def variants(steps: list[int], neurons: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Return name to recipe and overrides."""
    found = {"cnn-relu": ("mnist_cnn", []), "cnn-linear": ("mnist_cnn", ["architecture.activation=none"])}
    for T in steps:
        for neuron in neurons:
            found[f"snn-{neuron}-T{T}"] = ("mnist_snn", [f"encoder.steps={T}", *NEURONS[neuron]])
    return found


def spread(values: list[float], form: str) -> str:
    """Return the mean, with the standard deviation where there are several."""
    mean = format(statistics.mean(values), form)
    return f"{mean} ± {format(statistics.stdev(values), form)}" if len(values) > 1 else mean


def row(name: str, seeds: list[ComparedRun], base: float, target: float) -> str:
    """Return a line of the table, over the seeds of one network."""
    reached = [run.first_epoch_with(target) for run in seeds]
    seconds = [
        sum(e.seconds for e in run.epochs[:epoch]) for run, epoch in zip(seeds, reached, strict=True) if epoch
    ]
    each = statistics.median(run.seconds_per_epoch or 0.0 for run in seeds)
    cells = [
        name,
        f"{each:.1f}",
        f"{each / base:.1f}",
        ", ".join(str(epoch or "-") for epoch in reached),
        f"{statistics.median(seconds):.0f}" if len(seconds) == len(seeds) else "-",
        spread([run.epochs[-1].loss for run in seeds], ".4f"),
        spread([run.summary.accuracy.test for run in seeds], ".4f"),
        spread([run.summary.spikes_per_sample for run in seeds], ",.0f"),
    ]
    return f"| {' | '.join(cells)} |"


def fluctuation(name: str, seeds: list[ComparedRun], after: int) -> str:
    """Return a line of the table of validation accuracies after an epoch, and how they move."""
    late = [
        [e.val_accuracy for e in run.epochs if e.epoch > after and e.val_accuracy is not None]
        for run in seeds
    ]
    moves = [abs(b - a) for values in late for a, b in pairwise(values)]
    cells = [
        name,
        spread([statistics.mean(values) for values in late], ".4f"),
        f"{statistics.mean(statistics.stdev(values) for values in late):.4f}",
        f"{min(map(min, late)):.4f}",
        f"{max(map(max, late)):.4f}",
        f"{statistics.mean(moves):.4f}",
        f"{max(moves):.4f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", required=True, help="folder that holds MNIST/raw")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run directories")
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 10, 25, 50])
    parser.add_argument("--neurons", choices=NEURONS, nargs="+", default=list(NEURONS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--train-samples", type=int, default=None, help="all but the validation images by default"
    )
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--settled", type=int, help="epoch after which to say how the accuracy fluctuates")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    common = [f"dataset.root={given.root}", f"train.epochs={given.epochs}"]
    if given.train_samples is not None:
        common.append(f"dataset.train_samples={given.train_samples}")
    keep_freed_memory()
    for seed in given.seeds:
        for name, (recipe, overrides) in variants(given.steps, given.neurons).items():
            out = given.out / f"{name}-seed{seed}"
            if (out / "summary.json").exists():
                continue
            if (out / "resolved.json").exists():
                resume(out, device=given.device, quiet=False)
            else:
                own = [*common, *overrides, f"seed={seed}"]
                run(recipe, out=out, overrides=own, device=given.device, quiet=False)
    runs = {
        name: [ComparedRun.read(given.out / f"{name}-seed{seed}") for seed in given.seeds]
        for name in variants(given.steps, given.neurons)
    }
    write_curves([seeds[0] for seeds in runs.values()], given.out / "curves.svg")
    base = statistics.median(run.seconds_per_epoch or 1.0 for run in runs["cnn-relu"])
    print(
        "| run | s per epoch | ratio | epochs to target | s to target | last loss | test accuracy | spikes |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, seeds in runs.items():
        print(row(name, seeds, base, given.target))
    if given.settled is not None:
        print("\n| run | mean | deviation over epochs | least | largest | mean change | largest change |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for name, seeds in runs.items():
            print(fluctuation(name, seeds, given.settled))


if __name__ == "__main__":
    main()
