"""Numbers of a graph that a regression can learn from, for any search space.

What counts is where an edge stands: how many layers of neurons can come before it, and how many behind it. Of
each such place there is the number of edges by operation; beside these, numbers of the whole graph and of its
thresholds. Our own, chosen on one half of SpikeNAS-Bench.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnplug import Edge, Graph
from snnplug_bayesian.paths import Paths, layers_of, paths_of
from snnplug_bayesian.thresholds import thresholds_of

__all__ = ["Features", "features_of", "standardised", "table_of"]

_FARTHEST = 2.0  # standard deviations: what is rare in a pool must not tell its networks apart by itself


class Features(NamedTuple):
    """Numbers by name.

    Attributes:
        counts: one that is missing is 0.
        measures: one that is missing is not known.
    """

    counts: dict[str, float]
    measures: dict[str, float]


def features_of(graph: Graph) -> Features:
    """Return the numbers of a graph.

    Args:
        graph: its first node is the input, its last one the output.

    Raises:
        ContractError: the edges that are no feedback form a circle.
    """
    paths = paths_of(graph)
    feedback = Counter(f"feedback: {edge.label}" for edge in graph.edges if edge.backward)
    counts = {"feedback": float(feedback.total()), **feedback}
    if paths.whole is None:
        return Features(counts, {})
    return Features(counts | _of_the_whole(paths) | _of_the_places(paths), thresholds_of(paths))


def _of_the_whole(paths: Paths) -> dict[str, float]:
    whole, edges = paths.whole, paths.edges
    assert whole is not None
    mean = whole.total / whole.number
    layers = sum(map(layers_of, edges))
    on = sum(layers_of(edge) for edge in edges if paths.is_on_longest(edge))
    beside = Counter(paths.before[edge.source].most for edge in edges if layers_of(edge))
    into = [edge for edge in edges if edge.target == paths.order[-1]]
    return {
        "connected": 1.0,
        "longest": float(whole.most),
        f"longest: {whole.most}": 1.0,
        "shortest": float(whole.least),
        "mean path": mean,
        "spread of paths": math.sqrt(max(whole.squares / whole.number - mean**2, 0.0)),
        "paths": math.log(whole.number),
        "layers": float(layers),
        "layers on the longest": float(on),
        "layers off the longest": float(layers - on),
        "layers side by side": float(max(beside.values(), default=0)),
        "edges into the output": float(len(into)),
        "edges into the output, with neurons": float(sum(map(bool, map(layers_of, into)))),
        "edges without neurons": float(sum(not layers_of(edge) for edge in edges)),
        "skips": float(sum(_skips(paths, edge) for edge in edges)),
        "nodes": float(len(paths.before)),
        "halvings": sum(math.log2(edge.stride) for edge in edges),
    }


def _of_the_places(paths: Paths) -> dict[str, float]:
    return dict(
        Counter(
            f"{paths.before[edge.source].most} before, {paths.after[edge.target].most} behind: {edge.label}"
            for edge in paths.edges
        )
    )


def _skips(paths: Paths, edge: Edge) -> bool:
    """Whether it passes by layers of neurons and has none itself."""
    return not layers_of(edge) and paths.before[edge.target].most > paths.before[edge.source].most


def table_of(rows: Sequence[Features]) -> NDArray[np.float64]:
    """Return numbers as `[rows, names]`, the names in alphabetical order; NaN for what is not known."""
    return np.hstack([_table([r.counts for r in rows], 0.0), _table([r.measures for r in rows], math.nan)])


def _table(rows: Sequence[Mapping[str, float]], missing: float) -> NDArray[np.float64]:
    names = sorted({name for row in rows for name in row})
    found = np.array([[row.get(name, missing) for name in names] for row in rows], dtype=float)
    return found.reshape(len(rows), len(names))


def standardised(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns of mean 0 and variance 1, then what is beyond two standard deviations moved there.

    What is not known gets the mean. A column without variance is left out.
    """
    known = np.isfinite(table)
    number = np.maximum(known.sum(0), 1)
    mean = np.where(known, table, 0.0).sum(0) / number
    rest = np.where(known, table - mean, 0.0)
    spread = np.sqrt((rest**2).mean(0))
    kept = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
    return np.clip(rest[:, kept] / spread[kept], -_FARTHEST, _FARTHEST)
