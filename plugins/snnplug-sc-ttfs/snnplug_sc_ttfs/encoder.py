"""Pixels as spikes of SC-TTFS: one window of at most two spikes a pixel, before the first layer.

R. Feng et al., Computer Science 51(3):244-250, 2024, do not say how images go in. Given as they are they cost
nothing before the first layer (the encoder `direct` with one step), which reproduces the paper's latencies;
coded they cost a window more. The code is that of pixels in [0, 1]; the normalisation follows it, and belongs
to the weights and biases of the first layer.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Generator, Tensor

from snnplug import Task
from snnplug.nn import Encoder
from snnplug_sc_ttfs.neuron import SCTTFS

__all__ = ["SCTTFSEncoder"]


class SCTTFSEncoder(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as decoded values `[T, B, C, H, W]`, constant in time.

    Attributes:
        slots: time steps of the window that comes before the network.

    Args:
        task: shape and normalisation of the values.
        steps: number of time steps T; 1 for a network of windows, more for neurons that run step by step.
        slots: time steps S of a window.
        thresholds: "midpoints" sends the nearest value, "paper" the next lower.
        fit: thresholds for values that are spread evenly over [0, 1]; without it those of `preset`.
        preset: "cifar10" or "cifar100".
        normalise: subtract the task's mean and divide by its standard deviation, per channel.

    Raises:
        ValueError: a value is out of its range, or the data are events.
        ParameterError: a name is unknown.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] = 1,
        slots: Annotated[int, Ge(1)] = 6,
        thresholds: Literal["midpoints", "paper"] = "midpoints",
        fit: bool = True,
        preset: Literal["cifar10", "cifar100"] = "cifar10",
        normalise: bool = True,
    ) -> None:
        super().__init__(task, steps)
        if task.events:
            raise ValueError(
                "sc_ttfs encodes images, but the data are events; use an encoder that keeps their time axis"
            )
        self.neuron = SCTTFS(preset=preset, slots=slots, thresholds=thresholds).requires_grad_(False)
        if fit:
            self.neuron.calibrate(torch.linspace(0, 1, 1025).view(-1, 1))
        self.slots = slots
        channels = (-1, *[1] * (len(task.input_shape) - 1))
        mean = torch.tensor(task.mean if normalise and task.mean else (0.0,)).reshape(channels)
        std = torch.tensor(task.std if normalise and task.std else (1.0,)).reshape(channels)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        decoded = self.neuron(values.unsqueeze(0))
        decoded = (decoded - self.mean.to(decoded.dtype)) / self.std.to(decoded.dtype)
        return decoded.expand(self.steps, *values.shape)

    def spike_counts(self, encoded: Tensor) -> Tensor:
        """Return for how many spikes each of the values `[T, B, C, H, W]` that it has sent stands."""
        return self.neuron.spike_counts(encoded * self.std.to(encoded.dtype) + self.mean.to(encoded.dtype))
