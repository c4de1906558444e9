"""Charge, fire, reset: what integrate-and-fire neurons have in common.

    h[t] = charge(x[t], v[t-1])
    s[t] = 1 if h[t] >= threshold else 0            backward: a surrogate gradient
    v[t] = (1 - s[t]) h[t] + s[t] reset_value       hard reset
           h[t] - threshold s[t]                    soft reset
           h[t]                                     none

A neuron of this family names its `leak` where the charge is linear, or else writes `charge`;
and `kernel` where a library computes the whole sequence faster. The state is the membrane
potential after the reset. It is kept in float32 where the current is float16 or bfloat16, and
finite where the current is not: what overflows fires or is far below the threshold, and no more.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from snnplug.nn.blocked import is_covered, run_blocks
from snnplug.nn.dynamics import Dynamics
from snnplug.nn.leak import Leak
from snnplug.nn.neuron import MembraneState, SpikingNeuron
from snnplug.nn.reset import Reset, Rule
from snnplug.nn.surrogate import sharpness

__all__ = ["IntegrateAndFire"]


class IntegrateAndFire(SpikingNeuron):
    """Base of neurons that charge one membrane, fire at a threshold and reset it.

    Args:
        threshold: fires at a membrane potential of this or more; above 0.
        reset: "hard" (to `reset_value`), "soft" (down by the threshold) or "none".
        reset_value: where a hard reset leads, and the potential at rest; below the threshold.
        detach_reset: let no gradient pass through the spike inside the reset.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    def __init__(
        self,
        *,
        threshold: Annotated[float, Gt(0)],
        reset: Reset,
        reset_value: float,
        detach_reset: bool,
        surrogate: str,
        alpha: Annotated[float, Gt(0)] | None,
    ) -> None:
        super().__init__()
        if reset != "hard" and reset_value != 0:
            raise ValueError(f"reset_value is used by a hard reset only; with reset={reset!r} leave it at 0")
        if not -math.inf < reset_value < threshold:
            raise ValueError(f"reset_value must be below the threshold {threshold}, got {reset_value}")
        self.threshold, self.reset, self.reset_value = float(threshold), reset, float(reset_value)
        self.detach_reset, self.surrogate = detach_reset, surrogate
        self.alpha = sharpness(surrogate, alpha)

    def leak(self) -> Leak | None:
        """Return the leak of a neuron with a linear charge; None where `charge` is written."""
        return None

    def leak_factor(self) -> float | None:
        """Return 1 - 1/tau, or 1 without a leak; None where `charge` or `step` is another."""
        leak = self.leak()
        return leak.factors()[1] if leak is not None and self._is_plain() else None

    def dynamics(self) -> Dynamics | None:
        """Return its equations as numbers; None where `charge` or `step` is another."""
        leak = self.leak()
        if leak is None or not self._is_plain():
            return None
        gain, _ = leak.factors()
        return Dynamics(
            rate=leak.lost(),
            gain=gain,
            rest=leak.rest,
            threshold=self.threshold,
            reset=self.reset,
            reset_value=self.reset_value,
        )

    def charge(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the membrane potential before firing, from the current `[B, *]` and the last potential."""
        leak = self.leak()
        if leak is None:
            raise NotImplementedError(f"{type(self).__name__} must define leak or charge")
        return leak.charge(x, v)

    def kernel(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor] | None:
        """Run `[T, B, *]` from the potential `v` in one call; None where there is no such way.

        Args:
            x: current.
            v: `[B, *]`, or `[*]` where all samples share it.

        Returns:
            Spikes and last potential, with the same values and gradients as `charge`, fire and reset.
        """
        return None

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return the state at rest: `reset_value` everywhere."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        return MembraneState(torch.full_like(x, self.reset_value, dtype=dtype))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Charge, fire and reset once; shapes as in `SpikingNeuron.step`."""
        sequence = x.unsqueeze(0)  # the kernel rounds as it does in one
        fused = self.kernel(sequence, state.v) if torch.is_grad_enabled() else self._fused(sequence, state.v)
        if fused is not None:
            return fused[0][0], MembraneState(fused[1])
        s, v = self._rule().fire(self.charge(x, state.v))
        return s.to(x.dtype), MembraneState(v)

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Run a sequence: by the kernel, block by block, or step by step, whichever comes first."""
        fused = self._fused(x, state.v)
        if fused is None:
            return super().sequence(x, state)
        return fused[0], MembraneState(fused[1])

    def sequence_from(self, x: Tensor, v: Tensor) -> tuple[Tensor, MembraneState]:
        """Run a sequence from a potential that all samples share, which is not written out for each."""
        cls, base = type(self), IntegrateAndFire
        plain = cls.initial_state is base.initial_state and cls.sequence is base.sequence
        fused = self._fused(x, v) if plain else None
        if fused is None:
            return super().sequence_from(x, v)
        return fused[0], MembraneState(fused[1])

    def _fused(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return spikes and last potential by the kernel or block by block, from `v` `[B, *]` or `[*]`."""
        fused = self.kernel(x, v)
        if fused is None and self._is_plain() and is_covered(x, v):
            leak = self.leak()
            if leak is not None:
                fused = run_blocks(x, v, leak, self._rule())
        return fused

    def fires_like(self, other: SpikingNeuron) -> bool:
        """Whether the other is of the same class with the same leak, threshold and reset."""
        if type(other) is not type(self) or type(self).initial_state is not IntegrateAndFire.initial_state:
            return False
        mine, theirs = self.leak(), other.leak()
        if mine is None or theirs is None or not self._is_plain() or self._rule() != other._rule():
            return False
        rates = [leak.rate for leak in (mine, theirs) if leak.rate is not None]
        return mine._replace(rate=None) == theirs._replace(rate=None) and (
            not rates or (len(rates) == 2 and torch.equal(*rates))
        )

    def _is_plain(self) -> bool:
        """Whether `step` and `charge` are the ones written here; a subclass may have others."""
        cls, base = type(self), IntegrateAndFire
        return cls.step is base.step and cls.charge is base.charge

    def _rule(self) -> Rule:
        return Rule(
            self.threshold, self.reset, self.reset_value, self.detach_reset, self.surrogate, self.alpha
        )

    def extra_repr(self) -> str:
        """Show the settings."""
        target = f", reset_value={self.reset_value}" if self.reset_value else ""
        return (
            f"threshold={self.threshold}, reset={self.reset!r}{target}, detach_reset={self.detach_reset}, "
            f"surrogate={self.surrogate!r}, alpha={self.alpha}"
        )
