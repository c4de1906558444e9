"""The sliding parallel spiking neuron: a PSN with one causal filter for all steps.

    h[t] = w[k-1] x[t] + w[k-2] x[t-1] + ... + w[0] x[t-k+1],   x = 0 before the start
    s[t] = 1 if h[t] + b >= 0 else 0

There is no reset. Any number of steps will do, and it runs step by step with the last k - 1 inputs
as its state; `v` is the last h, which nothing later depends on.

Fang et al., NeurIPS 2023, arXiv:2304.12760; see `snnplug_psn.parallel`. w starts at 1 for the present
and halves with each step back, b at -1.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, saturate, sharpness, spike

__all__ = ["SlidingPSN", "SlidingState"]


class SlidingState(NamedTuple):
    """The last filtered input h `[B, *]`, and the last k - 1 inputs, oldest first `[k-1, B, *]`."""

    v: Tensor
    past: Tensor


class SlidingPSN(SpikingNeuron):
    """Sliding parallel spiking neuron: current `[T, B, *]` to spikes `[T, B, *]`, any T.

    Attributes:
        weight: w, `[k]`, the present last.
        bias: b, a scalar.

    Args:
        k: each step sees itself and the k - 1 before it.
        start: weights at the start: "exponential", 1 for the present and half for each step back, or
            "uniform" in +-1/sqrt(k).
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    def __init__(
        self,
        *,
        k: Annotated[int, Ge(1)] = 4,
        start: Literal["exponential", "uniform"] = "exponential",
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__()
        self.surrogate, self.alpha = surrogate, sharpness(surrogate, alpha)
        self.k = k
        if start == "exponential":
            weight = 0.5 ** torch.arange(k - 1, -1, -1.0)
        else:
            weight = torch.empty(k).uniform_(-1 / math.sqrt(k), 1 / math.sqrt(k))
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(torch.tensor(-1.0))

    def initial_state(self, x: Tensor) -> SlidingState:
        """Return the state without any input yet."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        return SlidingState(torch.zeros_like(x, dtype=dtype), x.new_zeros(self.k - 1, *x.shape, dtype=dtype))

    def step(self, x: Tensor, state: SlidingState) -> tuple[Tensor, SlidingState]:
        """Advance one time step; shapes as in `SpikingNeuron.step`."""
        spikes, state = self.sequence(x.unsqueeze(0), state)
        return spikes[0], state

    def sequence(self, x: Tensor, state: SlidingState) -> tuple[Tensor, SlidingState]:
        """Advance over `[T, B, *]`, all steps at once.

        Summed by elementwise products, not by one matrix product, so that every step rounds as it does alone.
        """
        T = len(x)
        inputs = torch.cat([state.past, saturate(x, state.past.dtype)])
        h = self.weight[0] * inputs[:T]
        for j in range(1, self.k):
            h = h + self.weight[j] * inputs[j : j + T]
        spikes = spike(h + self.bias, self.surrogate, self.alpha)
        return spikes.to(x.dtype), SlidingState(h[-1], inputs[T:])

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"k={self.k}, surrogate={self.surrogate!r}, alpha={self.alpha}"
