"""Counting the spikes of a whole network and nothing else, at a fraction of what recording costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.watch import watch_spikes

__all__ = ["SpikeTotal", "count_spikes"]

_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)


class SpikeTotal:
    """Sums over all layers, steps and samples since the counting began.

    A value counts as that many spikes, 0 as none.

    Args:
        of: sums whose parts are added up, in any order with the same result.
    """

    def __init__(self, of: Iterable[SpikeTotal] = ()) -> None:
        self._neurons: list[float | Tensor] = []
        self._pools: list[float | Tensor] = []
        for one in of:
            self._neurons += one._neurons
            self._pools += one._pools

    @property
    def neurons(self) -> float:
        """What neurons have sent."""
        return _sum(self._neurons)

    @property
    def pools(self) -> float:
        """What max pools have passed on; some papers count it beside what neurons send.

        0 where a neuron of the network sends analog values, which a pool does not tell from spikes.
        """
        return _sum(self._pools)

    def add_neuron(self, name: str, spikes: Tensor) -> None:
        """Count spikes `[t, B, *]` of a layer of neurons."""
        self._neurons.append(_spikes_of(spikes))

    def add_pool(self, module: nn.Module, args: object, out: Tensor) -> None:
        """Count what a max pool has passed on."""
        self._pools.append(_spikes_of(out))


def _spikes_of(x: Tensor) -> float | Tensor:
    """Return the sum of a layer's outputs.

    A GPU would be waited for. On a CPU a tensor that is kept lies among the large ones that come and go, and
    the memory around it would not be used again.
    """
    total = x.detach().sum(dtype=torch.float64)
    return total.item() if total.device.type == "cpu" else total


def _sum(parts: list[float | Tensor]) -> float:
    if tensors := [part for part in parts if isinstance(part, Tensor)]:
        parts[:] = [*(part for part in parts if not isinstance(part, Tensor)), *torch.stack(tensors).tolist()]
    terms = [float(part) for part in parts]
    exact = all(map(math.isfinite, terms))  # rounded once, so the same in any order
    return math.fsum(terms) if exact else sum(terms)


@contextmanager
def count_spikes(model: nn.Module) -> Iterator[SpikeTotal]:
    """Count the spikes of a model inside the block.

    Args:
        model: called with `[T, B, *]` as often as wanted; in training too, gradients are not touched.

    Yields:
        The sums, which may be read at any time.
    """
    total = SpikeTotal()
    watch = watch_spikes(model, total.add_neuron)
    analog = any(isinstance(part, SpikingNeuron) and part.analog for part in model.modules())
    pools = [] if analog else [part for part in model.modules() if isinstance(part, _POOLS)]
    hooks = [pool.register_forward_hook(total.add_pool) for pool in pools]
    try:
        yield total
    finally:
        for hook in hooks:
            hook.remove()
        watch.remove()
