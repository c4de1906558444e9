"""What the neurons of a network send, and at which time step each of them is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from snnplug.contracts.activity import Activity, NeuronActivity
from snnplug.nn.code import WindowNeuron
from snnplug.nn.memory_format import flat_samples
from snnplug.nn.neuron import SpikingNeuron, State
from snnplug.nn.recording.decoded import SpikeCounts
from snnplug.nn.recording.inert import Inert
from snnplug.nn.recording.ledger import Ledger
from snnplug.nn.recording.operations import Operations
from snnplug.nn.recording.origin import Steps, start_of
from snnplug.nn.recording.tally import add_up, is_binary
from snnplug.nn.watch import SpikeObserver

__all__ = ["Neurons"]

_binary: set[Hashable] = set()  # kinds of calls whose neurons have sent 0 and 1 alone in this process


class Neurons:
    """Counts spikes; the callbacks are those of `snnplug.nn.watch.SpikeWatch`.

    Args:
        modules: of the network, by name.
        activity: where the sums go.
        operations: sees what the neurons do.
        ledger: gets what they multiply elementwise.
        on_spikes, raster: see `snnplug.nn.record`.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        activity: Activity,
        operations: Operations,
        ledger: Ledger,
        on_spikes: SpikeObserver | None,
        raster: int,
    ) -> None:
        self.neurons = {
            name: _Neuron(part) for name, part in modules.items() if isinstance(part, SpikingNeuron)
        }
        self.activity, self.operations, self.origins = activity, operations, operations.origins
        self.ledger, self.on_spikes, self.raster = ledger, on_spikes, raster
        self.inert = Inert()
        self._calls: Counter[str] = Counter()
        self._states: dict[int, tuple[str, Steps]] = {}  # what they returned, by the mark on their potential
        self._start: int | None = None  # of the neuron at work: the step at which it is; None: unknown
        self._delay = 0  # of the neuron at work: time steps of the windows that its current has waited for
        self._counts: Tensor | None = None  # of the neuron at work: for how many spikes its values stand
        self._blind: Any = None  # while a neuron is at work that makes no product
        self._passes = 0

    def begin(self, *, first: bool) -> None:
        """Begin a pass: the first of its samples, or one that goes on with a stream."""
        self._passes += first
        self._calls.clear()
        self._states.clear()

    def entered(self, name: str, current: Tensor | None, state: State | None, step: bool) -> None:
        """Begin a call of a neuron."""
        self.operations.scope.neuron = name
        self.operations.weighted = 0
        start, after = self._step_of(current), self._after(name, state)
        held = self.origins.steps(current)
        self._delay = 0 if held is None else held.delay
        self._start = after or None if start is None else max(start, after)
        neuron = self.neurons[name]
        if current is not None and self.inert.enter(
            name, neuron.module, current, step=step, fresh=state is None
        ):
            self._blind = self.operations.blind()
        if not neuron.known and self.inert.kind in _binary:
            neuron.binary = neuron.known = True

    def _step_of(self, x: Tensor | None) -> int | None:
        steps = self.origins.steps(x)
        return None if x is None or steps is None else start_of(x, steps)

    def _after(self, name: str, state: State | None) -> int:
        """Return the step after the one in which this neuron has returned a state; 0 for any other state."""
        if state is None:
            return 0
        v = state[0] if isinstance(state, tuple) and state else None
        held = self.origins.steps(v)
        known = self._states.get(id(held))
        return known[1].start + 1 if known is not None and known[0] == name and known[1] is held else 0

    def saw(self, name: str, spikes: Tensor) -> None:
        """Take spikes `[t, B, *]`, all steps of a sequence or one, of a neuron at work or in place of one."""
        if self.operations.scope.neuron != name:
            self._start = self._step_of(spikes)
        spikes = spikes.detach()
        if self._start is None:
            self._start = self._next(name, len(spikes))
        neuron = self.neurons[name]
        if neuron.module.analog:
            return
        layer = self.activity.neurons.get(name)
        if layer is None:
            graded, levels = neuron.module.graded, neuron.module.levels
            layer = self.activity.neurons[name] = NeuronActivity(name, graded=graded, levels=levels)
        layer.size = spikes.shape[2:].numel()
        layer.updates += spikes.numel()
        counted, self._counts = neuron.read(spikes)
        sums = _count(counted)
        add_up(layer.spikes, sums, self._start)
        unseen = not neuron.known and (any(sums) or self._passes <= 1)
        if unseen and neuron.look(spikes, silent=not any(sums)) and self.inert.kind is not None:
            _binary.add(self.inert.kind)
        if self.raster and self._passes <= 1:
            layer.raster += spikes[:, 0].flatten(1)[:, : self.raster].tolist()
        if self.on_spikes is not None:
            with torch.no_grad():
                self.on_spikes(name, spikes)

    def _next(self, name: str, steps: int) -> int:
        """Return the step of a call of which nothing is known: the one after the last call's."""
        start = self._calls[name]
        if start + steps > self.operations.flow.steps:
            start = 0
        self._calls[name] = start + steps
        return self.operations.flow.start + start

    def left(self, name: str, spikes: Tensor | None, state: State | None, step: bool) -> None:
        """End a call of a neuron."""
        self.operations.scope.neuron = None
        if self._blind is not None:
            self._blind.__exit__(None, None, None)
            self._blind = None
        if spikes is None or self._start is None:
            return
        if self.operations.weighted > spikes.numel():  # once is its update, more is a filter
            self.ledger.weigh(name, self.operations.weighted)
        else:
            self.inert.leave()
        counts = self._counts[0] if step and self._counts is not None else self._counts
        neuron = self.neurons[name]
        binary = self._counts is None and neuron.binary
        length = 1 if step else len(spikes)
        stride, offset = (0, 0) if length == 1 else (spikes.stride(0), int(spikes.storage_offset()))
        delay = self._delay + (neuron.module.slots if isinstance(neuron.module, WindowNeuron) else 0)
        self.activity.windows = max(self.activity.windows, delay)
        analog = neuron.module.analog
        self.origins.note(spikes, Steps(self._start, length, stride, offset, counts, binary, delay, analog))
        last = Steps(self._start + length - 1, delay=delay)
        for field in state if isinstance(state, tuple) else ():
            if isinstance(field, Tensor):
                self.origins.note(field, last)
                self._states[id(last)] = name, last


