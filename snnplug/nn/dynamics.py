"""What a leaky integrate-and-fire neuron computes, as numbers: what hardware and other formats ask for."""

from __future__ import annotations

from typing import NamedTuple

from snnplug.nn.reset import Reset

__all__ = ["Dynamics"]


class Dynamics(NamedTuple):
    """The equations of a neuron with one membrane, a linear leak and a constant threshold.

        h[t] = v[t-1] - rate (v[t-1] - rest) + gain x[t]
        s[t] = 1 if h[t] >= threshold, or > where `strict`, else 0
        v[t] = reset_value where s[t] = 1 ("hard"), or h[t] - threshold s[t] ("soft"), or h[t] ("none")

    Attributes:
        rate: share of the potential that is lost in a step: 1/tau in time steps; 0 without a leak.
        gain: what the current counts.
        rest: potential to which it leaks.
        threshold: where it fires.
        reset: "hard", "soft" or "none".
        reset_value: where a hard reset leads.
        strict: a potential equal to the threshold does not fire.
    """

    rate: float
    gain: float
    rest: float
    threshold: float
    reset: Reset
    reset_value: float = 0.0
    strict: bool = False
