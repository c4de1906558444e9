"""The operations on the edges of a cell: zero, identity, spiking convolutions and pools.

    convK       neuron -> K x K convolution without bias -> batch norm per time step
    convK@V     the same with a neuron of threshold V, such as conv3@0.5
    avg_pool    3 x 3 average, stride 1, the zeros of the border counted
    max_pool    3 x 3 maximum, stride 1

The neuron comes first, so what flows into a node is analog and is summed there. All
operations keep the shape. Each can run a whole sequence or one time step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d, TimeModule, fold

__all__ = ["Conv", "NewNeuron", "Operation", "SpikingConv", "Stateless", "check_operations", "make_operation"]

NewNeuron = Callable[..., SpikingNeuron]  # called with a threshold, or nothing for the neuron's own

_CONV = re.compile(r"conv([1-9]\d*)(?:@(\d+(?:\.\d+)?))?")
_POOLS: Mapping[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "avg_pool": lambda: nn.AvgPool2d(3, 1, 1),
    "max_pool": lambda: nn.MaxPool2d(3, 1, 1),
}


class Operation(TimeModule):
    """An edge: a neuron or none, and what follows it; `[T, B, C, H, W]` to the same shape."""

    neuron: SpikingNeuron | None

    def after(self, x: Tensor, t: int = 0) -> Tensor:
        """Apply what follows the neuron to its spikes, `[B, C, H, W]` of time step t."""
        raise NotImplementedError

    def after_all(self, x: Tensor) -> Tensor:
        """Apply what follows the neuron to a sequence."""
        return fold(self.after, x)

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence."""
        return self.after_all(x if self.neuron is None else self.neuron(x))


class SpikingConv(Operation):
    """Neuron, convolution, batch norm.

    Args:
        channels: number of channels C.
        kernel: side of the kernel, odd.
        neuron: its neuron.
    """

    def __init__(self, channels: int, kernel: int, neuron: SpikingNeuron) -> None:
        super().__init__()
        self.neuron = neuron
        self.conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
        self.norm = StepwiseBatchNorm2d(channels)

    def after(self, x: Tensor, t: int = 0) -> Tensor:
        """Convolve and normalise one time step."""
        return self.norm.step(self.conv(x), t)

    def after_all(self, x: Tensor) -> Tensor:
        """Convolve a sequence at once, and normalise each of its steps by itself."""
        out: Tensor = self.norm(fold(self.conv, x))
        return out


class Stateless(Operation):
    """An operation without a neuron."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.neuron = None

    def after(self, x: Tensor, t: int = 0) -> Tensor:
        """Apply the module."""
        out: Tensor = self.module(x)
        return out


class Conv(NamedTuple):
    """What `convK` or `convK@V` says: side of the kernel, and threshold, None for the neuron's own."""

    kernel: int
    threshold: float | None

    @classmethod
    def of(cls, name: str) -> Conv | None:
        """Read a name; None where it is no convolution."""
        match = _CONV.fullmatch(name)
        if match is None or int(match[1]) % 2 == 0:
            return None
        return cls(int(match[1]), float(match[2]) if match[2] else None)

    def __str__(self) -> str:
        return f"conv{self.kernel}" + (f"@{self.threshold:g}" if self.threshold is not None else "")


def check_operations(names: Sequence[str]) -> tuple[str, ...]:
    """Return the operations, whose position is their code, each written in one way.

    Raises:
        ValueError: one is unknown or double, zero is not first, or there are too few or too many.
    """
    names = [str(Conv.of(name) or name) for name in names]
    for name in names:
        conv = Conv.of(name)
        if name != "zero" and name not in _POOLS and not conv:
            raise ValueError(
                f"operations must be of zero, {', '.join(_POOLS)} and convK with odd K such as conv3, "
                f"or conv3@0.5 for a threshold, got {name!r}"
            )
        if conv and conv.threshold == 0:
            raise ValueError(f"operations must have thresholds above 0, got {name!r}")
    if not names or names[0] != "zero" or not 2 <= len(names) <= 10 or len(set(names)) < len(names):
        raise ValueError(
            f"operations must be 2 to 10 different ones and begin with 'zero', which is no edge, "
            f"got {list(names)}"
        )
    return tuple(names)


def make_operation(name: str, channels: int, new_neuron: NewNeuron) -> Operation:
    """Return a new operation, not zero, for `channels` channels."""
    conv = Conv.of(name)
    if conv is None:
        return Stateless(_POOLS[name]())
    neuron = new_neuron() if conv.threshold is None else new_neuron(conv.threshold)
    return SpikingConv(channels, conv.kernel, neuron)
