"""Population encoding: each value as the responses of n neurons with overlapping receptive fields.

    r_i = exp(-(value - c_i)^2 / (2 w^2))        i = 1 .. n
    c_i = (2 i - 3) / (2 (n - 2)),   w = 1 / (beta (n - 2))

Bohte et al., Neurocomputing 2002, doi:10.1016/S0925-2312(01)00658-0, for values in [0, 1]; beta = 1.5
there. The first and the last centre lie outside, so that values at the ends excite as many neurons as
others. Each channel becomes n channels beside each other. The responses, again in [0, 1], get their
time axis from another encoder, such as latency, as in the paper, or a rate code; without one they are
a constant current.
"""

from __future__ import annotations

from typing import Annotated

import attrs
import torch
from annotated_types import Ge, Gt
from torch import Generator, Tensor

from snnplug import Component, Task
from snnplug.errors import ContractError
from snnplug.nn import Encoder
from snnplug_encoders.direct import Direct
from snnplug_encoders.static import require_static

__all__ = ["Population"]


class Population(Encoder):
    """Values `[B, C, H, W]` in [0, 1] as the activity of populations `[T, B, n C, H, W]`.

    Args:
        task: shape of the values.
        steps: number of time steps T; the base has the same.
        neurons: number of neurons n for each value, at least 3.
        beta: inverse width of the receptive fields in distances between centres; above 0.
        base: encoder that gives the responses a time axis; None for a constant current.

    Raises:
        ValueError: `steps`, `neurons` or `beta` is out of its range.
        ContractError: the task has events, or the base is no encoder.
    """

    centres: Tensor

    def __init__(
        self,
        task: Task,
        *,
        steps: Annotated[int, Ge(1)] = 4,
        neurons: Annotated[int, Ge(3)] = 8,
        beta: Annotated[float, Gt(0)] = 1.5,
        base: Component | None = None,
    ) -> None:
        super().__init__(task, steps)
        require_static(task, "population")
        self.neurons, self.beta = neurons, float(beta)
        if base is not None and base.parameters.get("steps", steps) != steps:
            raise ValueError(
                f"steps of the base must be those of the population, {steps}; leave them out there"
            )
        channels, *rest = task.input_shape
        wide = attrs.evolve(task, input_shape=(channels * neurons, *rest), mean=(), std=())
        built = Direct(wide, steps=steps) if base is None else base.build(wide, steps=steps)
        if not isinstance(built, Encoder):
            raise ContractError(f"base must be an encoder (a snnplug.nn.Encoder), got {built!r}")
        self.base = built
        i = torch.arange(1, neurons + 1, dtype=torch.float64)
        self.register_buffer("centres", (2 * i - 3) / (2 * (neurons - 2)), persistent=False)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one input at one step: the base's, for n times as many channels."""
        return self.base.output_shape

    def responses(self, values: Tensor) -> Tensor:
        """Return the responses `[B, n C, H, W]` to values `[B, C, H, W]`."""
        centres = self.centres.double().reshape(-1, *[1] * (values.ndim - 2))
        # in float64, so that after rounding every device has the same
        distance = (values.unsqueeze(2).double() - centres) * (self.beta * (self.neurons - 2))
        return torch.exp(-distance.square() / 2).flatten(1, 2).to(values.dtype)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        """Encode; shapes as in `snnplug.nn.Encoder`."""
        encoded: Tensor = self.base(self.responses(values), generator)
        return encoded

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"steps={self.steps}, neurons={self.neurons}, beta={self.beta}"
