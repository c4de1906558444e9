"""Batches whose gradients make one step train as one batch of all their samples does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug import Registry, run
from snnplug.engine.data import order, shares


def trained(recipe: dict[str, Any], registry: Registry, out: Path, **train: Any) -> Any:
    """Return the weights and epochs of a training without a search."""
    plain = {name: table for name, table in recipe.items() if name != "search"}
    optimizer = {"use": "sgd", "lr": 0.1, "momentum": 0.9}
    settings = {"epochs": 3, "optimizer": optimizer, "schedule_by": "batch", **train}
    done = run({**plain, "architecture": {"use": "toy"}, "train": settings}, out=out, registry=registry)
    return done.model().state_dict(), done.metrics


@pytest.mark.parametrize(("batch_size", "accumulate"), [(2, 4), (5, 3), (1, 31)])
def test_accumulated_batches_equal_one_batch(
    batch_size: int, accumulate: int, toy_registry: Registry, toy_recipe: dict[str, Any], tmp_path: Path
) -> None:
    """Of 32 samples, also where a last step has fewer batches and a last batch fewer samples."""
    apart, epochs = trained(
        toy_recipe, toy_registry, tmp_path / "apart", batch_size=batch_size, accumulate=accumulate
    )
    together, wanted = trained(
        toy_recipe, toy_registry, tmp_path / "together", batch_size=batch_size * accumulate
    )
    for name, value in together.items():
        torch.testing.assert_close(apart[name], value, rtol=1e-6, atol=1e-6)
    for one, other in zip(epochs, wanted, strict=True):
        assert (one.loss, one.gradient_norm) == pytest.approx((other.loss, other.gradient_norm), abs=1e-6)
        assert (one.accuracy, one.lr) == (other.accuracy, other.lr)


def test_every_step_has_the_samples_of_the_larger_batch() -> None:
    for samples in range(1, 30):
        for size in range(1, 6):
            for accumulate in (1, 2, 3):
                apart = shares(order(samples), size, accumulate=accumulate)
                steps: dict[int, list[int]] = {}
                for share in apart:
                    steps.setdefault(share.step, []).extend(share.indices.tolist())
                    assert share.first == (len(steps[share.step]) == len(share.indices))
                wanted = [s.indices.tolist() for s in shares(order(samples), size * accumulate)]
                assert list(steps.values()) == wanted
                assert [share.step for share in apart if share.last] == list(steps)
                for step in steps:
                    assert sum(s.weight for s in apart if s.step == step) == pytest.approx(1)


def test_mixed_images_are_mixed_batch_by_batch(tmp_path: Path) -> None:
    recipe = {
        "dataset": {"use": "digits", "augment": ["mixup"]},
        "encoder": {"use": "direct", "steps": 1},
        "neuron": {"use": "relu"},
        "architecture": {"use": "vgg", "layers": [8, "M"]},
        "loss": {"use": "tet", "label_smoothing": 0.1},
        "train": {"epochs": 2, "batch_size": 32, "accumulate": 2},
    }
    assert run(recipe, out=tmp_path / "run").summary["accuracy"]["test"] > 0.3
