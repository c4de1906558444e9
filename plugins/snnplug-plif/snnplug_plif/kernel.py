"""SpikingJelly's surrogates for its fused kernels. Importing it takes seconds: only where one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["SURROGATES"]


def _spikingjelly(name: str, alpha: float) -> Any:
    from spikingjelly.activation_based import surrogate

    return getattr(surrogate, name)(alpha)


# the same derivatives under SpikingJelly's names, with alpha in its convention
SURROGATES: Mapping[str, Callable[[float], Any]] = {
    "atan": lambda alpha: _spikingjelly("ATan", alpha),
    "sigmoid": lambda alpha: _spikingjelly("Sigmoid", alpha),
    "triangle": lambda alpha: _spikingjelly("PiecewiseQuadratic", 1 / alpha),
}
