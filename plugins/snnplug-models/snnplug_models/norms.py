"""Normalisation of the currents behind a layer, by name.

    joint      y[t] = gamma (x[t] - mu) / sqrt(var + eps) + beta         over time, batch and image together
    per_step   the same with mu and var of each step alone
    tebn       y[t] = p[t] (gamma (x[t] - mu) / sqrt(var + eps) + beta)  p of one number a step, at first 1
    tdbn       y[t] = gamma (alpha threshold) (x[t] - mu) / sqrt(var + eps) + beta

tebn: Duan et al., NeurIPS 2022. tdbn: Zheng et al., AAAI 2021, arXiv:2011.05280, with alpha = 1 / sqrt(n)
where the currents of n branches are added, and 1 elsewhere. Both have the statistics of "joint", and its
names of weights. What differs: alpha and threshold are factors of their own, as in the paper, where
SpikingJelly starts gamma at their product. In evaluation p[t] is part of the scale and shift of each step,
so that tebn costs what batch norm does; in training it is a product of its own, which a recorder names.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from snnplug import Component, Task
from snnplug.errors import ContractError
from snnplug.nn import (
    SpikingNeuron,
    StepwiseBatchNorm2d,
    TimeModule,
    as_neuron,
    current_pass,
    fold,
    join_steps,
    steps_before,
)

__all__ = ["BatchNorm", "Norm", "TemporalBatchNorm", "ThresholdBatchNorm", "norm"]

BatchNorm: TypeAlias = Literal["joint", "per_step", "tebn", "tdbn", "none"]


class _Norm(_BatchNorm):
    """Batch norm over all axes but the second, for any number of them."""

    def normalise(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Normalise `[B, C, *]`, then scale and shift by `[C]`; in training update the running statistics."""
        momentum = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if momentum is None else momentum
        return F.batch_norm(
            x, self.running_mean, self.running_var, weight, bias, self.training, momentum or 0.0, self.eps
        )


class ThresholdBatchNorm(_Norm):
    """Threshold-dependent batch norm: currents start at a deviation of alpha times the threshold.

    Args:
        channels: number of channels C.
        threshold: of the neurons that get the currents.
        branches: how many currents are added before them; alpha = 1 / sqrt(branches).
    """

    def __init__(self, channels: int, threshold: float = 1.0, branches: int = 1) -> None:
        super().__init__(channels)
        self.factor = threshold / math.sqrt(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[B, C, *]`, of all steps together, to the same shape."""
        return self.normalise(x, self.weight * self.factor, self.bias)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{self.num_features}, factor={self.factor:.4g}"


class TemporalBatchNorm(TimeModule, _Norm):
    """Temporal effective batch norm: one scale for each time step over that of batch norm.

    Args:
        channels: number of channels C.
        steps: number of time steps T.

    Attributes:
        p: the scales `[T]`.
    """

    def __init__(self, channels: int, steps: int) -> None:
        _Norm.__init__(self, channels)
        self.p = nn.Parameter(torch.ones(steps))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, *]` to the same shape.

        Raises:
            ContractError: the input has another number of steps, or a stream more.
        """
        first = steps_before()
        streams = current_pass() is not None
        if first + len(x) > len(self.p) or (len(x) < len(self.p) and not streams):
            raise ContractError(
                f"tebn has a scale for each of {len(self.p)} time steps, but the input has "
                f"{first + len(x)}; give it as many, or use batch_norm = 'joint'"
            )
        p = self.p[first : first + len(x)]
        if self.training:
            y = fold(lambda steps: self.normalise(steps, self.weight, self.bias), x)
            return y * p.view(-1, *[1] * (x.ndim - 1))
        of_steps = torch.outer(p, self.weight), torch.outer(p, self.bias)
        return join_steps([self.normalise(x_t, *scaled) for x_t, *scaled in zip(x, *of_steps, strict=True)])

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{self.num_features}, steps={len(self.p)}"


@attrs.frozen
class Norm:
    """Which normalisation a network has; makes one for each layer.

    Attributes:
        name: see the module's text; "none" for none.
        steps: number of time steps, which "tebn" needs.
        threshold: of the neurons, which "tdbn" needs.
        kept: number of steps of which "per_step" keeps running statistics apart, as steps of events are not
            alike; None for one set for all.
    """

    name: BatchNorm = "joint"
    steps: int = 1
    threshold: float = 1.0
    kept: int | None = None

    @property
    def bias(self) -> bool:
        """Whether the layer before needs a bias, as nothing behind it shifts."""
        return self.name == "none"

    def behind(self, channels: int, *, branches: int = 1, image: bool = True) -> list[nn.Module]:
        """Return the normalisation behind a layer, nothing for "none".

        Args:
            channels: of the layer.
            branches: how many currents are added before the next neuron, this one included.
            image: whether a step is `[B, C, H, W]` and not `[B, C]`.
        """
        if self.name == "none":
            return []
        if self.name == "per_step":
            return [StepwiseBatchNorm2d(channels, steps=self.kept)]
        if self.name == "tebn":
            return [TemporalBatchNorm(channels, self.steps)]
        if self.name == "tdbn":
            return [ThresholdBatchNorm(channels, self.threshold, branches)]
        return [nn.BatchNorm2d(channels) if image else nn.BatchNorm1d(channels)]


def norm(name: BatchNorm, task: Task, neuron: Component) -> Norm:
    """Return the normalisation of a network.

    Args:
        name: what a user asks for.
        task: with the number of time steps.
        neuron: with the threshold.

    Raises:
        ContractError: "tebn" without a number of steps, or "tdbn" for a neuron without a threshold.
    """
    if name == "tebn" and not task.steps:
        raise ContractError(
            "tebn has a scale for each time step, but their number is not known; give the encoder steps"
        )
    threshold = _threshold(as_neuron(neuron)) if name == "tdbn" else 1.0
    return Norm(name, task.steps or 1, threshold, task.steps or None if task.events else None)


def _threshold(neuron: SpikingNeuron) -> float:
    for part in neuron.modules():  # of a neuron around another one, the inner one has it
        found = getattr(part, "threshold", None)
        if isinstance(found, Tensor) and found.numel() == 1 and not isinstance(found, nn.Parameter):
            found = float(found)
        if isinstance(found, int | float) and 0 < found < math.inf:
            return float(found)
    raise ContractError(
        f"tdbn scales currents by the threshold of the neurons, but {type(neuron).__name__} has no fixed "
        "positive one; use batch_norm = 'joint', or another neuron, such as lif"
    )
