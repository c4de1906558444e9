"""Losses and initial membrane potentials on the embedded events: does the order of the papers hold?

SDT, TET, TET with its regulariser, with smoothed labels and with both, and the loss of the last time step,
each without IMP, with one that is learned and with one that stays as drawn; several seeds of the recipe
`events`. Differences are paired over equal seeds.

    python tests/benchmarks/study_event_losses.py --out RUNS [--seeds 0 1 2 3 4] [--epochs 10] [-s key=value]

leaves one run directory each and prints two tables in Markdown; runs that are there already are not repeated,
and one that was stopped goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from snnplug import resume, run
from snnplug.engine.process import keep_freed_memory
from snnplug.runs.compare import ComparedRun
from snnplug.statistics.intervals import Estimate, estimate_mean, paired_difference

BASE = "{use='snnplug-lif:lif', tau=2.0}"
NEURONS = {
    "none": f"neuron={BASE}",
    "IMP": f"neuron={{use='snnplug-imp:imp', base={BASE}}}",
    "IMP, fixed": f"neuron={{use='snnplug-imp:imp', base={BASE}, learnable=false}}",
}
LOSSES = {
    "SDT": "loss={use='snnplug-tet:sdt'}",
    "TET": "loss={use='snnplug-tet:tet'}",
    "TET, squared error 0.05": "loss={use='snnplug-tet:tet', mse_weight=0.05}",
    "TET-S": "loss={use='snnplug-tet:tet_s'}",
    "TET-S, squared error 0.05": "loss={use='snnplug-tet:tet', mse_weight=0.05, label_smoothing=0.01}",
    "LTS": "loss={use='snnplug-tet:lts'}",
}
REFERENCE = ("SDT", "none")


def directory(out: Path, loss: str, neuron: str, seed: int) -> Path:
    """Return where a run is kept."""
    name = f"{loss} {neuron}".lower().replace(",", "").replace(" ", "-")
    return out / f"{name}-{seed}"


def percent(found: Estimate, *, sign: bool = False) -> str:
    """Return an estimate of a share, in percent."""
    form = "+.2f" if sign else ".2f"
    value, *bounds = (100 * x for x in (found.value, found.low or 0.0, found.high or 0.0))
    return f"{value:{form}}" + ("" if found.low is None else " [{:.2f}, {:.2f}]".format(*bounds))


def main() -> None:
    """Run what is missing and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run directories")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("-s", "--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    common = [*given.set, *([] if given.epochs is None else [f"train.epochs={given.epochs}"])]
    keep_freed_memory()
    found: dict[tuple[str, str], list[float]] = {}
    for seed in given.seeds:
        for loss, neuron in ((loss, neuron) for loss in LOSSES for neuron in NEURONS):
            out = directory(given.out, loss, neuron, seed)
            if not (out / "summary.json").exists():
                if (out / "resolved.json").exists():
                    resume(out, device=given.device)
                else:
                    own = [*common, NEURONS[neuron], LOSSES[loss], f"seed={seed}"]
                    run("events", out=out, overrides=own, device=given.device)
            accuracy = ComparedRun.read(out).summary.accuracy.test
            found.setdefault((loss, neuron), []).append(accuracy)
            print(f"{out.name}: {accuracy:.4f}", flush=True)
    for title, cell in (
        ("test accuracy, %", lambda key: percent(estimate_mean(found[key]))),
        (
            f"difference to {REFERENCE[0]} without IMP, points",
            lambda key: percent(paired_difference(found[key], found[REFERENCE]), sign=True),
        ),
    ):
        print(f"\n| {title} | {' | '.join(NEURONS)} |")
        print(f"|---|{'---:|' * len(NEURONS)}")
        for loss in LOSSES:
            print(f"| {loss} | {' | '.join(cell((loss, neuron)) for neuron in NEURONS)} |")


if __name__ == "__main__":
    main()
