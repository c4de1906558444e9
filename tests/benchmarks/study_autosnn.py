"""What a supernet's weights tell, what the searches on them find, and what that is worth when trained.

    python tests/benchmarks/study_autosnn.py --images ARCHIVE --out RUNS --device cuda --jobs 8

takes an archive of images `<class>/<image>`, and leaves a run directory for each of its parts; those that
are finished are not repeated. `study_autosnn_tables.py RUNS` reads them.

    exhaustive       a supernet of AutoSNN_16, and each of the 3,125 networks scored with its weights
    lambda-L         five searches with these weights, one for each exponent
    alone/N          networks drawn at random, trained by themselves
    hand/NAME        networks made by hand: one block at all places, and the four backbones
    relu, snasnet    searches with a ReLU and one step; in forward cells of SNASNet
    winner/NAME      what a search found, trained like all others: by several seeds, with several T
    correlate-N      inherited against own accuracy, batch norm recalibrated with N batches
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import snnplug
from snnplug import DatasetSpec, NeuronSpec, Registry, Splits, Task
from snnplug.engine.process import own_process
from snnplug.nn import ImageSplit, MembraneState, SpikingNeuron

EXPONENTS = (0.0, -0.04, -0.08, -0.16, -0.24)
BLOCKS = ("skip", "SCB_k3", "SCB_k5", "SRB_k3", "SRB_k5", "SIB_k3_e3")
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class ReLU(SpikingNeuron):
    """What a neuron is in a network that is no spiking one: `[T, B, *]` to the same, without a state."""

    binary = False

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return a state that nobody looks at."""
        return MembraneState(torch.zeros_like(x))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Return the positive part."""
        return x.relu(), state


class Shift:
    """Shifts and mirrors a batch of images."""

    def __call__(self, values: Tensor) -> Tensor:
        """Map `[B, C, H, W]` to the same shape."""
        B, _, H, W = values.shape
        rows = torch.randint(9, (B, 1)) + torch.arange(H)
        columns = torch.randint(9, (B, 1)) + torch.arange(W)
        columns = torch.where(torch.rand(B, 1) < 0.5, columns.flip(1), columns)
        wide = torch.nn.functional.pad(values, [4] * 4)
        picked = wide[torch.arange(B).view(B, 1, 1), :, rows.unsqueeze(2), columns.unsqueeze(1)]
        return picked.permute(0, 3, 1, 2).contiguous()


def images(*, file: str, train_samples: int, val_samples: int, test_samples: int) -> Splits:
    """Return the images of a file that `store` has written, those for training shifted and mirrored."""
    held = np.load(file)
    pixels, labels = torch.from_numpy(held["images"]), torch.from_numpy(held["labels"])
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    ends = np.cumsum([test_samples, val_samples, train_samples])
    test, val, train = np.split(mixed.numpy(), ends)[:3]
    classes = int(labels.max()) + 1
    task = Task(input_shape=tuple(pixels.shape[1:]), classes=classes, mean=MEAN, std=STD)
    return Splits(
        task=task,
        train=ImageSplit(pixels[train], labels[train], Shift()),
        val=ImageSplit(pixels[val], labels[val]),
        test=ImageSplit(pixels[test], labels[test]),
    )


def store(source: Path, file: Path) -> None:
    """Write the images `<class>/<name>` of an archive into one file."""
    from PIL import Image

    found: list[tuple[str, np.ndarray]] = []
    with tarfile.open(source) as archive:
        for member in archive:
            handle = archive.extractfile(member) if member.isfile() else None
            if handle is not None and member.name.lower().endswith((".jpg", ".png")):
                pixels = np.asarray(Image.open(io.BytesIO(handle.read())).convert("RGB"))
                found.append((Path(member.name).parent.name, pixels.transpose(2, 0, 1)))
    names = sorted({name for name, _ in found})
    np.savez(
        file,
        images=np.stack([pixels for _, pixels in found]),
        labels=np.array([names.index(name) for name, _ in found]),
    )


def registry() -> Registry:
    """Return what is installed, with the images and the ReLU."""
    found = Registry.from_installed(quiet=True)
    found.register(DatasetSpec(name="study_images", target=images, summary="Images of one file."))
    found.register(NeuronSpec(name="relu", target=ReLU, summary="No neuron: the positive part."))
    return found


class Study:
    """Recipes of all parts.

    Args:
        given: what the command line says.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.out = given, given.out
        space = registry().create(
            "search_space", "autosnn", Task(input_shape=(3, 32, 32), classes=10), neuron="relu"
        )
        rng = random.Random(0)
        drawn = dict.fromkeys(space.sample(rng) for _ in range(10 * given.alone))
        self.parts: dict[str, tuple[tuple[str, ...], Callable[[], dict[str, Any]]]] = {}
        self.add("exhaustive", lambda: self.search({"use": "exhaustive"}, train=self.shared()))
        self.add("relu", lambda: self.search(self.evolution(), 0.0, self.shared(), "relu", steps=1))
        snasnet = {"use": "snasnet", "channels": 16, "backward": False}
        self.add("snasnet", lambda: self.search(self.evolution(), -0.08, self.shared(), space=snasnet))
        for n, blocks in enumerate(list(drawn)[: given.alone]):
            self.add(f"alone/{n:02}", lambda blocks=blocks: self.alone(blocks))
        for name in BLOCKS:
            self.add(f"hand/{name}", lambda name=name: self.alone(name))
        for macro in ("SNN_2", "SNN_3", "SNN_4"):
            self.add(f"hand/{macro}", lambda macro=macro: self.alone("SRB_k3", macro=macro))
        alone = [name for name in self.parts if name.startswith("alone")]
        for batches in (0, 8):
            self.add(f"correlate-{batches}", dict, "exhaustive", *alone)
        inherit = {"from": str(self.out / "exhaustive")}
        for exponent in EXPONENTS:
            self.add(
                f"lambda{exponent:g}",
                lambda exponent=exponent: self.search(self.evolution(), exponent, inherit),
                "exhaustive",
            )
        first = "lambda-0.08"
        for search in (first, "lambda0", "relu"):
            self.add(f"winner/{search}", lambda search=search: self.alone(self.best(search)), search)
        self.add("winner/snasnet", self.cell, "snasnet")
        for seed in (1, 2):
            self.add(f"winner/seed{seed}", lambda seed=seed: self.alone(self.best(first), seed), first)
        for steps in (2, 4, 16):
            self.add(f"winner/T{steps}", lambda steps=steps: self.alone(self.best(first), T=steps), first)

    def add(self, name: str, recipe: Callable[[], dict[str, Any]], *after: str) -> None:
        """Add a part that needs others."""
        self.parts[name] = (after, recipe)

    def best(self, name: str) -> str:
        """Return what a search found."""
        return str(snnplug.load(self.out / name).summary["search"]["best"])

    def evolution(self) -> dict[str, Any]:
        """Return the strategy of the paper."""
        return {"use": "spike_aware_evolution", "draws": self.given.draws}

    def common(self, neuron: str = "plif", steps: int = 8, seed: int = 0) -> dict[str, Any]:
        """Return what all recipes have."""
        given = self.given
        data = {"train_samples": given.train_samples, "val_samples": given.val_samples}
        return {
            "seed": seed,
            "dataset": {"use": "study_images", "file": str(given.out / "images.npz"), **data}
            | {"test_samples": given.test_samples},
            "encoder": {"use": "direct", "steps": steps},
            "neuron": {"use": neuron},
            "loss": {"use": "rate_ce" if neuron == "relu" else "spike_count_mse"},
        }

    def training(self, epochs: int) -> dict[str, Any]:
        """Return a table of settings."""
        optimizer = {"use": "adam", "lr": self.given.lr}
        return {"epochs": epochs, "batch_size": self.given.batch, "optimizer": optimizer}

    def shared(self) -> dict[str, Any]:
        """Return the table of a supernet: constant rate, as published."""
        return {**self.training(self.given.shared_epochs), "schedule": "constant", "paths": 16}

    def search(
        self,
        strategy: Mapping[str, Any],
        exponent: float = -0.08,
        train: Mapping[str, Any] | None = None,
        neuron: str = "plif",
        *,
        space: Mapping[str, Any] | None = None,
        steps: int = 8,
    ) -> dict[str, Any]:
        """Return the recipe of a search that inherits."""
        scorer = {"use": "spike_aware_fitness", "exponent": exponent, "samples": self.given.scored}
        return self.common(neuron, steps) | {
            "search": {
                "space": dict(space or {"use": "autosnn", "channels": self.given.channels}),
                "strategy": dict(strategy),
                "scorer": scorer | {"batch_size": self.given.scored, "spikes": "neurons_and_pools"},
                "baselines": False,
                "round_size": 100 if strategy["use"] == "exhaustive" else 20,
                "supernet": dict(train or {}),
            }
        }

    def alone(self, blocks: str, seed: int = 0, macro: str = "SNN_1", T: int = 8) -> dict[str, Any]:
        """Return the recipe of a network of given blocks."""
        network = {"use": "autosnn_network", "blocks": blocks, "macro": macro}
        network["channels"] = self.given.channels
        return self.common(steps=T, seed=seed) | {
            "architecture": network,
            "train": self.training(self.given.epochs),
        }

    def cell(self) -> dict[str, Any]:
        """Return the recipe of the cell that was found."""
        network = {"use": "snasnet_cell", "cell": self.best("snasnet"), "channels": 16}
        return self.common() | {"architecture": network, "train": self.training(self.given.epochs)}

    def correlate(self, batches: int) -> None:
        """Say how well inherited weights predict what the networks of `alone` come to."""
        from snnplug.cli.correlate_command import write_scores
        from snnplug.engine.correlate import correlate

        given = self.given
        scorer = {"exponent": 0.0, "samples": given.val_samples, "batch_size": 500, "recalibrate": batches}
        found = correlate(
            "trained_runs",
            scorers=["spike_aware_fitness"],
            out=self.out / f"correlate-{batches}",
            overrides=[
                f"benchmark.root={self.out / 'alone'}",
                "benchmark.genotype=blocks",
                f"search.space={{use='autosnn', channels={given.channels}}}",
                f"search.supernet.from={self.out / 'exhaustive'}",
                *(f"scorers.spike_aware_fitness.{key}={value}" for key, value in scorer.items()),
            ],
            device=given.device,
            registry=registry(),
        )
        write_scores(found)

    def run(self, name: str) -> None:
        """Run a part, or go on with it."""
        out, device = self.out / name, self.given.device
        if name.startswith("correlate"):
            self.correlate(int(name.partition("-")[2]))
            return
        if (out / "resolved.json").exists():
            snnplug.resume(out, device=device, registry=registry())
        else:
            snnplug.run(self.parts[name][1](), out=out, device=device, registry=registry())


