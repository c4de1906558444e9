"""The spike recorder: what a network did, counted exactly.

    with record(model) as activity:
        model(inputs)                      # as many batches as wanted
    activity.spikes_per_sample

Every neuron's output is seen, through `forward` and through `step`, and every synaptic
layer's input (convolution and linear). A neuron inside a neuron is part of it and not
seen again. An input that holds only whole numbers is spikes: each counts with its true
fan-out, so a spike at the border of a padded image counts less. Any other input is
analog and is billed in multiply-accumulates, for as many passes as the layer really made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.contracts.activity import Activity, NeuronActivity, SynapseActivity
from snnplug.nn.fan_out import fan_out
from snnplug.nn.layers import SYNAPTIC
from snnplug.nn.memory_format import flat_samples
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.time import StepwiseBatchNorm2d
from snnplug.nn.watch import SpikeObserver, outermost, watch_spikes

__all__ = ["record"]


_FREE = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, StepwiseBatchNorm2d)  # foldable


class _Recorder:
    def __init__(self, model: nn.Module, on_spikes: SpikeObserver | None, raster: int) -> None:
        self.activity = Activity()
        self.model, self.on_spikes, self.raster = model, on_spikes, raster
        self.batch = 0
        self.steps = 1
        self.calls: dict[str, int] = {}
        self.neurons: dict[str, SpikingNeuron] = {}
        self.fan_outs: dict[tuple[str, tuple[int, ...]], Tensor] = {}
        self.undo: list[Callable[[], None]] = []

    def attach(self) -> None:
        self._hook(self.model.register_forward_pre_hook(self._start_batch))
        for name, module in outermost(self.model, (SpikingNeuron, *SYNAPTIC)):
            if isinstance(module, SpikingNeuron):
                self.neurons[name] = module
            elif isinstance(module, SYNAPTIC):
                self._hook(module.register_forward_pre_hook(self._synapse_hook(name, module)))
            elif next(module.parameters(recurse=False), None) is not None and not isinstance(module, _FREE):
                self.activity.uncounted[name] = type(module).__name__
        self._hook(watch_spikes(self.model, self._saw_spikes))

    def _hook(self, handle: Any) -> None:
        self.undo.append(handle.remove)

    def _start_batch(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self.steps, self.batch = args[0].shape[:2]
        self.activity.steps = max(self.activity.steps, self.steps)
        self.activity.samples += self.batch
        self.calls.clear()

    def _advance(self, name: str, steps: int) -> int:
        """Return the time step at which a call of `steps` steps begins; a second pass begins at 0 again."""
        start = self.calls.get(name, 0) % self.steps
        if start + steps > self.steps:
            start = 0
        self.calls[name] = start + steps
        return start

    @torch.no_grad()
    def _saw_spikes(self, name: str, spikes: Tensor) -> None:
        """Take spikes `[t, B, *]`: all steps of a sequence, or one."""
        neuron = self.neurons[name]
        layer = self.activity.neurons.setdefault(name, NeuronActivity(name, graded=neuron.graded))
        spikes = spikes.detach()
        t0 = self._advance(name, len(spikes))
        counted = spikes if not neuron.graded else spikes.to(torch.bool).to(spikes.dtype)
        layer.size = spikes[0, 0].numel()
        layer.updates += spikes.numel()
        _add(layer.spikes, t0, _count(counted))
        if self.raster and self.activity.samples == self.batch:
            layer.raster += spikes[:, 0].flatten(1)[:, : self.raster].tolist()
        if self.on_spikes is not None:
            self.on_spikes(name, spikes)

    def _synapse_hook(self, name: str, layer: nn.Module) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        @torch.no_grad()
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            x = self._with_time_axis(layer, args[0].detach())
            seen = self.activity.synapses.get(name)
            if seen is None:  # not earlier: a lazy layer has no shape until its first call
                count = sum(p.numel() for p in layer.parameters())
                seen = self.activity.synapses[name] = SynapseActivity(name, type(layer).__name__, count)
            shape = tuple(x.shape[2:])
            if (name, shape) not in self.fan_outs:
                self.fan_outs[name, shape] = fan_out(layer, shape).to(x.device)
            taps = self.fan_outs[name, shape]
            t0 = self._advance(name, len(x))
            seen.analog = seen.analog or not torch.equal(x, x.round())
            _add(seen.events, t0, _count(x.to(torch.bool).to(torch.float32)))
            _add(seen.operations, t0, (x.abs().sum(1, dtype=torch.float64) * taps).flatten(1).sum(1))
            seen.macs += float((taps.expand(shape)).sum()) * x.shape[0] * x.shape[1]

        return hook

    def _with_time_axis(self, layer: Any, x: Tensor) -> Tensor:
        """Return a layer's input as `[t, B, *]`: all steps, or one step of a step-by-step or static pass."""
        if isinstance(layer, nn.Linear) and x.ndim > 2 and x.shape[:2] == (self.steps, self.batch):
            return x  # applied to [T, B, N] without folding
        if not isinstance(layer, nn.Linear) and x.ndim < layer.weight.ndim:
            x = x.unsqueeze(0)  # one sample without a batch axis
        steps = 1
        if self.batch and len(x) % (self.steps * self.batch) == 0:
            steps = self.steps
        elif self.batch and len(x) % self.batch == 0 and len(x) < self.steps * self.batch:
            steps = len(x) // self.batch
        return x.reshape(steps, -1, *x.shape[1:])

    def detach(self) -> None:
        for undo in reversed(self.undo):
            undo()


def _count(ones: Tensor) -> Tensor:
    """Return how many of the values of each step of `[t, B, *]` are 1, exactly; the others are 0."""
    exact = ones[0, 0].numel() <= 2**24 and ones.dtype in (torch.float32, torch.float64)
    # a sum of a sample's float32 ones is exact and needs no copy in float64
    return flat_samples(ones).sum(2, dtype=None if exact else torch.float64).sum(1, dtype=torch.float64)


def _add(totals: list[float], start: int, values: Tensor) -> None:
    numbers = values.tolist()
    totals.extend([0.0] * (start + len(numbers) - len(totals)))
    for i, number in enumerate(numbers):
        totals[start + i] += number


@contextmanager
def record(
    model: nn.Module, *, on_spikes: SpikeObserver | None = None, raster: int = 0
) -> Iterator[Activity]:
    """Record what a model does inside the block.

    Args:
        model: called with `[T, B, *]`; every call is one batch.
        on_spikes: called with a layer's name and its spikes `[t, B, *]` as they come, t being
            all steps of a sequence or a single one; for scorers that need the patterns.
        raster: keep the spikes of this many neurons per layer for the first sample.

    Yields:
        The activity, complete when the block ends.
    """
    recorder = _Recorder(model, on_spikes, raster)
    recorder.attach()
    try:
        yield recorder.activity
    finally:
        recorder.detach()
