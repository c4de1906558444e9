"""Which networks of a benchmark were trained otherwise than most: for longer, or as their losses show.

The logarithm of the loss of the first epoch is explained by what stands at each place of the architecture,
and by pairs of places where there are networks enough. What is left falls into one group, or into two that
are far apart where some networks were trained in another configuration:

    log loss = structure + shift * (network is one of the others)

The others are first those that a robust fit leaves out (Tukey's biweight; Huber and Ronchetti, Robust
Statistics, 2nd ed., 2009, doi:10.1002/9780470434697), then fit and assignment take turns until nothing
changes. What the structure explains by itself is not found: where all networks of a kind were trained
otherwise, they count as usual. Nothing is said of what differed.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from snnplug.contracts import TrainedNetwork
from snnplug.statistics.predictors import unique

__all__ = ["Configurations", "find_configurations"]

_APART = 5.0  # standard deviations; the two halves of one normal distribution are 2.6 apart
_BETWEEN = 0.1  # at most so many in the middle third between two groups, as a share of the smaller one
_FEWEST = 5  # networks in a group
_PER_COLUMN = 5  # networks for each number that is fitted


@attrs.frozen
class Configurations:
    """What the functionally different networks of a benchmark say of how they were trained.

    Attributes:
        other: by id of each network that was not trained as most, in which way it was not.
        separation: standard deviations between the two groups of first losses; None where there is one group,
            or the benchmark knows no losses.
    """

    other: Mapping[str, str] = attrs.field(factory=dict)
    separation: float | None = None


class _Split(NamedTuple):
    others: Any
    shift: float
    separation: float
    between: float


def find_configurations(networks: Sequence[TrainedNetwork]) -> Configurations:
    """Return which of the functionally different networks were trained otherwise than most.

    Args:
        networks: of a benchmark; the first one of each function is looked at.
    """
    networks = unique(networks)
    words: dict[str, list[str]] = {network.id: [] for network in networks}
    lengths = Counter(len(network.epochs) for network in networks)
    usual = lengths.most_common(1)[0][0] if lengths else 0
    for network in networks:
        if len(network.epochs) not in (0, usual):
            words[network.id].append(f"{len(network.epochs)} epochs")
    split = _split(networks)
    if split is not None:
        percent = 100 * math.expm1(abs(split.shift))
        word = f"loss of the first epoch {percent:.0f} % {'higher' if split.shift > 0 else 'lower'}"
        for network, other in zip(networks, split.others, strict=True):
            if other:
                words[network.id].append(word)
    other = {id_: ", ".join(found) for id_, found in words.items() if found}
    return Configurations(other, None if split is None else split.separation)


def _split(networks: Sequence[TrainedNetwork]) -> _Split | None:
    """Return the two groups of losses, None where there is one or nothing to tell it by."""
    import numpy as np

    places = {len(network.structure) for network in networks}
    if len(places) != 1 or 0 in places or not all(n.losses and n.losses[0] > 0 for n in networks):
        return None
    y = np.log([network.losses[0] for network in networks])
    designs = [_design([n.structure for n in networks], size) for size in (1, 2)]
    designs = [design for design in designs if len(y) >= _PER_COLUMN * design.shape[1]]
    for start in designs:  # pairs may explain away what the single places tell, or be needed to see it
        others, direction = _outliers(start, y)
        split = _settle(start, direction * y, others)
        split = split and _settle(designs[-1], direction * y, split.others)
        if split and split.separation >= _APART and split.between <= _BETWEEN:
            return split._replace(shift=direction * split.shift)
    return None


def _design(structures: Sequence[Sequence[str]], size: int) -> Any:
    """Return a column for each thing at a place, with size 2 for pairs too, `[networks, columns]`."""
    import numpy as np

    columns: dict[Any, int] = {}
    rows = [
        [
            columns.setdefault(combination, len(columns))
            for count in range(1, size + 1)
            for combination in itertools.combinations(enumerate(structure), count)
        ]
        for structure in structures
    ]
    design = np.zeros((len(rows), len(columns)))
    for row, found in enumerate(rows):
        design[row, found] = 1
    return design


def _solve(design: Any, y: Any, weights: Any) -> Any:
    """Return coefficients of least squares; hardly any ridge, as columns of one place add up to one."""
    import numpy as np

    weighted = design * weights[:, None]
    return np.linalg.solve(design.T @ weighted + 1e-3 * np.eye(design.shape[1]), weighted.T @ y)


def _outliers(design: Any, y: Any) -> tuple[Any, int]:
    """Return which ones a robust fit leaves out, and on which side more of them lie: 1 above, -1 below."""
    import numpy as np

    weights = np.ones(len(y))
    for _ in range(20):
        rest = y - design @ _solve(design, y, weights)
        rest = rest - np.median(rest)
        scale = max(1.4826 * float(np.median(np.abs(rest))), 1e-12)
        weights = (1 - np.clip(np.abs(rest) / (4.685 * scale), 0, 1) ** 2) ** 2
    direction = 1 if (rest > 3.5 * scale).sum() >= (rest < -3.5 * scale).sum() else -1
    return direction * rest > 3.5 * scale, direction


def _settle(design: Any, y: Any, others: Any) -> _Split | None:
    """Fit the shift of the others, and take as others what lies nearer to it, until nothing changes."""
    import numpy as np

    for _ in range(100):
        if not _FEWEST <= others.sum() <= len(y) / 2:
            return None
        full = np.column_stack([design, others])
        found = _solve(full, y, np.ones(len(y)))
        shift, rest = float(found[-1]), y - design @ found[:-1]
        rest = rest - np.median(rest[~others])
        nearer = rest > shift / 2
        if (nearer == others).all():
            break
        others = nearer
    if shift <= 0:
        return None
    between = ((rest > shift / 3) & (rest < 2 * shift / 3)).sum()
    spread = max(float(np.std(rest - shift * others)), 1e-12)
    return _Split(others, shift, shift / spread, float(between / others.sum()))