def main() -> None:
    """Run what is missing, in processes of its own, what others need first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True, help="archive of images in folders of classes")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run directories")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="parts at a time")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts, and what they need")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no part after that time")
    for name, value in {
        "train-samples": 40000,
        "val-samples": 5000,
        "test-samples": 5000,
        "scored": 500,
        "channels": 16,
        "epochs": 8,
        "shared-epochs": 20,
        "batch": 128,
        "draws": 200,
        "alone": 24,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=2e-3)
    given = parser.parse_args()
    given.out = given.out.absolute()
    if given.part:
        own_process()
        Study(given).run(given.part)
        return
    (given.out / "logs").mkdir(parents=True, exist_ok=True)
    if not (given.out / "images.npz").exists():
        store(given.images, given.out / "images.npz")
    began, parts = time.monotonic(), Study(given).parts
    wanted = dict.fromkeys(given.only or parts)
    for name in list(wanted):
        wanted = dict.fromkeys([*parts[name][0], *wanted])

    def work(name: str, before: list[Future[bool]]) -> bool:
        if not all(future.result() for future in before):
            return False
        if any((given.out / name / file).exists() for file in ("summary.json", "correlate.json")):
            return True
        if time.monotonic() - began > given.seconds:
            print(f"{name}: no time left", flush=True)
            return False
        started, log = time.monotonic(), given.out / "logs" / f"{name.replace('/', '-')}.log"
        with open(log, "w") as file:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--part", name],
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stderr=subprocess.STDOUT,
                stdout=file,
            )
        said = "" if done.returncode == 0 else f", failed: see {log}"
        print(f"{name}: {time.monotonic() - started:.0f} s{said}", flush=True)
        return done.returncode == 0

    first = sorted(wanted, key=lambda name: name.startswith(("alone", "hand", "winner", "correlate")))
    with ThreadPoolExecutor(max(given.jobs, 1)) as pool:
        futures: dict[str, Future[bool]] = {}
        for name in sorted(first, key=lambda name: len(parts[name][0]) > 0):
            futures[name] = pool.submit(work, name, [futures[other] for other in parts[name][0]])
    if not all(future.result() for future in futures.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
