"""The network of a run, tried out before the work starts."""

from __future__ import annotations

import json
import random
from typing import Any

import torch
from torch import Tensor

from snnplug.engine.diagnosis import looking
from snnplug.engine.parts import Parts
from snnplug.errors import ContractError, one_line
from snnplug.registry.contain import calling, refuse, title

__all__ = ["check_composition"]

_SAMPLES = 3  # genotypes tried: a neuron may fit some networks of a space and not others


def check_composition(parts: Parts) -> None:
    """Push one input of zeros through encoder, network and loss.

    Raises:
        ContractError: they do not fit each other.
    """
    expected = (parts.task.steps, 2, parts.task.classes)
    for genotype in _genotypes(parts):
        model = parts.network(genotype, "check")
        with torch.no_grad(), looking(model) as faults:
            x = parts.sample(2)
            outputs = parts.calls.network(model, x)
            if tuple(outputs.shape) != expected:
                raise ContractError(
                    f"the network must return [T, B, K] = {list(expected)} for 2 samples, "
                    f"got {list(outputs.shape)}{_by(parts)}"
                )
            if faults or not bool(outputs.isfinite().all()):
                parts.calls.refuse_network(model, x, outputs)
            if parts.loss is not None:
                parts.calls.loss(outputs, torch.zeros(2, dtype=torch.long, device=outputs.device))
                parts.calls.readout(outputs)
                _check_mix(parts, outputs)


def _check_mix(parts: Parts, outputs: Tensor) -> None:
    """Let the loss take class probabilities where training batches are mixed."""
    if parts.loss is None or getattr(parts.splits.train, "mix", None) is None:
        return
    try:
        parts.loss(outputs, torch.full_like(outputs[0], 1 / outputs.shape[2]))
    except Exception as error:  # a loss may fail in any way
        raise ContractError(
            f"{title(parts.plan['loss'])} does not take the class probabilities [B, K] that "
            f"{title(parts.plan['dataset'])} makes of mixed images ({one_line(error)}); choose another loss, "
            "or leave what mixes labels, as mixup and cutmix do, out of dataset.augment"
        ) from error


def _by(parts: Parts) -> str:
    return "" if parts.calls.root is None else f" from {title(parts.calls.root)}"


def _genotypes(parts: Parts) -> list[Any]:
    """Return some genotypes of the space, plain JSON as they have to be; None where there is none."""
    rng, space, component = random.Random(0), parts.space, parts.calls.root
    if space is None:
        return [None]
    with calling(component, "genotypes of plain JSON, and a text as the key of each"):
        genotypes = [space.sample(rng) for _ in range(_SAMPLES)]
        for genotype in genotypes:
            json.dumps(genotype, allow_nan=False)
            if not isinstance(key := space.key(genotype), str):
                refuse(component, "a text as the key of a genotype", key)
    return genotypes
