"""Batches among processes: every process has a share in every batch, and the mean is that over the batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from snnplug.engine.data import order, shares

HERE = Path(__file__).parent

MANY = """
import datetime, sys
sys.path.insert(0, {here!r})
import torch, attrs
import toys
from snnplug import ArchitectureSpec
from snnplug.engine import training
from snnplug.engine.device import Place, usual_settings, deterministic
from snnplug.engine.parts import make_parts
from snnplug.engine.progress import Reporter
from snnplug.engine.session import Session
from snnplug.engine.train_section import TrainSection
from snnplug.nn import ImageSplit
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe


class Nowhere:
    def load_checkpoint(self, name): return None
    def save_checkpoint(self, state, name): pass
    def remove(self, name): pass
    def file(self, name): return Path("/nonexistent") / name
    def write_lines(self, name, lines): pass


import snnplug.engine.session as sessions
from pathlib import Path
sessions.read_epochs = lambda directory: ()

tables = {{k: v for k, v in toys.RECIPE.items() if k != "search"}}
recipe = Recipe.from_dict({{**tables, "architecture": {{"use": "toy"}}, "loss": {{"use": {loss!r}}}}})
fabric = Place("cpu", {world}).launch()
parts = make_parts(make_plan(recipe, toys.toy_registry()), torch.device("cpu"))
whole = parts.splits.train
sums = {{}}
with usual_settings(), deterministic():
    session = Session(parts=parts, directory=Nowhere(), fabric=fabric, report=Reporter(quiet=True))
    for samples in {samples}:
        for size in {sizes}:
            split = ImageSplit(whole.images[:samples], whole.labels[:samples])
            few = attrs.evolve(parts, splits=attrs.evolve(parts.splits, train=split, val=None))
            section = TrainSection(
                epochs=1,
                batch_size=size,
                accumulate={accumulate},
                optimizer={{"use": "sgd", "lr": 0.1}},
                algorithm={algorithm!r},
            )
            model = few.network(None, "train")
            [epoch] = training.train(session, few, model, section, "train")
            weights = [p.detach().clone() for p in model.parameters()]
            sums[samples, size * {accumulate}] = weights, epoch.loss, epoch.accuracy
if session.leads:
    torch.save(sums, {out!r})
"""


def trained(
    world: int, samples: str, sizes: str, out: Path, accumulate: int = 1, algorithm: str = "bptt"
) -> dict:
    script = out.with_suffix(".py")
    more = {"samples": samples, "sizes": sizes, "out": str(out), "accumulate": accumulate}
    more |= {"algorithm": algorithm, "loss": "toy" if algorithm == "bptt" else "each_step"}
    script.write_text(MANY.format(here=str(HERE), world=world, **more))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=400, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(out, weights_only=True)


def same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for case, (weights, loss, accuracy) in one.items():
        theirs, their_loss, their_accuracy = other[case]
        for mine, their in zip(weights, theirs, strict=True):
            torch.testing.assert_close(mine, their, rtol=1e-6, atol=1e-6)
        assert (loss, accuracy) == (pytest.approx(their_loss, abs=1e-6), their_accuracy), case


def test_shares_cover_every_batch_once_in_every_process() -> None:
    for samples in range(1, 21):
        for size in range(1, 9):
            for world in (1, 2, 3):
                ranks = [shares(order(samples), size, rank=r, world=world) for r in range(world)]
                assert len({len(batches) for batches in ranks}) == 1
                seen = []
                for batch in zip(*ranks, strict=True):
                    counted = [int(i) for share in batch for i in share.indices[: share.count]]
                    assert sum(share.weight for share in batch) == pytest.approx(world)
                    assert all(len(share.indices) for share in batch)
                    assert size == 1 or samples == 1 or len(counted) > 1
                    seen += counted
                assert sorted(seen) == list(range(samples))


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    alone = trained(1, "(1, 5, 9)", "(2, 4)", tmp_path / "one.pt")
    same(alone, trained(2, "(1, 5, 9)", "(2, 4)", tmp_path / "two.pt"))


@pytest.mark.slow
def test_two_processes_that_accumulate_train_as_one_with_larger_batches(tmp_path: Path) -> None:
    alone = trained(1, "(5, 9, 16)", "(4, 8)", tmp_path / "one.pt")
    same(alone, trained(2, "(5, 9, 16)", "(2, 4)", tmp_path / "two.pt", accumulate=2))


def test_two_processes_that_train_step_by_step(tmp_path: Path) -> None:
    alone = trained(1, "(9,)", "(4, 8)", tmp_path / "one.pt", algorithm="sltt")
    same(alone, trained(2, "(9,)", "(2, 4)", tmp_path / "two.pt", accumulate=2, algorithm="sltt"))


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 3])
def test_all_sizes_train_as_one_process_does(world: int, tmp_path: Path) -> None:
    alone = trained(1, "range(1, 21)", "range(1, 9)", tmp_path / "one.pt")
    same(alone, trained(world, "range(1, 21)", "range(1, 9)", tmp_path / "several.pt"))
