"""Which layer of a network broke its contract: found by running it once more and looking at every neuron.

A neuron that gives the wrong shape mostly fails in the layer behind it, and NaN is met in the loss. This
runs only where something has failed already, and on the one input that is tried before a run starts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, outermost
from snnplug.registry.component import Component
from snnplug.registry.contain import describe
from snnplug.registry.interrupts import from_a_signal

__all__ = ["Fault", "find_fault", "looking", "owner"]


@attrs.frozen
class Fault:
    """What the first layer that broke its contract was expected to give, and gave."""

    layer: str
    module: nn.Module
    expected: str
    given: str


def find_fault(model: nn.Module, x: Any) -> Fault | None:
    """Run a network on an input, and return the first layer of neurons that breaks its contract."""
    try:
        with torch.no_grad(), looking(model) as faults:
            model(x)
    except BaseException as error:  # that it fails is known
        if from_a_signal(error):
            raise
    return faults[0] if faults else None


@contextlib.contextmanager
def looking(model: nn.Module) -> Iterator[list[Fault]]:
    """Look at what every neuron of a network gives inside the block, and yield a list of what is wrong."""
    faults: list[Fault] = []
    undo: list[Callable[[], object]] = []
    for name, module in outermost(model, (SpikingNeuron,)):
        if isinstance(module, SpikingNeuron):
            hook = module.register_forward_hook(_forward_hook(name, faults))
            undo += [hook.remove, _watch_step(name, module, faults)]
    try:
        yield faults
    finally:
        for back in undo:
            back()


def _forward_hook(name: str, faults: list[Fault]) -> Any:
    def hook(module: Any, args: tuple[Any, ...], output: Any) -> None:
        spikes = output[0] if len(args) > 1 and isinstance(output, tuple) and output else output
        steps = None if module.windowed else args[0].shape[0]
        _look(name, module, args[0], spikes, (steps, *args[0].shape[1:]), faults)

    return hook


def _watch_step(name: str, module: SpikingNeuron, faults: list[Fault]) -> Callable[[], None]:
    original, before = module.step, module.__dict__.get("step")

    def step(x: Tensor, state: Any) -> Any:
        answer: Any = original(x, state)
        if isinstance(answer, tuple) and len(answer) == 2:
            _look(name, module, x, answer[0], tuple(x.shape), faults)
        else:
            faults.append(Fault(name, module, "spikes and the next state", describe(answer)))
        return answer

    def back() -> None:
        del module.step
        if before is not None:
            module.step = before  # type: ignore[method-assign]

    module.step = step  # type: ignore[method-assign]
    return back


def _look(
    name: str, module: nn.Module, x: Tensor, spikes: Any, shape: tuple[int | None, ...], faults: list[Fault]
) -> None:
    sizes = ["T" if size is None else str(size) for size in shape]
    kind = str(x.dtype).removeprefix("torch.")
    expected = f"finite spikes [{', '.join(sizes)}] of type {kind} on {x.device}"
    if not isinstance(spikes, Tensor):
        faults.append(Fault(name, module, expected, describe(spikes)))
        return
    same = len(spikes.shape) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(spikes.shape, shape, strict=True)
    )
    cast = torch.is_autocast_enabled(x.device.type)
    fits = spikes.dtype == x.dtype or (cast and spikes.is_floating_point())
    if not same or not fits or spikes.device != x.device:
        faults.append(Fault(name, module, expected, describe(spikes)))
    elif not bool(spikes.isfinite().all()) and bool(x.isfinite().all()):
        odd = spikes[~spikes.isfinite()].flatten()[0].item()
        faults.append(Fault(name, module, expected, f"the value {odd}"))


def owner(module: nn.Module, components: Iterable[Component]) -> Component | None:
    """Return the component whose class a module is of, or else from whose package it comes."""
    known = list(components)
    home = type(module).__module__
    for component in known:
        if component.load() is type(module):
            return component
    for component in known:
        target = component.load()
        if isinstance(target, type) and isinstance(module, target):
            return component
    for component in known:
        where = str(getattr(component.load(), "__module__", ""))
        if where == home or where.partition(".")[0] == home.partition(".")[0] != "snnplug":
            return component
    return None
