"""What a supernet's weights tell, what searches on them find, and what that is worth when trained.

    python tests/benchmarks/study_autosnn.py autosnn_mnist --supernet RUN --out RUNS -s dataset.root=FOLDER

takes a recipe with the space `autosnn`, and a finished run of it for the supernet. It leaves a run directory
for each part; those that are finished are not repeated. `study_autosnn_tables.py RUNS` reads them.

    exhaustive       every network of the space, scored with the weights of the supernet
    lambda-L         searches with these weights, one for each exponent
    alone/N          networks drawn at random, each trained by itself
    hand/NAME        made by hand: one block at all places, and the backbones of the paper
    relu, snasnet    searches with supernets of their own: a ReLU and one step; forward cells of SNASNet
    winner/NAME      what a search found, trained like all others: by several seeds, with several T
    correlate-N      inherited against own accuracy, batch norm recalibrated with N batches
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import snnplug
from snnplug import NeuronSpec, Registry, Task
from snnplug.engine.process import own_process
from snnplug.nn import MembraneState, SpikingNeuron
from snnplug.recipe.overrides import apply_overrides
from snnplug.recipe.read import recipe_text

EXPONENTS = (0.0, -0.04, -0.08, -0.16, -0.24)
FIRST = "lambda-0.08"
HAND = ("skip", "SCB_k3", "SCB_k5", "SRB_k3", "SRB_k5", "SIB_k3_e3")
MACROS = ("SNN_2", "SNN_3", "SNN_4")
TRAINED = ("alone", "hand", "winner", "correlate")

Table = dict[str, Any]


class ReLU(SpikingNeuron):
    """What stands for a neuron in a network that does not spike: `[T, B, *]` to the same, without a state."""

    binary = False

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return a state that nobody looks at."""
        return MembraneState(torch.zeros_like(x))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Return the positive part."""
        return x.relu(), state


def registry() -> Registry:
    """Return what is installed, and the ReLU."""
    found = Registry.from_installed(quiet=True)
    found.register(NeuronSpec(name="relu", target=ReLU, summary="No neuron: the positive part."))
    return found


class Study:
    """The parts and their recipes.

    Args:
        given: what the command line says.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.out = given, given.out
        self.base, _ = apply_overrides(tomllib.loads(recipe_text(given.recipe)), given.set)
        self.space: Table = self.base["search"]["space"]
        self.parts: dict[str, tuple[tuple[str, ...], Callable[[], Table]]] = {}
        self.add("exhaustive", lambda: self.search({"use": "exhaustive"}))
        for exponent in EXPONENTS:
            self.add(f"lambda{exponent:g}", lambda exponent=exponent: self.search(exponent=exponent))
        self.add("relu", self.without_spikes)
        snasnet = {"use": "snasnet", "channels": self.space["channels"], "backward": False}
        self.add("snasnet", lambda: self.search(space=snasnet, inherit=False))
        for n, blocks in enumerate(self.drawn()):
            self.add(f"alone/{n:02}", lambda blocks=blocks: self.alone(blocks))
        for name in HAND:
            self.add(f"hand/{name}", lambda name=name: self.alone(name))
        for macro in MACROS:
            self.add(f"hand/{macro}", lambda macro=macro: self.alone("SRB_k3", macro=macro))
        for search in (FIRST, "lambda0", "relu"):
            self.add(f"winner/{search}", lambda search=search: self.alone(self.best(search)), search)
        self.add("winner/snasnet", self.cell, "snasnet")
        for seed in (1, 2, 3, 4):
            self.add(f"winner/seed{seed}", lambda seed=seed: self.alone(self.best(FIRST), seed), FIRST)
        for steps in (1, 2, 8):
            self.add(f"winner/T{steps}", lambda steps=steps: self.alone(self.best(FIRST), T=steps), FIRST)
        alone = [name for name in self.parts if name.startswith("alone")]
        for batches in (0, 8):
            self.add(f"correlate-{batches}", dict, *alone)

    def add(self, name: str, recipe: Callable[[], Table], *after: str) -> None:
        """Add a part that needs others."""
        self.parts[name] = (after, recipe)

    def drawn(self) -> list[str]:
        """Return different networks of the space, drawn at random."""
        given = {key: value for key, value in self.space.items() if key != "use"} | {"neuron": "relu"}
        task = Task(input_shape=(3, 32, 32), classes=10)
        space = registry().create("search_space", self.space["use"], task, **given)
        rng = random.Random(0)
        return list(dict.fromkeys(space.sample(rng) for _ in range(3 * self.given.alone)))[: self.given.alone]

    def best(self, name: str) -> str:
        """Return what a search found."""
        return str(snnplug.load(self.out / name).summary["search"]["best"])

    def common(self, *without: str) -> Table:
        """Return the recipe without some of its tables, and without an estimate of energy."""
        return {k: copy.deepcopy(v) for k, v in self.base.items() if k not in (*without, "energy")}

    def search(
        self,
        strategy: Table | None = None,
        exponent: float = -0.08,
        space: Table | None = None,
        *,
        inherit: bool = True,
    ) -> Table:
        """Return the recipe of a search; with the supernet that there is, or one of its own."""
        recipe = self.common("train")
        search = recipe["search"]
        search["scorer"] |= {"exponent": exponent, "samples": self.given.scored, "batch_size": 100}
        search |= {"strategy": strategy or search["strategy"], "space": space or search["space"]}
        search |= {"baselines": False, "round_size": 20 if strategy is None else 125}
        if space is not None:
            search.pop("references", None)
        if inherit:
            search["supernet"] = {"from": str(self.given.supernet)}
        return recipe

    def without_spikes(self) -> Table:
        """Return the recipe of a search for a network that does not spike, by accuracy alone."""
        recipe = self.search(exponent=0.0, inherit=False)
        recipe["encoder"]["steps"] = 1
        return recipe | {"neuron": {"use": "relu"}, "loss": {"use": "rate_ce"}}

    def alone(self, blocks: str, seed: int = 0, macro: str = "SNN_1", T: int | None = None) -> Table:
        """Return the recipe of a network of given blocks."""
        recipe = self.common("search")
        recipe["encoder"]["steps"] = T or recipe["encoder"]["steps"]
        own = {key: value for key, value in self.space.items() if key not in ("use", "blocks", "mutation")}
        network = {"macro": macro, **own, "use": "autosnn_network", "blocks": blocks}
        return self.small(recipe) | {"seed": seed, "architecture": network}

    def cell(self) -> Table:
        """Return the recipe of the cell that was found."""
        network = {"use": "snasnet_cell", "cell": self.best("snasnet"), "channels": self.space["channels"]}
        return self.small(self.common("search")) | {"architecture": network}

    def small(self, recipe: Table) -> Table:
        """Let a network be trained as all others here are."""
        recipe["train"] |= {"epochs": self.given.epochs}
        if self.given.train_samples:
            recipe["dataset"] |= {"train_samples": self.given.train_samples}
        return recipe

    def run(self, name: str) -> None:
        """Run a part, or go on with it."""
        out, device = self.out / name, self.given.device
        if (out / "resolved.json").exists():
            snnplug.resume(out, device=device, registry=registry())
        else:
            snnplug.run(self.parts[name][1](), out=out, device=device, registry=registry())

    def correlate(self, batches: int) -> list[str]:
        """Return the command that compares inherited with own accuracies."""
        out, space = self.out / f"correlate-{batches}", dict(self.space)
        table = ", ".join(f"{key} = {value!r}" for key, value in space.items())
        scorer = {"exponent": 0.0, "samples": self.given.scored, "batch_size": 100, "recalibrate": batches}
        settings = {
            "benchmark.root": self.out / "alone",
            "benchmark.genotype": "blocks",
            "search.space": "{" + table + "}",
            "search.supernet.from": self.given.supernet,
            **{f"scorers.spike_aware_fitness.{key}": value for key, value in scorer.items()},
        }
        pairs = [word for key, value in settings.items() for word in ("-s", f"{key}={value}")]
        scorers = ["--scorer", "spike_aware_fitness"]
        options = ["--benchmark", "trained_runs", *scorers, "--out", str(out), "--device", self.given.device]
        return [sys.executable, "-m", "snnplug", "correlate", *options, *pairs]


