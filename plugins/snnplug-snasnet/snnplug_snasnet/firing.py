"""The neurons on the edges of a cell during one pass, equal ones run once where that is allowed.

Edges that leave the same node carry a neuron each. With fixed parameters those neurons see the
same currents and send the same spikes; where only spikes are read (`snnplug.nn.spikes_only`)
the first of them runs and the others are shown its spikes, so that each still counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from snnplug.nn import State, current_pass, is_spikes_only, repeat_spikes

__all__ = ["Firing"]


class Firing:
    """Runs the neurons of a cell.

    Args:
        edges: operations by `source-target`.
        stepwise: values are those of one time step `[B, C, H, W]`, not of all.
        states: of neurons that have run before, by edge.

    Attributes:
        states: of those that have run step by step.
    """

    def __init__(
        self,
        edges: Mapping[str, nn.Module],
        *,
        stepwise: bool = False,
        states: Mapping[str, State] | None = None,
    ) -> None:
        self._neurons: dict[str, Any] = {name: edge.neuron for name, edge in edges.items()}
        self._stepwise = stepwise
        self.states = dict(states or {})
        self._spikes: dict[str, Tensor] = {}  # of this step, where others will ask for them
        alike = is_spikes_only() and current_pass() is None  # in a stream the next step may be read otherwise
        self._first = self._firsts() if alike else {name: name for name in self._neurons}

    def _firsts(self) -> dict[str, str]:
        """Return for each edge the first one whose neuron fires alike on the same node."""
        firsts: dict[str, str] = {}
        for name, neuron in self._neurons.items():
            if neuron is not None:
                earlier = (first for first in dict.fromkeys(firsts.values()) if first[0] == name[0])
                alike = (first for first in earlier if self._neurons[first].fires_like(neuron))
                firsts[name] = next(alike, name)
        return firsts

    def next_step(self) -> None:
        """Begin another time step."""
        self._spikes.clear()

    def __call__(self, name: str, value: Tensor) -> Tensor:
        """Return the spikes of an edge's neuron for the value of its source; the value if it has none."""
        if self._neurons[name] is None:
            return value
        first = self._first[name]
        if first in self._spikes:
            return self._spikes[first]
        spikes = self._run(first, value)
        twins = [twin for twin, like in self._first.items() if like == first and twin != first]
        for twin in twins:
            repeat_spikes(self._neurons[twin], spikes.unsqueeze(0) if self._stepwise else spikes)
        if twins:
            self._spikes[first] = spikes
        return spikes

    def _run(self, name: str, value: Tensor) -> Tensor:
        neuron = self._neurons[name]
        if not self._stepwise:
            return neuron(value)  # type: ignore[no-any-return]
        if name not in self.states:
            self.states[name] = neuron.initial_state(value)
        spikes, self.states[name] = neuron.step(value, self.states[name])
        return spikes  # type: ignore[no-any-return]
