"""RMP-SNN: residual-membrane-potential neurons, their thresholds balanced one layer after the other.

    h[t] = v[t-1] + x[t],   s[t] = 1 if h[t] >= theta else 0,   v[t] = h[t] - theta s[t],   v[0] = 0
    theta of layer l = scale max over samples and steps of x[t] in the spiking network, layers before l set

Han, Srinivasan and Roy, CVPR 2020, arXiv:2003.01811. There spikes are 1 and the thresholds grow from layer to
layer; here a spike carries its threshold, which without biases is the same spike train, and with them stays
right. What else differs is in `snnplug_codings.clocked`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Le
from torch import Tensor

from snnplug_codings.channels import channels_of
from snnplug_codings.rate import Rate
from snnplug_codings.scale import rows_of

__all__ = ["RMP"]


class RMP(Rate):
    """Rate coding with sequential threshold balancing: current `[T, B, C, *]` to spikes of value theta.

    Attributes:
        theta: threshold and value of a spike, `[]` or `[C]`; its absolute value counts.

    Args:
        theta: before calibration.
        scale: theta after calibration, of the greatest current of a step; above 0, at most 1.
        per_channel: a theta of its own for each channel.
        surrogate: a name in `snnplug.nn.SURROGATES`, of the potential in units of the threshold.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    sequential: ClassVar[bool] = True

    def __init__(
        self,
        *,
        theta: Annotated[float, Gt(0)] = 1.0,
        scale: Annotated[float, Gt(0), Le(1)] = 1.0,
        per_channel: bool = False,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(
            theta=theta,
            initial="zero",
            norm="max",
            per_channel=per_channel,
            surrogate=surrogate,
            alpha=alpha,
        )
        self.scale = float(scale)

    def start(self, samples: Tensor, received: Tensor | None = None) -> None:
        """Set theta.

        Args:
            samples: potentials `[n, C, *]` that the same layer of an ANN has.
            received: currents `[T, n, C, *]` of the layer in the spiking network as calibrated so far; None
                for the first layer, whose current is the ANN's potential in every step.
        """
        self.materialize(channels_of(samples.shape), samples)
        steps = samples if received is None else received.flatten(0, 1)
        top = rows_of(steps.detach(), per_channel=self.per_channel).amax(-1)
        top = torch.where(top > 0, self.scale * top, 1.0)
        self.put(theta=top.view(self.theta.shape))

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"scale={self.scale}, per_channel={self.per_channel}"
