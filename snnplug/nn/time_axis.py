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
        for layer, given in _calls(error.__traceback__):
            batch = _DIMENSIONS.get(type(layer).__name__[-2:].lower())
            if batch is not None and given.dim() == batch + 1:
                name = next((name for name, module in network.named_modules() if module is layer), "")
                kind = type(layer).__name__
                raise ContractError(
                    f"the layer {name or kind!r} ({kind}) was given {list(given.shape)}, time steps first, "
                    "and takes one step at a time: put layers and neurons into "
                    "snnplug.nn.TimeSequential(...) in place of nn.Sequential, or run the layer by "
                    "snnplug.nn.fold(layer, x)"
                ) from error
        raise


def _calls(traceback: TracebackType | None) -> Iterator[tuple[nn.Module, Tensor]]:
    """Yield the modules that were running, the outermost first, with the tensor that each was given."""
    while traceback is not None:
        names = traceback.tb_frame.f_locals
        layer, given = names.get("self"), names.get("input", names.get("x"))
        if isinstance(layer, nn.Module) and isinstance(given, Tensor):
            yield layer, given
        traceback = traceback.tb_next
