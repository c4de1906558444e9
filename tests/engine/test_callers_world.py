"""`snnplug.run` inside a program with settings of its own, and from a program that is no file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import snnplug
from snnplug import DatasetSpec, Registry, Splits, Task

HERE = Path(__file__).parent


@contextlib.contextmanager
def double() -> Any:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def half() -> Any:
    torch.set_default_dtype(torch.bfloat16)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS: dict[str, Callable[[], Any]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64": double,
    "bfloat16": half,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import toys

    return snnplug.run(
        toys.RECIPE, out=tmp_path_factory.mktemp("usual") / "run", registry=toys.toy_registry()
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_the_callers_settings_change_nothing(
    name: str, usual: Any, toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    image = torch.rand(2, 1, 4, 4)
    with SETTINGS[name]():
        before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        done = snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry)
        loaded = snnplug.load(tmp_path / "run", registry=toy_registry)
        found = loaded.predict(image)
        assert before == (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
        )
    for key in ("accuracy", "spikes_per_sample", "energy", "epochs"):
        assert done.summary[key] == usual.summary[key]
    assert torch.equal(found.labels, usual.predict(image).labels)


def test_mixed_precision_inside_the_callers_autocast(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    toy_recipe["train"]["precision"] = "bf16-mixed"
    alone = snnplug.run(toy_recipe, out=tmp_path / "alone", registry=toy_registry)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = snnplug.run(toy_recipe, out=tmp_path / "inside", registry=toy_registry)
        assert torch.is_autocast_enabled("cpu")
    for key in ("accuracy", "spikes_per_sample", "epochs"):
        assert inside.summary[key] == alone.summary[key]
    losses = [[epoch.loss for epoch in run.metrics] for run in (alone, inside)]
    assert losses[0] == losses[1]


def test_data_in_double_precision_is_taken(
    toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    import toys

    def doubles() -> Splits:
        splits = toys.toy_data()
        for part in (splits.train, splits.val, splits.test):
            part.images = part.images.double()
        return Splits(task=Task(input_shape=(1, 4, 4), classes=2), **vars_of(splits))

    toy_registry.register(DatasetSpec(name="doubles", target=doubles, summary="In float64."))
    toy_recipe["dataset"] = {"use": "doubles"}
    assert snnplug.run(toy_recipe, out=tmp_path / "run", registry=toy_registry).summary["epochs"] == 4


def vars_of(splits: Splits) -> dict[str, Any]:
    return {"train": splits.train, "val": splits.val, "test": splits.test}


FROM_STDIN = """
import sys
sys.path.insert(0, {here!r})
import toys, snnplug

if __name__ == "__main__":
    recipe = {{**toys.RECIPE, "search": {{**toys.RECIPE["search"], "workers": 2}}}}
    done = snnplug.run(recipe, out={out!r}, registry=toys.toy_registry())
    print(done.summary["search"]["evaluated"])
"""


def test_workers_of_a_program_from_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-"],
        input=FROM_STDIN.format(here=str(HERE), out=str(tmp_path / "run")),
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5
