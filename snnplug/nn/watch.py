"""Seeing the spikes of every neuron of a model as they come, with their gradient.

    watch = watch_spikes(model, callback)    # callback(name, spikes [t, B, *])
    model(inputs)
    watch.remove()

Neurons are seen through `forward`, all steps at once, and through `step`, one at a time. A
neuron inside a neuron is part of it and not seen again, and one that sends analog values has no
spikes to be seen. Any number may watch a model, and stop in any order; when the last has
stopped, the model is as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeAlias

import attrs
import torch
from torch import Tensor, nn

from snnplug.nn.naming import outermost, plain_name
from snnplug.nn.neuron import SpikingNeuron, State
from snnplug.nn.rerun import is_again

__all__ = ["SpikeObserver", "SpikeWatch", "repeat_spikes", "watch_spikes"]

SpikeObserver: TypeAlias = Callable[[str, Tensor], None]


@attrs.define(eq=False)
class _Observer:
    """Who watches a neuron.

    Attributes:
        saw: called with its spikes `[t, B, *]`.
        entered: called before it runs, with its current and its state, None for what is not given as such,
            and whether it runs a single step.
        left: called after it has run, with the spikes and the state that it returned, None after an
            exception, and whether it ran a single step.
    """

    saw: Callable[[Tensor], None]
    entered: Callable[[Tensor | None, State | None, bool], None] | None = None
    left: Callable[[Tensor | None, State | None, bool], None] | None = None


class _Watched:
    """The one wrapper around a neuron, shared by all who watch it."""

    def __init__(self, neuron: SpikingNeuron) -> None:
        self.neuron, self.original = neuron, neuron.step
        self.before = neuron.__dict__.get("step")  # set on the neuron itself by somebody else
        self.observers: list[_Observer] = []
        self.inside = False
        self.hooks = [
            neuron.register_forward_pre_hook(self.enter, with_kwargs=True),
            neuron.register_forward_hook(self.leave, always_call=True),  # after an exception too
        ]
        neuron.step = self.step  # type: ignore[method-assign]

    @classmethod
    def around(cls, neuron: SpikingNeuron) -> _Watched:
        found = getattr(neuron.__dict__.get("step"), "__self__", None)
        return found if isinstance(found, cls) else cls(neuron)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "observers": []}  # nobody watches a copy

    def step(self, *args: Any, **kwargs: Any) -> tuple[Tensor, State]:
        if self.inside or is_again():
            return self.original(*args, **kwargs)
        self.enter(self.neuron, args, kwargs, step=True)
        try:
            spikes, state = self.original(*args, **kwargs)
        except BaseException:
            self.end(None)
            raise
        self.end(spikes, state, step=True)
        return spikes, state

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, step: bool = False
    ) -> None:
        self.inside = True
        given = {**dict(zip(("x", "state"), args, strict=False)), **kwargs}
        for observer in tuple(self.observers):
            if observer.entered is not None:
                observer.entered(given.get("x"), given.get("state"), step)

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.end(*(output if isinstance(output, tuple) else (output,)))

    def end(self, spikes: Tensor | None, state: State | None = None, *, step: bool = False) -> None:
        self.inside = False
        if spikes is not None:
            self.tell(spikes, step=step)
        for observer in tuple(self.observers):
            if observer.left is not None:
                observer.left(spikes, state, step)

    def tell(self, spikes: Tensor, *, step: bool = False) -> None:
        if is_again():
            return
        # what observers compute is no work of the network, so nobody who sees operations sees theirs
        seen = any(observer.left is not None for observer in self.observers)
        with torch._C._DisableTorchDispatch() if seen else nullcontext():
            sequence = spikes.unsqueeze(0) if step else spikes
            for observer in tuple(self.observers):
                observer.saw(sequence)

    def stop(self, observer: _Observer) -> None:
        self.observers.remove(observer)
        if not self.observers:
            del self.neuron.step
            if self.before is not None:
                self.neuron.step = self.before  # type: ignore[method-assign]
            for hook in self.hooks:
                hook.remove()


def repeat_spikes(neuron: SpikingNeuron, spikes: Tensor) -> None:
    """Show whoever watches a neuron spikes `[t, B, *]` that it would have sent, had it been run."""
    found = getattr(neuron.__dict__.get("step"), "__self__", None)
    if isinstance(found, _Watched):
        found.tell(spikes)


class SpikeWatch:
    """What `watch_spikes` returns: it lasts until `remove` is called.

    Args:
        model: see `watch_spikes`.
        callback: see `watch_spikes`.
        entered: called with a neuron's name before it runs, with its current and its state, None for what
            is not given as such, and whether it runs a single step.
        left: called with its name after it has run, with the spikes and the state that it returned, None
            after an exception, and whether it ran a single step.
        analog: see neurons that send analog values too, as if these were spikes.
    """

    def __init__(
        self,
        model: nn.Module,
        callback: SpikeObserver,
        *,
        analog: bool = False,
        entered: Callable[[str, Tensor | None, State | None, bool], None] | None = None,
        left: Callable[[str, Tensor | None, State | None, bool], None] | None = None,
    ) -> None:
        self._watched: list[tuple[_Watched, _Observer]] = []
        for name, neuron in outermost(model, (SpikingNeuron,)):
            if isinstance(neuron, SpikingNeuron) and (analog or not neuron.analog):
                watched, name = _Watched.around(neuron), plain_name(name)
                observer = _Observer(
                    partial(callback, name),
                    partial(entered, name) if entered else None,
                    partial(left, name) if left else None,
                )
                watched.observers.append(observer)
                self._watched.append((watched, observer))

    def remove(self) -> None:
        """Stop watching; a second call does nothing."""
        while self._watched:
            watched, observer = self._watched.pop()
            watched.stop(observer)


def watch_spikes(model: nn.Module, callback: SpikeObserver) -> SpikeWatch:
    """Show a callback every spike of a model from now on.

    Args:
        model: its neurons are watched; one that it gets later is not.
        callback: called with a neuron's name and its spikes `[t, B, *]`, t being all steps of a
            sequence or a single one. They are part of the graph: a loss on them trains the model.

    Returns:
        A handle; call its `remove` when done. A copy of the model is not watched.
    """
    return SpikeWatch(model, callback)
