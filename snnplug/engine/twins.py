"""Layers of neurons that send identical spikes, such as those of two edges that leave the same node.

Where each edge of a cell begins with neurons of its own, as in SNASNet, edges from one node have neurons of
the same current. Counts of spikes and of neurons, ours as the published ones, take each of them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.engine.data import some
from snnplug.engine.parts import Parts
from snnplug.nn import seeded, watch_spikes
from snnplug.nn.mode import evaluating
from snnplug.seeds import derive_seed

__all__ = ["twins"]

_SAMPLES = 32  # on which spikes have to be equal


@torch.no_grad()
def twins(parts: Parts, model: nn.Module) -> tuple[tuple[str, ...], ...]:
    """Return groups of layers, by name, that send the same spikes for some samples; not silent ones."""
    seen: dict[str, Any] = {}
    loud: set[str] = set()
    split = parts.splits.measured
    indices = some(len(split), _SAMPLES, derive_seed(parts.seed, "twins"))

    def note(name: str, spikes: Tensor) -> None:
        content = spikes.detach().cpu().contiguous()
        digest = seen.setdefault(name, hashlib.sha256(str(content.shape[1:]).encode()))
        digest.update(content.float().numpy().tobytes())
        if content.any():
            loud.add(name)

    watch = watch_spikes(model, note)
    try:
        with evaluating(model), seeded(derive_seed(parts.seed, "twins")):
            for values, _ in parts.batches(split, [indices], "twins"):
                parts.calls.network(model, parts.encode(values, "twins"))
    finally:
        watch.remove()
    groups: dict[bytes, list[str]] = {}
    for name in filter(loud.__contains__, seen):  # in the order of the network
        groups.setdefault(seen[name].digest(), []).append(name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
