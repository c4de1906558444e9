"""The network of a run, tried out before the work starts."""

from __future__ import annotations

import random

import torch

from snnplug.engine.parts import Parts
from snnplug.errors import ContractError

__all__ = ["check_composition"]

_SAMPLES = 3  # genotypes tried: a neuron may fit some networks of a space and not others


def check_composition(parts: Parts) -> None:
    """Push one input of zeros through encoder, network and loss.

    Raises:
        ContractError: they do not fit each other.
    """
    rng, space = random.Random(0), parts.space
    genotypes = [None] if space is None else [space.sample(rng) for _ in range(_SAMPLES)]
    expected = (parts.task.steps, 2, parts.task.classes)
    for genotype in genotypes:
        model = parts.network(genotype, "check")
        with torch.no_grad():
            outputs = model(parts.sample(2))
            if tuple(outputs.shape) != expected:
                raise ContractError(
                    f"the network must return [T, B, K] = {list(expected)} for 2 samples, "
                    f"got {list(outputs.shape)}"
                )
            if parts.loss is not None:
                parts.loss(outputs, torch.zeros(2, dtype=torch.long, device=outputs.device))
