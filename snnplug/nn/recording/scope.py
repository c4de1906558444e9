"""Which part of a network is at work, and under which name its operations are counted."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple

import attrs
from torch import Tensor, nn

from snnplug.nn.recording.origin import Weights

__all__ = ["Frame", "Scope", "Site"]


class Site(NamedTuple):
    """As what an operation is counted.

    Attributes:
        name: of a module, or "module (operation)" where no weights are at work.
        kind: class of the module, or the operation.
        parameters: weights and biases of the module.
    """

    name: str
    kind: str
    parameters: int = 0


@attrs.define(eq=False)
class Frame:
    """A module at work.

    Attributes:
        name: of the module.
        module: itself.
        weighted: it has weights, in itself or below, outside neurons.
        free: what it multiplies is no work of the network.
        seen: its weights or a product were seen at work, in it or below.
        input: its input, if the operations in it see another one.
    """

    name: str
    module: nn.Module
    weighted: bool = False
    free: bool = False
    seen: bool = False
    input: Tensor | None = None


class Scope:
    """The modules at work, the innermost last.

    Args:
        modules: of the network, by plain name.
        uncounted: where to name what has weights or multiplies and is not counted.

    Attributes:
        frames: modules at work.
        neuron: name of the neuron at work, if there is one.
    """

    def __init__(self, modules: Mapping[str, nn.Module], uncounted: dict[str, str]) -> None:
        self.modules, self.uncounted = modules, uncounted
        self.frames: list[Frame] = []
        self.neuron: str | None = None
        self._sites: dict[Hashable, Site] = {}
        self._unseen: set[str] = set()  # named only because their weights were not seen at work so far

    def begin(self, frame: Frame) -> None:
        """Begin a pass in the network itself."""
        self.frames, self.neuron = [frame], None

    def end(self, *, finished: bool) -> None:
        """End a pass.

        Args:
            finished: there was no exception, which leaves much unseen.
        """
        del self.frames[1:]
        self.leave(passed_on=not finished)

    @property
    def free(self) -> bool:
        """Whether what is multiplied now is no work of the network."""
        return self.frames[-1].free

    def enter(self, frame: Frame) -> None:
        """Go into a module."""
        frame.free |= self.free
        self.frames.append(frame)

    def leave(self, *, passed_on: bool = False) -> None:
        """Come out of the innermost module; name it if it has weights and nothing of them was seen.

        Args:
            passed_on: it returned its input, so there was nothing to see.
        """
        frame = self.frames.pop()
        name = _title(frame)
        if frame.weighted and not frame.seen and not passed_on:
            self._unseen |= {name} - self.uncounted.keys()
            self._name(frame)
        elif frame.seen and name in self._unseen:  # as weights on what comes back, from the second step on
            self._unseen.remove(name)
            del self.uncounted[name]
        if self.frames:
            self.frames[-1].seen |= frame.seen or frame.weighted

    def see(self) -> None:
        """Note that weights are at work."""
        self.frames[-1].seen = True

    def miss(self, operation: str) -> None:
        """Name an operation that multiplies and is not counted."""
        self._unseen.discard(_title(self.frames[-1]))
        self._name(self.frames[-1], operation)

    def _name(self, frame: Frame, operation: str = "") -> None:
        kind, name = type(frame.module).__name__, _title(frame)
        if operation and not _has_weights(frame.module):
            known = self.uncounted.get(name, "").split(", ")
            kind = ", ".join(dict.fromkeys([*filter(None, known), operation]))
        self.uncounted[name] = kind

    def site(self, operation: str, weights: Weights | None, *, computed: bool) -> Site:
        """Return as what a product is counted: the layer whose weights are at work, else the operation.

        Args:
            operation: name of the operation.
            weights: of which parameters the weights are, if that is known.
            computed: the network computes both operands.
        """
        key = operation, weights, computed, *[frame.name for frame in self.frames]
        if key not in self._sites:
            self._sites[key] = self._site(operation, weights, computed)
        return self._sites[key]

    def _site(self, operation: str, weights: Weights | None, computed: bool) -> Site:
        frame = self.frames[-1]
        if weights is not None:
            owners = {parameter: _owner(parameter) for parameter in weights.names}
            inner = (f.name for f in reversed(self.frames) if f.name in owners.values())
            parameter, owner = next(iter(owners.items()))
            return self._of_module(next(inner, owner), parameter, operation)
        if not computed and _has_weights(frame.module):
            return self._of_module(frame.name, "", operation)
        return Site(f"{frame.name} ({operation})".strip(), operation)

    def _of_module(self, name: str, parameter: str, operation: str) -> Site:
        module = self.modules.get(name)
        if module is None:  # a neuron's weights, used from outside
            return Site(parameter, operation)
        count = sum(
            p.numel()
            for key, p in module.named_parameters()
            if "." not in key or key.startswith("parametrizations.")
        )
        if not name and next(module.children(), None) is not None:  # the network itself has weights
            return Site(parameter or f"({operation})", operation, count)
        return Site(name, getattr(module, "original_name", type(module).__name__), count)  # if scripted


def _title(frame: Frame) -> str:
    return frame.name or type(frame.module).__name__


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(recurse=False), None) is not None


def _owner(parameter: str) -> str:
    before, found, _ = parameter.partition(".parametrizations.")
    if found:
        return before
    return "" if parameter.startswith("parametrizations.") else parameter.rpartition(".")[0]
