"""Parameters that a layer shares, or that each of its channels has for itself.

Those of channels get their number from the first current, or from the checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import State, WindowNeuron

__all__ = ["ChannelParameters", "ChannelWindow", "along", "channels_of"]


def channels_of(shape: torch.Size) -> int:
    """Return the number of channels of one step `[B, C, *]`; 1 where there is no such axis."""
    return shape[1] if len(shape) > 1 else 1


def along(parameter: Tensor, x: Tensor) -> Tensor:
    """Return a parameter `[]` or `[C]` in a shape that broadcasts to `[B, C, *]`."""
    return parameter.view(-1, *[1] * (x.ndim - 2)) if parameter.ndim else parameter


class ChannelParameters(nn.Module):
    """What a neuron inherits, before its own base, to have parameters `[]`, or `[C]` by `per_channel`."""

    per_channel: bool
    starts: dict[str, float]

    def declare(self, *, per_channel: bool, **starts: float) -> None:
        """Register a parameter for each name, with the value that it starts at."""
        self.per_channel, self.starts = per_channel, {name: float(value) for name, value in starts.items()}
        for name, value in self.starts.items():
            setattr(
                self, name, nn.UninitializedParameter() if per_channel else nn.Parameter(torch.tensor(value))
            )

    def materialize(self, channels: int, like: Tensor) -> None:
        """Give each channel parameters of its own, if they have none yet.

        Raises:
            ContractError: they are for another number of channels.
        """
        if not self.per_channel:
            return
        for name, value in self.starts.items():
            parameter = getattr(self, name)
            if isinstance(parameter, nn.UninitializedParameter):
                dtype = torch.promote_types(like.dtype, torch.float32)
                with torch.no_grad():
                    parameter.materialize((channels,), device=like.device, dtype=dtype)
                    parameter.fill_(value)
            elif len(parameter) != channels:
                raise ContractError(
                    f"{type(self).__name__} has parameters for {len(parameter)} channels, but its current "
                    f"has {channels}; build it for these channels, or share them in the layer with "
                    "per_channel = false"
                )

    def put(self, **values: Tensor) -> None:
        """Set parameters to values of their shape."""
        with torch.no_grad():
            for name, value in values.items():
                getattr(self, name).copy_(value)


class ChannelWindow(ChannelParameters, WindowNeuron):
    """Base of window codes with such parameters."""

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Sum `[T, B, C, *]` over time and send the code of it."""
        self.materialize(channels_of(x.shape[1:]), x)
        return super().sequence(x, state)

    def calibrate(self, samples: Tensor, received: Tensor | None = None) -> None:
        """Set parameters from potentials `[n, C, *]`; see `snnplug.nn.WindowNeuron`."""
        self.materialize(channels_of(samples.shape), samples)
        super().calibrate(samples, received)
