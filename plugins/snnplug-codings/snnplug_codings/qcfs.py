"""Quantisation clip-floor-shift (QCFS): the activation of an ANN that is to become a rate-coded network.

    q = clip(floor(L v / lambda + 1/2) / L, 0, 1)
    d(v) = lambda q
    dd/dv = 1 for 0 <= v <= lambda, else 0
    dd/dlambda = q - v / lambda for 0 <= v <= lambda, 1 above, 0 below

lambda is trained, and starts at 8. Bu et al., "Optimal ANN-SNN Conversion for High-accuracy and
Ultra-low-latency Spiking Neural Networks", ICLR 2022, arXiv:2303.04347; the gradient of lambda is that of the
published code, which the authors say is right where Eq. 17 is not. The spiking network is the same one with
`rate`, which starts at half its threshold, and loads these weights: theta is lambda. With T = L steps of a
constant current it sends the same.
"""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from snnplug.nn import State, saturate
from snnplug_codings.channels import along
from snnplug_codings.scale import Norm
from snnplug_codings.windowed_rate import WindowedRate

__all__ = ["QCFS"]


class QCFS(WindowedRate):
    """Quantised activation: current `[T, B, C, *]` to values `[1, B, C, *]` or to L equal spikes.

    Attributes:
        theta: lambda, the greatest value, `[]` or `[C]`; trained.

    Args:
        levels: L, the values beside 0.
        theta: lambda at the start of training.
        norm, percentile: how calibration sets lambda; see `snnplug_codings.scale`.
        per_channel: a lambda of its own for each channel.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    def __init__(
        self,
        *,
        levels: Annotated[int, Ge(1)] = 8,
        theta: Annotated[float, Gt(0)] = 8.0,
        norm: Norm = "mse",
        percentile: Annotated[float, Interval(gt=0, le=100)] = 99.9,
        per_channel: bool = False,
    ) -> None:
        super().__init__(steps=levels, theta=theta, norm=norm, percentile=percentile, per_channel=per_channel)

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Sum `[T, B, C, *]` over time and quantise it, with the gradients above."""
        with torch.no_grad():
            sent, state = super().sequence(x, state)
        if not torch.is_grad_enabled():
            return sent, state
        v, theta = saturate(x.sum(0)), along(self.theta.abs(), x[0])
        rounded = (sent.detach().sum(0) / theta.detach()).to(v.dtype)
        smooth = theta.detach() * (v / theta).clamp(0, 1) + theta * rounded
        passed = (smooth - smooth.detach()).to(sent.dtype)  # 0, with the gradient
        return torch.cat([sent[:1] + passed, sent[1:]]), state
