"""How much room a chip has left for a network: an objective of a search.

    headroom = the smallest share left of any limit; where it does not fit, minus the sum of what is too much

One forward pass of one sample finds the layers; nothing is trained.
"""

from __future__ import annotations

from snnplug import Candidate, Chip, Component, Score
from snnplug.nn import layer_graph
from snnplug_chips.brainscales2 import BrainScaleS2
from snnplug_chips.fpga import FPGA
from snnplug_chips.loihi2 import Loihi2
from snnplug_chips.speck import Speck
from snnplug_chips.spinnaker2 import SpiNNaker2
from snnplug_chips.xylo import Xylo

__all__ = [
    "ChipHeadroom",
    "brainscales2_headroom",
    "fpga_headroom",
    "loihi2_headroom",
    "speck_headroom",
    "spinnaker2_headroom",
    "xylo_headroom",
]


class ChipHeadroom:
    """The headroom of any chip.

    Args:
        chip: which one.
    """

    def __init__(self, *, chip: Component) -> None:
        self.chip: Chip = chip.build()

    def __call__(self, candidate: Candidate) -> Score:
        """Return the headroom, with the number of misfits beside it."""
        return _headroom(self.chip, candidate)


def speck_headroom(candidate: Candidate) -> Score:
    """Return the headroom on Speck 2e/2f.

    Args:
        candidate: the network.
    """
    return _headroom(Speck(), candidate)


def xylo_headroom(candidate: Candidate) -> Score:
    """Return the headroom on Xylo Audio 2.

    Args:
        candidate: the network.
    """
    return _headroom(Xylo(), candidate)


def loihi2_headroom(candidate: Candidate) -> Score:
    """Return the headroom on Loihi 2.

    Args:
        candidate: the network.
    """
    return _headroom(Loihi2(), candidate)


def spinnaker2_headroom(candidate: Candidate) -> Score:
    """Return the headroom on SpiNNaker2.

    Args:
        candidate: the network.
    """
    return _headroom(SpiNNaker2(), candidate)


def brainscales2_headroom(candidate: Candidate) -> Score:
    """Return the headroom on BrainScaleS-2.

    Args:
        candidate: the network.
    """
    return _headroom(BrainScaleS2(), candidate)


def fpga_headroom(candidate: Candidate) -> Score:
    """Return the headroom on an Artix-7 35T.

    Args:
        candidate: the network.
    """
    return _headroom(FPGA(), candidate)


def _headroom(chip: Chip, candidate: Candidate) -> Score:
    inputs, _ = candidate.batch(0, 1)
    fit = chip(layer_graph(candidate.build(), inputs))
    return Score(fit.headroom, {"misfits": float(len(fit.misfits))})
