"""What an SNN is compared with: the ANN of the same layers, dense, and quantised to as many levels.

A binary neuron that may spike in each of T steps sends one of T + 1 numbers of spikes, so the activations of
a fair quantised ANN have ceil(log2(T + 1)) bits. Yan et al., arXiv:2409.08290, compare so, data movement
included.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from snnplug import Baseline, EnergyItem

if TYPE_CHECKING:
    from snnplug.nn import Activity, NeuronActivity

__all__ = ["DENSE", "Ann", "activation_bits", "ann_baselines", "crossover", "firing_rate", "quantised"]

DENSE = "dense ANN"


class Ann(NamedTuple):
    """Energy of an ANN; see `snnplug.Baseline`."""

    items: tuple[EnergyItem, ...]
    how: str
    upper_bound: bool = False


def quantised(bits: int) -> str:
    """Return the name of the quantised ANN."""
    return f"quantised ANN ({bits} bit)"


def activation_bits(activity: Activity) -> int | None:
    """Return the bits of an activation with as many levels as the finest neuron can send.

    None where it is not known, as of graded neurons that do not say how many levels they have, or where there
    are no neurons.
    """
    levels = [_levels(neuron) for neuron in activity.neurons.values()]
    if not levels or not all(levels):
        return None
    return max(math.ceil(math.log2(max(levels))), 1)


def _levels(neuron: NeuronActivity) -> int:
    return neuron.levels if neuron.graded else len(neuron.spikes) + 1


def ann_baselines(activity: Activity, ann: Callable[[int | None], Ann]) -> tuple[Baseline, ...]:
    """Return the dense ANN, and the quantised one where the levels of the neurons are known.

    Args:
        activity: of at least one sample.
        ann: returns the energy of an ANN whose activations have that many bits; None: those of the model.
    """
    dense, bits = Baseline(DENSE, *ann(None)), activation_bits(activity)
    return (dense,) if bits is None else (dense, Baseline(quantised(bits), *ann(bits)))


def firing_rate(activity: Activity) -> float:
    """Return spikes per neuron and step over the whole network."""
    neurons = activity.neurons.values()
    return sum(sum(n.spikes) for n in neurons) / max(sum(n.updates for n in neurons), 1)


def crossover(activity: Activity) -> Iterator[str]:
    """Yield above which firing rate Yan et al. let the quantised ANN win, data movement included.

    The rate is ceil(log2(T + 1)) / (8 T), as spyx has it; over T = 5 to 10 its mean is 6 %, where the paper
    gives 5.7 % at T = 5 for the hardware that it models.
    """
    if not activity.neurons or any(n.graded for n in activity.neurons.values()):
        return
    steps = max(len(n.spikes) for n in activity.neurons.values())
    if not steps:
        return
    limit, rate = math.ceil(math.log2(steps + 1)) / (8 * steps), firing_rate(activity)
    side = "above" if rate > limit else "below"
    yield (
        f"the firing rate of {rate:.1%} is {side} the crossover of {limit:.1%} at {steps} steps, over which "
        "an ANN quantised to as many levels is cheaper once data movement counts: ceil(log2(T + 1)) / (8 T), "
        "after Yan et al., arXiv:2409.08290"
    )
