"""What clocked codes share: a membrane that integrates, and a spike worth the threshold that it passed.

    h[t] = v[t-1] + x[t]
    s[t] = 1 if h[t] >= theta[t] else 0
    out[t] = theta[t] s[t]
    v[t] = h[t] - theta[t] s[t]                 soft reset

theta[t] is a layer's or a channel's, times what the code says. A value is the sum of what a neuron sends over
T steps, divided by how often the biases before it were added, T / `bias_every`: with 1 that is the mean. What
differs from the sources of all: spikes carry their threshold, so that no weight needs to be normalised; and
there is a surrogate gradient, the reset detached, so that a converted network can be trained.
"""

from __future__ import annotations

from itertools import repeat
from typing import Annotated

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from snnplug.nn import SpikingNeuron, State, sharpness, spike
from snnplug_codings.channels import ChannelParameters, along, channels_of
from snnplug_codings.checks import check_choice
from snnplug_codings.scale import NORMS, Norm

__all__ = ["ClockedCode"]

_PIECE = 1 << 17  # neurons that are run through all steps together: what they need stays in the cache


class ClockedCode(ChannelParameters, SpikingNeuron):
    """Base of clocked codes: current `[T, B, C, *]` to graded spikes `[T, B, C, *]`.

    Attributes:
        theta: threshold and value of a spike, `[]` or `[C]`; its absolute value counts.

    Args:
        theta: before calibration.
        norm: how calibration sets it.
        percentile: of the positive potentials, for that norm.
        per_channel: a theta of its own for each channel.
        surrogate: a name in `snnplug.nn.SURROGATES`, of the potential in units of the threshold.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    graded = True
    norms: tuple[str, ...] = NORMS

    theta: Tensor

    def __init__(
        self,
        *,
        theta: Annotated[float, Gt(0)],
        norm: Norm,
        percentile: Annotated[float, Interval(gt=0, le=100)],
        per_channel: bool,
        surrogate: str,
        alpha: Annotated[float, Gt(0)] | None,
    ) -> None:
        super().__init__()
        check_choice("norm", norm, self.norms)
        self.norm, self.percentile = norm, float(percentile)
        self.surrogate, self.alpha = surrogate, sharpness(surrogate, alpha)
        self.declare(per_channel=per_channel, theta=theta)

    def rest(self, x: Tensor) -> Tensor:
        """Return a membrane potential of 0 for a current `[B, C, *]`, whose channels get their parameters."""
        self.materialize(channels_of(x.shape), x)
        return torch.zeros_like(x, dtype=torch.promote_types(x.dtype, torch.float32))

    def leak_factor(self) -> float:
        """Return 1: there is no leak."""
        return 1.0

    def threshold(self, x: Tensor) -> Tensor:
        """Return theta in a shape that broadcasts to `[B, C, *]`."""
        return along(self.theta.abs(), x)

    def fire(self, h: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fire and reset.

        Args:
            h: membrane potential `[B, C, *]` after the current came.
            threshold: broadcasts to it.

        Returns:
            0 or 1 for each neuron, what it sends, and the potential after the reset.
        """
        s = spike((h - threshold) / threshold, self.surrogate, self.alpha)
        return s, threshold * s, h - threshold * s.detach()

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance over `[T, B, *]`; on a CPU without gradients, a few samples at a time, which is faster."""
        few = max(1, _PIECE // max(1, x[0, :1].numel()))
        at_once = torch.is_grad_enabled() or torch.compiler.is_compiling() or x.device.type != "cpu"
        if at_once or few >= x.shape[1]:
            return super().sequence(x, state)
        spikes, states = x.new_empty(x.shape), []
        fields = [field.split(few) if field.ndim else repeat(field) for field in state]
        for current, out, *parts in zip(
            torch.split(x, few, 1), torch.split(spikes, few, 1), *fields, strict=False
        ):
            piece = type(state)(*parts)
            for t in range(len(x)):
                sent, piece = self.step(current[t], piece)
                out[t].copy_(sent)
            states.append(piece)
        last = (torch.cat(field) if field[0].ndim else field[0] for field in zip(*states, strict=True))
        return spikes, type(state)(*last)

    def spike_counts(self, spikes: Tensor) -> Tensor:
        """Return 1 for each value that was sent: it is one spike, whatever it carries."""
        return spikes.ne(0).to(spikes.dtype)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"norm={self.norm!r}, percentile={self.percentile}, per_channel={self.per_channel}"
