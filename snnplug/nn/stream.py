"""A network step by step: what its parts remember is a value, handed in and out.

    state = start_stream(network, x[0])
    for t in range(T):
        y, state = step_stream(network, x[t], state)      # [B, *] to [B, *]
    y, state = continue_stream(network, x, state)         # [t, B, *], any number of steps

A step is the network's own `forward` on one step. While it runs, every part that remembers something takes it
from the state, and what it comes to goes into the next one; nothing stays in the network. So one state gives
one answer however often, streams may alternate, and gradients flow through the state unless it is detached.
A part that remembers is a `snnplug.nn.StatefulModule`, as every neuron is; see there how to write one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import RLock
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from snnplug.errors import ContractError
from snnplug.nn.naming import outermost_where, plain_name

__all__ = [
    "Pass",
    "StreamState",
    "continue_stream",
    "current_pass",
    "start_stream",
    "step_stream",
    "steps_before",
]


@dataclass(frozen=True, eq=False)  # not of attrs, which torch.compile cannot follow
class StreamState(Mapping[str, Any]):
    """What the parts of a network remember between two steps, by name; it can be pickled.

    A part is in it once it has run. One that runs several times in a step has an entry for each, "name#2" for
    the second.

    Attributes:
        shape: of the input of a step, `[B, *]`.
        t: number of steps so far.
        parts: the entries.
    """

    shape: tuple[int, ...]
    t: int = 0
    parts: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def to(self, device: torch.device | str) -> StreamState:
        """Return it on another device."""
        return self._each(lambda x: x.to(device))

    def detach(self) -> StreamState:
        """Return it cut from the graph, for truncated backpropagation through time."""
        return self._each(Tensor.detach)

    def _each(self, change: Callable[[Tensor], Tensor]) -> StreamState:
        return StreamState(self.shape, self.t, tree_map_only(Tensor, change, dict(self.parts)))


class Pass:
    """One call of a network within a stream.

    Args:
        state: before it.
        names: of the parts that remember, by identity.

    Attributes:
        t: number of steps before it.
    """

    def __init__(self, state: StreamState, names: Mapping[int, str]) -> None:
        self.t, self.names = state.t, names
        self._shape, self._held = state.shape, dict(state.parts)
        self.at_work = 0  # identity of the part that runs
        self._calls: dict[str, int] = {}

    def run(self, part: Any, x: Tensor, call: Callable[[Tensor, Any], tuple[Tensor, Any]]) -> Tensor:
        """Run a part on `[t, B, *]` from what it remembers, and keep what it comes to."""
        key, state = self.take(self.names[id(part)])
        self.at_work = id(part)
        y, after = call(x, part.initial_state(x[0]) if state is None else state)
        self.at_work = 0
        self.keep(key, after)
        return y

    def take(self, name: str) -> tuple[str, Any]:
        """Return under which entry a part that runs now keeps its state, and the state; None at first."""
        calls = self._calls[name] = self._calls.get(name, 0) + 1
        key = name if calls == 1 else f"{name}#{calls}"
        return key, self._held.get(key)

    def keep(self, key: str, state: Any) -> None:
        """Note the state that the entry goes on with."""
        self._held[key] = state

    @property
    def held(self) -> Mapping[str, Any]:
        """The states by entry, as far as the parts have come."""
        return self._held

    def after(self, steps: int) -> StreamState:
        """Return the state after so many steps."""
        return StreamState(self._shape, self.t + steps, self._held)


_running: ContextVar[Pass | None] = ContextVar("snnplug_stream", default=None)
_looked_at: WeakSet[nn.Module] = WeakSet()  # networks that have run step by step before
_looking = RLock()


def current_pass() -> Pass | None:
    """Return the call of a network within a stream that is at work; None outside of one."""
    return _running.get()


def steps_before() -> int:
    """Return how many steps of the stream came before the input at hand; 0 outside of a stream.

    For a layer that does something else in each step and remembers nothing but which one it is.
    """
    running = _running.get()
    return 0 if running is None else running.t


def start_stream(network: nn.Module, x: Tensor) -> StreamState:
    """Return the state of a network before the first step.

    Args:
        network: any; what it is made of has to take `[T, B, *]`.
        x: input of one step `[B, *]`; its shape is used, not its values.

    Raises:
        ContractError: a neuron needs the whole window of steps.
    """
    windowed = {name: part for name, part in _parts(network) if getattr(part, "windowed", False)}
    if windowed:
        name, part = next(iter(windowed.items()))
        more = f" and {len(windowed) - 1} more" if len(windowed) > 1 else ""
        raise ContractError(
            f"the network cannot run step by step: {name or 'it'!s}{more} ({type(part).__name__}) needs the "
            "whole window of steps; run it on whole sequences [T, B, ...], or build it with a causal neuron"
        )
    return StreamState(tuple(x.shape))


def step_stream(network: nn.Module, x: Tensor, state: StreamState) -> tuple[Any, StreamState]:
    """Run a network for one step.

    Args:
        network: as given to `start_stream`.
        x: input `[B, *]`.
        state: from `start_stream`, or the step before.

    Returns:
        Output `[B, *]` and the next state.

    Raises:
        ContractError: the stream began with inputs of another shape, or a part keeps from step to step what
            it does not say.
    """
    y, state = continue_stream(network, x.unsqueeze(0), state)
    return y[0], state


def continue_stream(network: nn.Module, x: Tensor, state: StreamState) -> tuple[Any, StreamState]:
    """Run a network for several steps at once, `[t, B, *]`; otherwise as `step_stream`."""
    if tuple(x.shape[1:]) != state.shape:
        raise ContractError(
            f"the stream began with inputs {list(state.shape)} of a step, got {list(x.shape[1:])}; begin "
            "another one for other samples, by initial_state"
        )
    parts = dict(_parts(network))
    running = Pass(state, {id(part): name for name, part in parts.items()})
    token = _running.set(running)
    try:
        if torch.compiler.is_compiling() or network in _looked_at:
            y = network(x)
        else:
            with _refusing_own_loops(parts, running):
                y = network(x)
            _looked_at.add(network)
    finally:
        _running.reset(token)
    return y, running.after(len(x))


def _parts(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the parts that remember, by name; those inside one are its own affair."""
    for name, part in outermost_where(network, _remembers):
        if _remembers(part):
            yield plain_name(name), part


def _remembers(part: nn.Module) -> bool:
    return bool(getattr(part, "remembers", False))


@contextmanager
def _refusing_own_loops(parts: Mapping[str, nn.Module], running: Pass) -> Iterator[None]:
    """Refuse a network that calls `step` of a neuron itself: what it keeps between the calls is not seen.

    It is looked at once, at its first step, and by one thread at a time.
    """
    before: list[tuple[Any, Any]] = []

    def watched(name: str, part: Any, step: Any) -> Callable[..., Any]:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            if _running.get() is not running or running.at_work == id(part):
                return step(*args, **kwargs)
            raise ContractError(
                f"the network cannot run step by step: it runs {name} ({type(part).__name__}) in a loop "
                "of its own over the steps, whose state is not seen; make the module with that loop a "
                "snnplug.nn.StatefulModule, with initial_state and sequence"
            )

        return refuse

    with _looking:
        try:
            for name, part in parts.items():
                if hasattr(part, "windowed"):
                    before.append((part, vars(part).get("step")))
                    object.__setattr__(part, "step", watched(name, part, part.step))
            yield
        finally:
            for part, step in before:
                if step is None:
                    object.__delattr__(part, "step")
                else:
                    object.__setattr__(part, "step", step)
