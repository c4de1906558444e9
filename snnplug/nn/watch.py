"""Seeing the spikes of every neuron of a model as they come, with their gradient.

    watch = watch_spikes(model, callback)    # callback(name, spikes [t, B, *])
    model(inputs)
    watch.remove()

Neurons are seen through `forward`, all steps at once, and through `step`, one at a time. A
neuron inside a neuron is part of it and not seen again. Any number may watch a model, and
stop in any order; when the last has stopped, the model is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from torch import Tensor, nn

from snnplug.nn.neuron import SpikingNeuron, State

__all__ = ["SpikeObserver", "SpikeWatch", "outermost", "repeat_spikes", "watch_spikes"]

SpikeObserver: TypeAlias = Callable[[str, Tensor], None]


def outermost(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module once, by name, not looking inside modules of some kinds."""
    inner: tuple[str, ...] = ()
    for name, part in module.named_modules():
        if name.startswith(inner):
            continue
        yield name, part
        if isinstance(part, kinds):
            inner = (*inner, f"{name}." if name else "")


class _Watched:
    """The one wrapper around a neuron, shared by all who watch it."""

    def __init__(self, neuron: SpikingNeuron) -> None:
        self.neuron, self.original = neuron, neuron.step
        self.before = neuron.__dict__.get("step")  # set on the neuron itself by somebody else
        self.observers: list[Callable[[Tensor], None]] = []
        self.inside = False
        self.hooks = [
            neuron.register_forward_pre_hook(self.enter),
            neuron.register_forward_hook(self.leave, always_call=True),  # after an exception too
        ]
        neuron.step = self.step  # type: ignore[method-assign]

    @classmethod
    def around(cls, neuron: SpikingNeuron) -> _Watched:
        found = getattr(neuron.__dict__.get("step"), "__self__", None)
        return found if isinstance(found, cls) else cls(neuron)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "observers": []}  # nobody watches a copy

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        spikes, state = self.original(x, state)
        if not self.inside:
            self.tell(spikes.unsqueeze(0))
        return spikes, state

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self.inside = True

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.inside = False
        if output is not None:
            self.tell(output[0] if isinstance(output, tuple) else output)

    def tell(self, spikes: Tensor) -> None:
        for observer in tuple(self.observers):
            observer(spikes)

    def stop(self, observer: Callable[[Tensor], None]) -> None:
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
    """What `watch_spikes` returns: it lasts until `remove` is called."""

    def __init__(self, model: nn.Module, callback: SpikeObserver) -> None:
        self._watched: list[tuple[_Watched, Callable[[Tensor], None]]] = []
        for name, neuron in outermost(model, (SpikingNeuron,)):
            if isinstance(neuron, SpikingNeuron):
                watched, observer = _Watched.around(neuron), partial(callback, name)
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