class _Neuron:
    """How the values that a neuron sends are read.

    Attributes:
        module: itself.
        binary: they are 0 and 1, as a neuron that is not graded declares: whether its first spikes were.
        known: its first spikes were seen, or it is graded.
    """

    def __init__(self, module: SpikingNeuron) -> None:
        self.module = module
        self.binary = False
        self.known = module.graded
        says = hasattr(type(module), SpikeCounts.spike_counts.__name__)  # isinstance takes ten times as long
        self._counts = cast(SpikeCounts, module).spike_counts if says else None

    def read(self, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what adds up to the spikes, and for how many each value stands where it does not say so."""
        if self._counts is not None:
            with torch.no_grad():
                counts = self._counts(values)
            return counts, counts
        if self.module.graded:
            each = torch.where(values == values.round(), values.abs(), 1.0)
            return values.to(torch.bool).to(values.dtype), each
        return values, None

    def look(self, values: Tensor, *, silent: bool) -> bool:
        """See whether the values, which may add up to nothing, are 0 and 1; silence is, but says nothing.

        Returns:
            Whether they are, and say so.
        """
        self.binary = not bool(values.any()) if silent else is_binary(values)
        self.known = not (self.binary and silent)
        return self.binary and self.known


def _count(spikes: Tensor) -> list[float]:
    """Return the sum of the values of each step of `[t, B, *]`, exactly if they are 0 and 1."""
    if not spikes.numel():
        return [0.0] * len(spikes)
    exact = spikes.numel() <= 2**24 * len(spikes) and spikes.dtype in (torch.float32, torch.float64)
    if exact and len(spikes) == 1:
        return [float(spikes.sum())]
    flat = flat_samples(spikes)
    # the sum of float32 ones is exact up to 2^24 and needs no copy in float64
    sums = flat.sum((1, 2)) if exact else flat.sum(2, dtype=torch.float64).sum(1)
    return sums.tolist()
