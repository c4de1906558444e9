"""Time folding: stateless layers see `[T·B, ...]`, and what is constant in time is computed once.

An input that does not change over time is a stride-0 expansion along T, as the direct
encoder returns it. A stateless layer then runs on one step and its result is expanded
again, so the layers before the first neuron cost 1/T without anyone asking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.nn.stream import continue_stream, start_stream, step_stream

__all__ = [
    "TimeModule",
    "TimeSequential",
    "fold",
    "is_static",
    "join_steps",
]


_BY_SAMPLE = (  # what these do to a sample does not depend on the others
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.Flatten, nn.Identity, nn.ReLU),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
)
_PIECE_BYTES = 1 << 20  # of the input: what follows from it then stays in the cache


class TimeModule(nn.Module):
    """A module that takes the time axis itself: `[T, B, *]` in, `[T, B, *]` out.

    It also runs step by step, with what it remembers as a state that is handed in and out:

        state = net.initial_state(x[0])
        for x_t in x:
            y_t, state = net.step(x_t, state)
    """

    def initial_state(self, x: Tensor) -> Any:
        """Return the state before the first step.

        Args:
            x: input of one step `[B, *]`; its shape is used, not its values.

        Raises:
            ContractError: a neuron in it needs the whole window of steps.
        """
        return start_stream(self, x)

    def step(self, x: Tensor, state: Any) -> tuple[Any, Any]:
        """Run one time step.

        Args:
            x: input `[B, *]`.
            state: from `initial_state` or the step before.

        Returns:
            Output `[B, *]` and the next state.
        """
        return step_stream(self, x, state)

    def sequence(self, x: Tensor, state: Any) -> tuple[Any, Any]:
        """Run `[t, B, *]`, any number of steps, from a state; return outputs and the state after the last."""
        return continue_stream(self, x, state)


def is_static(x: Tensor) -> bool:
    """Whether `[T, B, *]` is one step expanded over time."""
    return x.shape[0] > 1 and x.stride(0) == 0


def fold(module: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a stateless module on every time step.

    Args:
        module: a module for `[B, *]` that keeps nothing between calls. Batch norm inside it
            normalises over time and batch together.
        x: `[T, B, *]`.

    Returns:
        `[T, B, *]`; a stride-0 expansion if `x` is one.
    """
    if is_static(x):
        y = module(x[0])
        return y.unsqueeze(0).expand(x.shape[0], *y.shape)
    y = module(x.flatten(0, 1))
    return y.reshape(*x.shape[:2], *y.shape[1:])


def join_steps(steps: Sequence[Tensor]) -> Tensor:
    """Return single steps `[B, *]` as `[T, B, *]`; images keep their order in memory."""
    joined = torch.cat(list(steps))
    return joined.view(len(steps), -1, *joined.shape[1:])


class TimeSequential(TimeModule):
    """Layers in a row: neurons and other time modules take `[T, B, *]`, all others are folded.

    Neighbouring stateless layers are folded together, so a static input passes all of them once.
    On a CPU they are folded a few time steps at a time where each sample passes them by itself.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, *]` to `[T, B, *]`."""
        row: list[nn.Module] = []
        for layer in self.layers:  # no itertools here, which torch.compile cannot follow
            if isinstance(layer, TimeModule):
                x = _fold_row(row, x)  # lets go of what came before
                x = layer(x)
                row = []
            else:
                row.append(layer)
        return _fold_row(row, x)


def _fold_row(layers: list[nn.Module], x: Tensor) -> Tensor:
    if not layers:
        return x

    def row(values: Tensor) -> Tensor:
        for layer in layers:
            values = layer(values)
        return values

    if len(layers) == 1 or x.device.type != "cpu" or torch.compiler.is_compiling() or is_static(x):
        return fold(row, x)
    steps = max(1, _PIECE_BYTES // max(1, x[0].numel() * x.element_size()))
    if steps >= len(x) or any(type(layer) not in _BY_SAMPLE for layer in layers):
        return fold(row, x)
    flat = torch.cat([row(piece.flatten(0, 1)) for piece in torch.split(x, steps)])
    return flat.reshape(*x.shape[:2], *flat.shape[1:])
