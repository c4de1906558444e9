"""The gated leaky integrate-and-fire neuron: learned gates mix two kinds of leak, input and reset.

    u[t] = (1 - a (1 - r)) u[t-1] (1 - g s[t-1]) - (1 - a) l - (1 - g) d s[t-1] + (1 - b (1 - c[t])) x[t]
    s[t] = 1 if u[t] >= threshold else 0

a, b, g gates; r retention ("tau" in the paper, a factor and no time), l linear leak, d what a reset
subtracts, c[t] conductance of step t. All are learned, one for each channel, and held as logits: each
letter is the sigmoid of its parameter. A gate of 1 gives exponential leak (a), weighted input (b) and
hard reset (g); a gate of 0 gives linear leak, plain input and reset by subtraction.

Yao et al., "GLIF: A Unified Gated Leaky Integrate-and-Fire Neuron for Spiking Neural Networks", NeurIPS
2022, arXiv:2210.13768. The reset acts one step later, so `v` is the potential before it. Firing at
u = threshold is SpikingJelly's rule and the default; the authors' code has u > threshold (`strict`).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, saturate, sharpness, spike

__all__ = ["GLIF", "GLIFState"]

_GATES = ("gate_leak", "gate_input", "gate_reset")


class GLIFState(NamedTuple):
    """Membrane potential before the reset, spikes of the step before, and the number of steps done."""

    v: Tensor
    spikes: Tensor
    t: int


class GLIF(SpikingNeuron):
    """Gated leaky integrate-and-fire neuron: current `[T, B, C, *]` to spikes of the same shape.

    Attributes:
        gate_leak, gate_input, gate_reset: logits of a, b and g, `[C]`.
        retention, leak, subtracted, threshold: logits of r, l, d and the threshold, `[C]`.
        conductance: logits of c, `[T, C]`; `[1, C]` if static.

    Args:
        retention: r at the start, in (0, 1): what an exponential leak leaves after one step.
        threshold: at the start, in (0, 1).
        leak: l at the start, in (0, 1); None for threshold / (2 T).
        subtracted: d at the start, in (0, 1); None for the threshold.
        initial_conductance: c at the start, in (0, 1).
        conductance: one c for each step ("per_step") or one for all ("static").
        steps: number of time steps T; None to take it from the first whole sequence.
        strict: fire above the threshold only, and not at it.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    def __init__(
        self,
        *,
        retention: Annotated[float, Interval(gt=0, lt=1)] = 0.25,
        threshold: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
        leak: Annotated[float, Interval(gt=0, lt=1)] | None = None,
        subtracted: Annotated[float, Interval(gt=0, lt=1)] | None = None,
        initial_conductance: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
        conductance: Literal["per_step", "static"] = "per_step",
        steps: Annotated[int, Ge(1)] | None = None,
        strict: bool = False,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__()
        self.start = {
            "retention": retention,
            "threshold": threshold,
            "leak": leak,
            "subtracted": threshold if subtracted is None else subtracted,
            "initial_conductance": initial_conductance,
        }
        self.surrogate, self.alpha = surrogate, sharpness(surrogate, alpha)
        self.static, self.steps, self.strict = conductance == "static", steps, strict
        for name in (*_GATES, "retention", "leak", "subtracted", "threshold", "conductance"):
            self.register_parameter(name, nn.UninitializedParameter())

    def forward(self, x: Tensor, state: GLIFState | None = None) -> Tensor | tuple[Tensor, GLIFState]:
        """Run a sequence from rest, or continue one; shapes as in `SpikingNeuron.forward`."""
        self._materialize(x[0], self.steps or len(x))
        return super().forward(x) if state is None else super().forward(x, state)

    def initial_state(self, x: Tensor) -> GLIFState:
        """Return the state at rest.

        Raises:
            ContractError: the parameters depend on the number of steps, which is not known yet, or
                belong to another number of channels.
        """
        self._materialize(x, self.steps)
        if x.shape[1] != len(self.threshold):
            raise ContractError(
                f"GLIF has parameters for {len(self.threshold)} channels, from its first input or the "
                f"checkpoint, but this input {list(x.shape)} has {x.shape[1]}; give inputs of one kind"
            )
        v = torch.zeros_like(x, dtype=torch.promote_types(x.dtype, torch.float32))
        return GLIFState(v, torch.zeros_like(v), 0)

    def step(self, x: Tensor, state: GLIFState) -> tuple[Tensor, GLIFState]:
        """Advance one time step; shapes as in `SpikingNeuron.step`."""
        spikes, state = self.sequence(x.unsqueeze(0), state)
        return spikes[0], state

    def sequence(self, x: Tensor, state: GLIFState) -> tuple[Tensor, GLIFState]:
        """Advance over `[T, B, C, *]`.

        Raises:
            ContractError: there is no conductance for so many steps.
        """
        T, shape = len(x), (-1, *[1] * (x.ndim - 3))  # [C, *] beside [B, C, *]

        def value(name: str) -> Tensor:
            return getattr(self, name).sigmoid().view(shape)

        a, b, g = map(value, _GATES)
        keep, lost = 1 - a * (1 - value("retention")), (1 - a) * value("leak")
        subtracted, threshold = (1 - g) * value("subtracted"), value("threshold")
        c = self._conductances(state.t, T).sigmoid().view(-1, 1, *b.shape)
        currents = saturate(x, state.v.dtype) * (1 - b * (1 - c)) - lost
        u, s, out = state.v, state.spikes, []
        for current in currents.unbind(0):
            u = keep * u * (1 - g * s) - subtracted * s + current
            s = spike(u - threshold, self.surrogate, self.alpha, strict=self.strict)
            out.append(s)
        return torch.stack(out).to(x.dtype), GLIFState(u, s, state.t + T)

    def _conductances(self, start: int, count: int) -> Tensor:
        """Return the logits of `count` steps, `[count, C]` or `[1, C]`."""
        if self.static:
            return self.conductance
        known = len(self.conductance)
        if start + count > known:
            raise ContractError(
                f"GLIF has one conductance for each of {known} steps, but this is step {start + count}; "
                "run no more steps than at first, or set conductance = 'static'"
            )
        return self.conductance[start : start + count]

    def _materialize(self, x: Tensor, steps: int | None) -> None:
        """Give the parameters their shape from an input `[B, C, *]` and the number of steps."""
        if not isinstance(self.threshold, nn.UninitializedParameter):
            return
        if steps is None and not (self.static and self.start["leak"] is not None):
            raise ContractError(
                "GLIF's conductance and leak start from the number of time steps, which is not known when it "
                "runs step by step from the beginning; set steps, or conductance = 'static' and a leak"
            )
        start = {**self.start, "leak": self.start["leak"] or self.start["threshold"] / (2 * (steps or 1))}
        start["conductance"] = start.pop("initial_conductance")
        rows = 1 if self.static or steps is None else steps
        dtype = torch.promote_types(x.dtype, torch.float32)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                shape = (rows, x.shape[1]) if name == "conductance" else (x.shape[1],)
                parameter.materialize(shape, device=x.device, dtype=dtype)
                if name in _GATES:
                    parameter.uniform_(-0.1, 0.1)
                else:
                    parameter.fill_(math.log(start[name] / (1 - start[name])))

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"conductance={'static' if self.static else 'per_step'!r}, strict={self.strict}, "
            f"surrogate={self.surrogate!r}, alpha={self.alpha}"
        )
