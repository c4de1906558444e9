"""Do scores of the structure tell what a supernet tells? Networks of AutoSNN, all of them, on the digits.

    python tests/benchmarks/study_carry_over_autosnn.py --out DIR [--seeds 3] [--places 4] [--epochs 20]

trains supernets of the recipe autosnn_digits, scores every network of the space by the accuracy that it
inherits from each of them and by its structure, and prints Kendall's tau of both, with 95 % intervals over
the networks: 625 with four places, as the recipe has, 3,125 with five. Parts that are there already are
not run again.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import snnplug
from snnplug.recipe.read import recipe_text
from snnplug.statistics.choosing import regret
from snnplug.statistics.ranking import estimate_tau

MACROS = {4: [8, 16, "m", 16, 32], 5: [8, 16, "m", 16, 32, 32]}
ALL = ["search.strategy=exhaustive", "search.round_size=125", "search.baselines=false"]
INHERITED = "search.scorer={use = 'spike_aware_fitness', exponent = 0.0}"
STRUCTURE = ("spiking_chain", "spiking_depth")


def scores(out: Path, places: int, *overrides: str, epochs: int | None = None) -> Mapping[str, float]:
    """Run a search through all networks, or read it, and return scores; `epochs` are those of a supernet."""
    if (out / "summary.json").exists():
        done = snnplug.load(out)
    else:
        recipe = tomllib.loads(recipe_text("autosnn_digits"))
        recipe["search"]["space"]["macro"] = MACROS[places]
        del recipe["train"], recipe["energy"]
        if epochs is None:
            del recipe["search"]["supernet"]
        else:
            recipe["search"]["supernet"]["epochs"] = epochs
        done = snnplug.run(recipe, out=out, overrides=[*overrides, *ALL], device="cpu", quiet=False)
    return {trial.key: trial.score for trial in done.trials if trial.score is not None}


def main() -> None:
    """Print a row for each structural score, and the agreement of supernets with each other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--places", type=int, choices=MACROS, default=4)
    parser.add_argument("--epochs", type=int, default=20, help="of the supernets' training")
    given = parser.parse_args()
    places = given.places
    structure = {name: scores(given.out / name, places, f"search.scorer={name}") for name in STRUCTURE}
    inherited = [
        scores(given.out / f"inherited{seed}", places, INHERITED, f"seed={seed}", epochs=given.epochs)
        for seed in range(given.seeds)
    ]
    keys = sorted(set.intersection(*map(set, (*structure.values(), *inherited))))
    print(f"{len(keys)} networks\n")
    print("| predictor | told: inherited from supernet | tau [95 %] | regret of the best 10, points |")
    print("|---|---|---|---|")
    for name, of in structure.items():
        for seed, accuracies in enumerate(inherited):
            print(row(name, of, seed, accuracies, keys))
    for one, other in combinations(range(given.seeds), 2):
        print(row(f"supernet {one}", inherited[one], other, inherited[other], keys))


def row(name: str, of: Mapping[str, float], seed: int, told: Mapping[str, float], keys: list[str]) -> str:
    """Return a line of the table."""
    x, y = [of[key] for key in keys], [told[key] for key in keys]
    return f"| {name} | {seed} | {estimate_tau(x, y)} | {100 * regret(x, y, 10):.2f} |"


if __name__ == "__main__":
    main()
