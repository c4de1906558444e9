"""Spiking chain: a long chain of spiking layers, whose thresholds rise from input to output.

    score = D + weight * cov(p, threshold)

    D  layers of neurons on the longest path from input to output, in one time step
    p  how many layers of neurons come before a layer

The covariance is that of the population of all layers that lie on a longest path.

Our own. Form and weight were chosen on one half of SpikeNAS-Bench (CIFAR-10) and reported on the other: an
association there, of which nobody knows why it holds, or whether it carries over.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from snnplug import Candidate, Score, check_ranges
from snnplug_spiking_chain.chain import NEVER, longest_chains

__all__ = ["SpikingChain"]


@check_ranges
class SpikingChain:
    """The score of a candidate's graph; higher is better. No network is built and no data is read.

    Args:
        weight: of the thresholds' rise, for a unit of threshold; 0 for the length alone.

    Raises:
        ValueError: `weight` is below 0.
    """

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 4.0) -> None:
        self.weight = weight

    def __call__(self, candidate: Candidate) -> Score:
        """Return the score, minus infinity where no path leads from input to output.

        Its parts are `chain`, the length; `rise`, the covariance; and `thresholds`, on how many layers of
        the longest chains the space says a threshold. Where that is 0, or all thresholds are equal, the score
        only counts the chain.

        Raises:
            ContractError: the space's graph has a circle of edges that are no feedback.
        """
        length, links = longest_chains(candidate.graph())
        if length == NEVER:
            return Score(length)
        known = [(link.position, link.threshold) for link in links if link.threshold is not None]
        rise = _covariance(known)
        return Score(
            length + self.weight * rise,
            {"chain": length, "rise": rise, "thresholds": float(len(known))},
        )


def _covariance(pairs: list[tuple[int, float]]) -> float:
    """Return the covariance of a population, 0 for an empty one."""
    if not pairs:
        return 0.0
    n = len(pairs)
    mean_p, mean_t = sum(p for p, _ in pairs) / n, sum(t for _, t in pairs) / n
    return sum((p - mean_p) * (t - mean_t) for p, t in pairs) / n
