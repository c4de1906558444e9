"""A part of a network that remembers something from one time step to the next.

    class Echo(StatefulModule):
        def initial_state(self, x):               # x [B, *], of one step
            return torch.zeros_like(x)

        def sequence(self, x, state):             # x [t, B, *], any number of steps
            y = x + torch.cat([state[None], x[:-1]])
            return y, x[-1]                       # the state after the last of them

That is all that a network with it needs to run step by step as it runs whole; see `snnplug.nn.stream`. A
state is a tensor, or a tuple, list or dictionary of such. Neurons are of this kind, and so is whatever calls
`step` of neurons in a loop of its own: their states belong to its own then.
"""

from __future__ import annotations

from typing import Any, overload

from torch import Tensor

from snnplug.nn.stream import current_pass
from snnplug.nn.time import TimeModule

__all__ = ["StatefulModule"]


class StatefulModule(TimeModule):
    """Base of such parts: `[T, B, *]` to `[T, B, *]`; see the module's text."""

    @property
    def remembers(self) -> bool:
        """Whether it does, as it is set up; False: it is run as if it were no part of this kind."""
        return True

    def initial_state(self, x: Tensor) -> Any:
        """Return the state before the first step.

        Args:
            x: input of one step `[B, *]`; its shape, type and device are used, not its values.
        """
        raise NotImplementedError(f"{type(self).__name__} must define initial_state")

    def sequence(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Advance over `[t, B, *]` from a state, and return outputs and the state after the last step."""
        raise NotImplementedError(f"{type(self).__name__} must define sequence")

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Advance one time step, `[B, *]`."""
        y, state = self.sequence(x.unsqueeze(0), state)
        return y[0], state

    @overload
    def forward(self, x: Tensor) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]: ...
    def forward(self, x: Tensor, state: Any = None) -> Tensor | tuple[Tensor, Any]:
        """Run a sequence from the initial state, or continue one.

        Args:
            x: `[T, B, *]`.
            state: None for the initial one.

        Returns:
            `[T, B, *]`; with a state given also the state after the last step.
        """
        if state is not None:
            return self.sequence(x, state)
        return self.sequence(x, self.initial_state(x[0]))[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, within a stream from what it remembers of that."""
        running = current_pass()
        if running is None or id(self) not in running.names:
            return super().__call__(*args, **kwargs)
        x, state = _arguments(*args, **kwargs)
        if state is not None:
            return super().__call__(x, state)
        return running.run(self, x, super().__call__)


def _arguments(x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
    return x, state
