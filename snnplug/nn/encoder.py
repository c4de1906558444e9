"""Encoders: values to an input with a time axis."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from annotated_types import Ge
from torch import Generator, Tensor, nn

from snnplug.contracts import Task
from snnplug.contracts.ranges import ChecksRanges

__all__ = ["Encoder"]


class Encoder(nn.Module, ChecksRanges):
    """Turns values `[B, C, H, W]` in [0, 1] into an input `[T, B, C', H', W']`.

    Built as `target(task, *, steps, ...)`. Ranges in the types of its parameters are checked.

    Args:
        task: shape and normalisation of the values.
        steps: number of time steps T, at least 1; None for as many as the data has, if it has a time axis.
        usual: the number for None where the data has none.

    Raises:
        ValueError: `steps` is less than 1, or not given where samples have different numbers of them.
    """

    def __init__(self, task: Task, steps: Annotated[int, Ge(1)] | None, usual: int = 4) -> None:
        super().__init__()
        if steps is None and task.events:
            steps = task.steps
            if not steps:
                raise ValueError(
                    "steps must be given: samples of this data have different numbers of time steps, and are "
                    "cut or padded to it"
                )
        self.task, self.steps = task, usual if steps is None else steps

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one input at one step; another than the task's where the encoder changes it."""
        return self.task.input_shape

    @abstractmethod
    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode.

        Args:
            values: `[B, C, H, W]` in [0, 1].
            generator: source of all randomness, on the CPU whatever the device of `values`,
                so that every device sees the same spikes.

        Returns:
            `[T, B, C', H', W']`; a stride-0 expansion along T if it is constant in time.
        """

    def extra_repr(self) -> str:
        """Show the number of steps."""
        return f"steps={self.steps}"
