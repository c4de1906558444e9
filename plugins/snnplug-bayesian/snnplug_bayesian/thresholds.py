"""How the thresholds of neurons lie along the paths of a graph: at the entry, at the exit, and how they rise.

A mean over paths counts every path once. All paths of equally many layers are summed at a time, as a
covariance with the position is linear in their thresholds; so many paths cost no more than few.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snnplug import Edge
from snnplug_bayesian.paths import Paths, layers_of

__all__ = ["thresholds_of"]


class _Sums(NamedTuple):
    """Sums over the paths to a node that have equally many layers of neurons."""

    number: float = 0.0
    thresholds: float = 0.0
    moments: float = 0.0  # of position times threshold
    first: float = 0.0
    last: float = 0.0


def thresholds_of(paths: Paths) -> dict[str, float]:
    """Return numbers by name; none where no threshold is known."""
    layers = [
        (paths.before[e.source].most, paths.after[e.target].most, e.threshold, paths.is_on_longest(e))
        for e in paths.edges
        if layers_of(e) and e.threshold is not None
    ]
    if not layers:
        return {}
    places: dict[str, list[float]] = {}
    for before, behind, threshold, longest in layers:
        if longest:
            places.setdefault(f"longest, {before} before: threshold", []).append(threshold)
            places.setdefault(f"longest, {behind} behind: threshold", []).append(threshold)
        if not before:
            places.setdefault("entry: threshold", []).append(threshold)
        if not behind:
            places.setdefault("exit: threshold", []).append(threshold)
    found = {name: _mean(values) for name, values in places.items()}
    positions = np.array([before for before, *_ in layers], dtype=float)
    values = np.array([threshold for _, _, threshold, _ in layers])
    rise = float(np.mean((positions - positions.mean()) * values))
    found |= {"threshold": float(values.mean()), "rise": rise}
    if np.ptp(positions):
        found["slope"] = rise / float(np.var(positions))
    if all(e.threshold is not None for e in paths.edges if layers_of(e)):
        found |= _along_paths(paths)
    return found


def _along_paths(paths: Paths) -> dict[str, float]:
    """Return means over all paths with layers of neurons: first and last threshold, and their rise."""
    into: dict[str, list[Edge]] = {}
    for edge in paths.edges:
        into.setdefault(edge.target, []).append(edge)
    by_node: dict[str, dict[int, _Sums]] = {}
    node = ""
    for node in paths.order:
        sums: dict[int, _Sums] = {} if node in into else {0: _Sums(number=1.0)}
        for edge in into.get(node, []):
            for length, passed in by_node[edge.source].items():
                longer = _longer(passed, length, layers_of(edge), edge.threshold or 0.0)
                before = sums.get(length + layers_of(edge), _Sums())
                sums[length + layers_of(edge)] = _Sums(*map(operator.add, before, longer))
        by_node[node] = sums
    ends = [(length, sums) for length, sums in by_node[node].items() if length]
    number = sum(sums.number for _, sums in ends)
    rises = [sums.moments / length - (length - 1) / 2 * sums.thresholds / length for length, sums in ends]
    return {
        "paths: rise": sum(rises) / number,
        "paths: first threshold": sum(sums.first for _, sums in ends) / number,
        "paths: last threshold": sum(sums.last for _, sums in ends) / number,
    }


def _longer(sums: _Sums, length: int, layers: int, threshold: float) -> _Sums:
    """Return the sums of paths after some layers of one threshold more."""
    if not layers:
        return sums
    positions = sum(range(length, length + layers))
    return _Sums(
        sums.number,
        sums.thresholds + sums.number * layers * threshold,
        sums.moments + sums.number * positions * threshold,
        sums.first if length else sums.number * threshold,
        sums.number * threshold,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
