"""Layers of torch that cannot take a time axis, and what to use in their place.

torch says of an input with a time axis only how many dimensions it has. The layer that refused it, and what
it was given, stand in the frames of the exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from torch import Tensor, nn

from snnplug.errors import ContractError

__all__ = ["explaining_time"]

_DIMENSIONS: dict[str, int] = {"1d": 3, "2d": 4, "3d": 5}  # of a batch, by the end of the class's name


@contextmanager
def explaining_time(network: nn.Module) -> Iterator[None]:
    """Say of a layer that refuses the time axis of its input what to use, in place of torch's message.

    Args:
        network: what is run within; its name for the layer is said.

    Raises:
        ContractError: such a layer was given `[T, B, *]`. Any other exception passes as it is.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        flattened = False
        for layer, given in _calls(error.__traceback__):
            flattened |= isinstance(layer, nn.Sequential) and any(isinstance(m, nn.Flatten) for m in layer)
            if wrong := _wrong(layer, given, flattened):
                name = next((name for name, module in network.named_modules() if module is layer), "")
                kind = type(layer).__name__
                raise ContractError(
                    f"the layer {name or kind!r} ({kind}) was given {list(given.shape)}, {wrong}: use "
                    "snnplug.nn.TimeSequential(...) in place of nn.Sequential for layers and neurons, or run "
                    "the layer by snnplug.nn.fold(layer, x)"
                ) from error
        raise


def _wrong(layer: nn.Module, given: Tensor, flattened: bool) -> str:
    """Say what is wrong with an input, or nothing where it is not the time axis."""
    batch = _DIMENSIONS.get(type(layer).__name__[-2:].lower())
    if batch is not None and given.dim() == batch + 1:
        return "time steps first, and takes one step at a time"
    if isinstance(layer, nn.Linear) and flattened and given.dim() == 2:
        samples, rest = divmod(given.shape[1], layer.in_features)
        if samples > 1 and not rest:
            return f"since nn.Flatten has joined the values of {samples} samples of each time step"
    return ""


def _calls(traceback: TracebackType | None) -> Iterator[tuple[nn.Module, Tensor]]:
    """Yield the modules that were running, the outermost first, with the tensor that each was given."""
    while traceback is not None:
        names = traceback.tb_frame.f_locals
        layer, given = names.get("self"), names.get("input", names.get("x"))
        if isinstance(layer, nn.Module) and isinstance(given, Tensor):
            yield layer, given
        traceback = traceback.tb_next
