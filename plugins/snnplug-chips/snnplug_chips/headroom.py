"""How much room a chip has left for a network: an objective of a search.

    headroom = the smallest share left of any limit; where it does not fit, minus the sum of what is too much

One forward pass of one sample finds the layers; nothing is trained.
"""

from __future__ import annotations

from snnplug import Candidate, Chip, Component, Score
from snnplug.nn import layer_graph

__all__ = ["ChipHeadroom"]


class ChipHeadroom:
    """The headroom of a chip.

    Args:
        chip: which one.
    """

    def __init__(self, *, chip: Component) -> None:
        self.chip: Chip = chip.build()

    def __call__(self, candidate: Candidate) -> Score:
        """Return the headroom, with the number of misfits beside it."""
        inputs, _ = candidate.batch(0, 1)
        fit = self.chip(layer_graph(candidate.build(), inputs))
        return Score(fit.headroom, {"misfits": float(len(fit.misfits))})
