"""Parameters whose shape follows the input: one dry forward gives them their shape.

It must happen before an optimizer is made, or the optimizer never sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import nn

from snnplug.errors import ContractError
from snnplug.nn.mode import evaluating
from snnplug.nn.time_axis import explaining_time

__all__ = ["is_materialized", "materialize", "needing_shapes"]


def is_materialized(module: nn.Module) -> bool:
    """Whether every parameter has a shape."""
    return not any(isinstance(p, nn.parameter.UninitializedParameter) for p in module.parameters())


def materialize(module: nn.Module, *inputs: Any, partly: bool = False) -> None:
    """Give every parameter its shape by one forward pass that leaves nothing else behind.

    The pass runs in evaluation mode without gradients. Buffers and the train or
    evaluation mode are as before; the random generator advances only by what the
    parameters' own initialisation draws.

    Args:
        module: changed in place.
        inputs: what it will be called with; values do not matter.
        partly: parameters that the pass does not come to may stay without a shape.

    Raises:
        ContractError: a parameter is still without a shape afterwards, or a layer refuses the time axis.
    """
    if is_materialized(module):
        return
    with evaluating(module), torch.no_grad(), explaining_time(module):
        module(*inputs)
    missing = [
        name for name, p in module.named_parameters() if isinstance(p, nn.parameter.UninitializedParameter)
    ]
    if missing and not partly:
        raise ContractError(
            f"parameters without a shape after a forward pass: {', '.join(missing)}; "
            "a neuron must give them one in initial_state"
        )


def needing_shapes(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a method of a module that says what to do where parameters have no shape yet.

    Raises:
        ContractError: by the method, in place of torch's error about one of them.
    """

    @wraps(method)
    def called(self: Any) -> Any:
        try:
            return method(self)
        except (ValueError, RuntimeError) as error:
            if is_materialized(self):
                raise
            raise ContractError(
                f"{type(self).__name__} has parameters whose shape follows its current, and has seen none "
                "yet; call it with a current [T, B, C, ...] or calibrate it before asking for its "
                f"{method.__name__}"
            ) from error

    called.needs_shapes = True  # type: ignore[attr-defined]
    return called