def main() -> None:
    """Run what is missing, each in a process of its own, after what it needs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", help="file or name")
    parser.add_argument("--supernet", type=Path, required=True, help="finished run of the recipe")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run directories")
    parser.add_argument("-s", "--set", action="append", default=[], metavar="KEY=VALUE", help="of the recipe")
    parser.add_argument("--scored", type=int, default=300, help="validation samples of a score")
    parser.add_argument("--alone", type=int, default=20, help="networks drawn at random")
    parser.add_argument("--epochs", type=int, default=3, help="of each network trained by itself")
    parser.add_argument("--train-samples", type=int, help="of each network trained by itself; default all")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="parts at a time")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts, or the beginning of their names")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out, given.supernet = given.out.absolute(), given.supernet.absolute()
    study = Study(given)
    if given.part:
        own_process()
        study.run(given.part)
        return
    (given.out / "logs").mkdir(parents=True, exist_ok=True)
    wanted = [name for name in study.parts if not given.only or name.startswith(tuple(given.only))]
    needed = {other for name in wanted for other in study.parts[name][0]}
    names = sorted({*wanted, *needed}, key=lambda name: (len(study.parts[name][0]), name.startswith(TRAINED)))

    def work(name: str, before: list[Future[bool]]) -> bool:
        if not all(future.result() for future in before):
            return False
        if any((given.out / name / file).exists() for file in ("summary.json", "correlate.json")):
            return True
        own = name.startswith("correlate")
        command = study.correlate(int(name.partition("-")[2])) if own else [sys.executable, *sys.argv]
        started, log = time.monotonic(), given.out / "logs" / f"{name.replace('/', '-')}.log"
        with open(log, "w") as file:
            command += [] if own else ["--part", name]
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=alone, stdout=file, stderr=subprocess.STDOUT)
        said = "" if done.returncode == 0 else f", failed: see {log}"
        print(f"{name}: {time.monotonic() - started:.0f} s{said}", flush=True)
        return done.returncode == 0

    with ThreadPoolExecutor(given.jobs) as pool:
        futures: dict[str, Future[bool]] = {}
        for name in names:
            before = [futures[other] for other in study.parts[name][0]]
            futures[name] = pool.submit(work, name, before)
    if not all(future.result() for future in futures.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
