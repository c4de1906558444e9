"""Neurons as NIR has them, in the words of a dialect.

    LIF    tau dv/dt = v_leak - v + r x        h = v + dt/tau (v_leak - v + r x)
    IF         dv/dt = r x                     h = v + dt r x

A spike leads to `v_reset`. With time constants in steps, tau / dt = 1 / rate, r = gain / rate, and for IF
r = 1 / dt. What readers make of them is theirs; where one reads something else into a node, its dialect says
what we mean in its words:

    norse       ignores r, so that thresholds are divided by it, and v_reset
    snntorch    reads IF with a leak of 0.9, so that it gets a LIF that loses 2^-40 a step
    sinabs      reads tau in steps with an exponential decay and ignores r
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeAlias

import nir
import numpy as np

from snnplug.errors import ExportError
from snnplug.nn import Dynamics

__all__ = ["DIALECTS", "Dialect", "neuron_node"]

Dialect: TypeAlias = Literal["canonical", "norse", "snntorch", "sinabs"]
DIALECTS: tuple[Dialect, ...] = ("canonical", "norse", "snntorch", "sinabs")
_BARELY = 2.0**-40  # a leak that float32 does not see


def neuron_node(
    name: str, dynamics: Dynamics, shape: tuple[int, ...], dt: float, dialect: Dialect
) -> nir.NIRNode:
    """Return the node of a layer of neurons.

    Args:
        name: of the layer, for messages.
        dynamics: its equations.
        shape: of a sample.
        dt: seconds of a time step.
        dialect: whose words.

    Raises:
        ExportError: NIR, or the dialect, cannot say what the neurons do.
    """
    _check(name, dynamics, dialect)
    rate, gain, threshold = dynamics.rate, dynamics.gain, dynamics.threshold

    def full(value: float) -> Any:
        return np.full(shape, value, dtype=np.float64)

    if dialect == "sinabs":
        if not rate:
            return nir.IF(r=full(1.0), v_threshold=full(threshold / gain))
        tau = -1 / math.log1p(-rate)
        size = shape if len(shape) == 1 else 1  # it takes flat parameters alone
        parts = {"tau": tau, "r": 1.0, "v_leak": 0.0, "v_threshold": threshold / gain}
        return nir.LIF(**{key: np.full(size, value, dtype=np.float64) for key, value in parts.items()})
    if dialect == "norse":
        if not rate:
            return nir.IF(r=full(1.0), v_threshold=full(threshold / gain))
        return nir.LIF(
            tau=full(dt / rate),
            r=full(1.0),
            v_leak=full(0.0),
            v_threshold=full(threshold * rate / gain),
            v_reset=full(0.0),
        )
    if not rate and dialect == "snntorch":
        rate = _BARELY
    reset = full(dynamics.reset_value)
    if not rate:
        return nir.IF(r=full(gain / dt), v_threshold=full(threshold), v_reset=reset)
    return nir.LIF(
        tau=full(dt / rate),
        r=full(gain / rate),
        v_leak=full(dynamics.rest),
        v_threshold=full(threshold),
        v_reset=reset,
    )


def _check(name: str, dynamics: Dynamics, dialect: Dialect) -> None:
    reasons = []
    if dynamics.reset == "none":
        reasons.append(f"{name} is not reset by its spikes, and neurons of NIR are; use reset = 'hard'")
    elif dynamics.reset == "soft" and dialect != "sinabs":
        reasons.append(
            f"{name} is reset by subtracting its threshold (soft), and NIR resets to a potential (hard): no "
            "reader would be told; train with reset = 'hard', or use the dialect of a reader that subtracts "
            "(sinabs)"
        )
    if dynamics.reset == "hard" and dynamics.reset_value != dynamics.rest and dynamics.rate:
        reasons.append(
            f"{name} is reset to {dynamics.reset_value:g} and leaks towards {dynamics.rest:g}: readers take "
            "one for the other"
        )
    rest = dynamics.rest or (dynamics.reset_value if dynamics.reset == "hard" else 0.0)
    if rest and dialect != "canonical":
        reasons.append(f"{name} is reset to {rest:g}, and {dialect} knows 0 alone; use reset_value = 0")
    if dynamics.rate >= 1:
        reasons.append(f"{name} keeps nothing of its potential from step to step, which readers refuse")
    if reasons:
        raise ExportError(reasons)
