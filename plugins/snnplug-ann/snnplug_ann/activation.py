"""Activations that stand where a neuron does: with one time step the network is then the ordinary ANN.

    ReLU    y = max(x, 0)
    Clamp   y = min(max(x, 0), bound);  ReLU6 is that with a bound of 6

ReLU: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010. With a
bound: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010. They remember nothing, so the
membrane potential of their state is 0 and never changes, and an input that is constant in time passes once.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt
from torch import Tensor

from snnplug.nn import MembraneState, SpikingNeuron, is_static

__all__ = ["Activation", "Clamp", "ReLU", "ReLU6"]


class Activation(SpikingNeuron):
    """Current `[T, B, *]` to analog values `[T, B, *]`, one by one; a subclass writes `activate`."""

    analog: ClassVar[bool] = True

    @abstractmethod
    def activate(self, x: Tensor) -> Tensor:
        """Return the values of a current of any shape."""

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return a potential of 0 for an input `[B, *]`; it takes no memory."""
        return MembraneState(x.new_zeros(()).expand(x.shape))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Return the values of one step, and the state as it was; shapes as in `SpikingNeuron.step`."""
        return self.activate(x), state

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Do the same for `[T, B, *]`; a stride-0 expansion along T stays one."""
        return (self.activate(x[0]).expand(x.shape) if is_static(x) else self.activate(x)), state


class ReLU(Activation):
    """max(x, 0): current `[T, B, *]` to analog values `[T, B, *]`."""

    def activate(self, x: Tensor) -> Tensor:
        """Cut below 0."""
        return torch.relu(x)


class Clamp(Activation):
    """min(max(x, 0), bound): current `[T, B, *]` to analog values `[T, B, *]`.

    Args:
        bound: largest value, above 0; for none use relu.

    Raises:
        ValueError: the bound is no number above 0.
    """

    def __init__(self, *, bound: Annotated[float, Gt(0)] = 1.0) -> None:
        super().__init__()
        self.bound = float(bound)

    def activate(self, x: Tensor) -> Tensor:
        """Cut below 0 and above the bound."""
        return x.clamp(0, self.bound)

    def extra_repr(self) -> str:
        """Show the bound."""
        return f"bound={self.bound:g}"


class ReLU6(Clamp):
    """min(max(x, 0), 6): current `[T, B, *]` to analog values `[T, B, *]`."""

    def __init__(self) -> None:
        super().__init__(bound=6.0)
