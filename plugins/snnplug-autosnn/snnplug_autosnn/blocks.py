"""The spiking blocks that AutoSNN chooses from (Na et al., ICML 2022, arXiv 2201.12738).

    skip      x; where the channels change, neuron(bn(conv1x1(x))); with stride 2 two 1x1 convolutions,
              the second one pixel further down and right, half of the channels each
    SCB_kK    neuron(bn(convK(neuron(bn(convK(x))))))
    SRB_kK    neuron(bn(convK(neuron(bn(convK(x))))) + shortcut(x))
    SIB_kK_eE neuron(bn(conv1x1(neuron(bn(convK(neuron(bn(conv1x1(x)))))))) + shortcut(x))

SIB is E times as wide inside. A shortcut is x, or bn(conv1x1(x)) where channels or size change. Convolutions
have no bias; the first of kernel K has the stride. As published, SIB's inner convolution is not by channel,
whatever its name promises, and it has no shortcut with stride 2. What differs: SIB's shortcut, where channels
change with stride 1, is that of SRB.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d, TimeModule, TimeSequential, fold

__all__ = ["BatchNorm", "Make", "block", "check_blocks", "neurons_in_a_row"]

BatchNorm = Literal["per_step", "joint"]
NewNeuron = Callable[[], SpikingNeuron]

_NAME = re.compile(r"skip|(SCB|SRB)_k(\d+)|SIB_k(\d+)_e(\d+)")


class Make:
    """Makes the parts of a network.

    Args:
        neuron: called for each layer of neurons.
        batch_norm: "per_step" with the statistics of each time step alone, "joint" over time and batch.
    """

    def __init__(self, neuron: NewNeuron, batch_norm: BatchNorm) -> None:
        self.neuron, self.batch_norm = neuron, batch_norm

    def norm(self, channels: int) -> nn.Module:
        """Return a batch norm."""
        return StepwiseBatchNorm2d(channels) if self.batch_norm == "per_step" else nn.BatchNorm2d(channels)

    def conv_norm(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> TimeSequential:
        """Return a convolution that keeps the size (divided by the stride), and its batch norm."""
        return TimeSequential(_conv(inputs, outputs, kernel, stride), self.norm(outputs))

    def shortcut(self, inputs: int, outputs: int, stride: int) -> TimeSequential:
        """Return what is added to a residual block."""
        if stride == 1 and inputs == outputs:
            return TimeSequential()
        return self.conv_norm(inputs, outputs, 1, stride)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class ConvBlock(TimeModule):
    """SCB, and with a shortcut SRB: `[T, B, C, H, W]` to `[T, B, C', H', W']`."""

    def __init__(
        self, make: Make, inputs: int, outputs: int, stride: int, kernel: int, *, residual: bool
    ) -> None:
        super().__init__()
        self.conv1 = make.conv_norm(inputs, outputs, kernel, stride)
        self.neuron1 = make.neuron()
        self.conv2 = make.conv_norm(outputs, outputs, kernel)
        self.neuron2 = make.neuron()
        self.shortcut = make.shortcut(inputs, outputs, stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        y = self.conv2(self.neuron1(self.conv1(x)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        out: Tensor = self.neuron2(y)
        return out


class InvertedBlock(TimeModule):
    """SIB: `[T, B, C, H, W]` to `[T, B, C', H', W']`."""

    def __init__(
        self, make: Make, inputs: int, outputs: int, stride: int, kernel: int, expansion: int
    ) -> None:
        super().__init__()
        inside = expansion * inputs
        self.widen = TimeSequential(make.conv_norm(inputs, inside), make.neuron())
        self.conv = TimeSequential(make.conv_norm(inside, inside, kernel, stride), make.neuron())
        self.narrow = make.conv_norm(inside, outputs)
        self.neuron = make.neuron()
        self.shortcut = make.shortcut(inputs, outputs, stride) if stride == 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        y = self.narrow(self.conv(self.widen(x)))
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        out: Tensor = self.neuron(y)
        return out


class HalvingSkip(TimeModule):
    """skip with stride 2: two 1x1 convolutions of neighbouring pixels, side by side."""

    def __init__(self, make: Make, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, outputs // 2, 1, 2)
        self.conv2 = _conv(inputs, outputs - outputs // 2, 1, 2)
        self.norm = TimeSequential(make.norm(outputs))
        self.neuron = make.neuron()

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        # an image of odd size gets a row and a column of zeros where the second one has no pixel left
        odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
        shifted = nn.functional.pad(x[..., 1:, 1:], odd)
        y = torch.cat([fold(self.conv1, x), fold(self.conv2, shifted)], 2)
        out: Tensor = self.neuron(self.norm(y))
        return out


def block(name: str, make: Make, inputs: int, outputs: int, stride: int) -> TimeModule:
    """Return a freshly initialised block.

    Args:
        name: of `check_blocks`.
        make: makes its parts.
        inputs, outputs: channels.
        stride: 1 or 2.
    """
    match = _NAME.fullmatch(name)
    assert match is not None
    kind, kernel, inner, expansion = match.groups()
    if kind:
        return ConvBlock(make, inputs, outputs, stride, int(kernel), residual=kind == "SRB")
    if inner:
        return InvertedBlock(make, inputs, outputs, stride, int(inner), int(expansion))
    if stride == 2:
        return HalvingSkip(make, inputs, outputs)
    if inputs != outputs:
        return TimeSequential(make.conv_norm(inputs, outputs), make.neuron())
    return TimeSequential()


def neurons_in_a_row(name: str, inputs: int, outputs: int, stride: int) -> int:
    """Return how many layers of neurons a signal passes in a block, one after another."""
    if name == "skip":
        return int(stride == 2 or inputs != outputs)
    return 3 if name.startswith("SIB") else 2


def check_blocks(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of blocks to choose from.

    Raises:
        ValueError: one is unknown or named twice, a kernel is even, or there are none.
    """
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(
                f"blocks must hold names such as 'skip', 'SCB_k3', 'SRB_k5' and 'SIB_k3_e3', got {name!r}"
            )
        if any(int(kernel) % 2 == 0 for kernel in (match[2], match[3]) if kernel) or match[4] == "0":
            raise ValueError(f"blocks must have odd kernels and widen at least once, got {name!r}")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"blocks must hold different names, at least one, got {list(names)}")
    return names
