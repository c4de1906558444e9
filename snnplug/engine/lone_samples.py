"""Batches of one sample, of which batch norm cannot take statistics where a map has one value a channel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from snnplug.engine.parameter_groups import BATCH_NORMS
from snnplug.engine.parts import Parts
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError

__all__ = ["check_smallest_batch", "running_norms"]


@contextlib.contextmanager
def running_norms(model: nn.Module) -> Iterator[None]:
    """Let batch norms use their running statistics inside the block, for a sample that is alone."""
    norms = [m for m in model.modules() if isinstance(m, BATCH_NORMS) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


def check_smallest_batch(parts: Parts, section: TrainSection, stage: str) -> None:
    """Try a batch of one sample where every batch of a training will be one.

    Raises:
        RecipeError: batch norm refuses it.
    """
    samples = len(parts.splits.train)
    if min(section.batch_size, samples) > 1:
        return
    model = parts.example()
    try:
        with torch.no_grad():
            x = parts.sample(1)
            model(x if section.algorithm == "bptt" else x[:1])
    except ValueError as error:
        problem = (
            f"{stage}.batch_size: with {samples} training samples and {section.batch_size} in a batch every "
            f"one is of 1 sample, of which batch norm has no statistics ({error}); make it 2 or more"
        )
        raise RecipeError([problem]) from error
