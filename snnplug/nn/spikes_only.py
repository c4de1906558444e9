"""Forward passes of which nobody reads anything but the spikes, as training-free scores make them.

    with spikes_only(), ...:
        model(inputs)                      # the output may be anything

Every neuron fires as it would otherwise, and whoever watches sees it. A model may ask by
`is_spikes_only` and leave out what no spike depends on, such as a layer behind the last
neuron, running statistics, or a second neuron that would do the same as the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

__all__ = ["is_spikes_only", "spikes_only"]

_active: ContextVar[bool] = ContextVar("snnplug_spikes_only", default=False)


@contextmanager
def spikes_only() -> Iterator[None]:
    """Read nothing but spikes inside the block, and compute no gradients."""
    token = _active.set(True)
    try:
        with torch.no_grad():
            yield
    finally:
        _active.reset(token)


def is_spikes_only() -> bool:
    """Whether nothing but the spikes of this pass is read."""
    return _active.get()
