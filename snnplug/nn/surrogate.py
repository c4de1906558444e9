"""Spikes with a surrogate gradient, chosen by name.

Forward is the step function of `x`, the membrane potential minus the threshold; backward
multiplies by a smooth derivative instead of the step's own, which is zero. `alpha` is
each function's sharpness in the convention of its source.

| name | dS/dx | alpha |
|---|---|---|
| atan | alpha/2 / (1 + (pi/2 alpha x)^2) | 2 (Fang et al., ICCV 2021) |
| sigmoid | alpha s(alpha x) (1 - s(alpha x)), s the logistic function | 4 |
| triangle | max(0, 1 - abs(x)/alpha) / alpha | 1 (ZIF; Deng et al., ICLR 2022) |
| fast_sigmoid | 1 / (1 + alpha abs(x))^2 | 25 (Zenke & Ganguli 2018) |
| rectangle | 1/alpha where abs(x) < alpha/2 | 1 (Wu et al., 2018) |
| superspike | 1 / (1 + alpha abs(x))^2 | 100 (Zenke & Ganguli 2018) |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import attrs
import torch
from annotated_types import Gt
from torch import Tensor

from snnplug.contracts.ranges import check_ranges
from snnplug.errors import ParameterError, did_you_mean
from snnplug.nn.transforms import is_traced

__all__ = ["SURROGATES", "Surrogate", "at_least", "sharpness", "spike", "surrogate_named"]


@attrs.frozen
class Surrogate:
    """A surrogate derivative `(x, alpha) -> dS/dx` and its usual sharpness."""

    derivative: Callable[[Tensor, float], Tensor]
    alpha: float


def _atan(x: Tensor, alpha: float) -> Tensor:
    slope = torch.addcmul(x.new_ones(()), x, x, value=(math.pi / 2 * alpha) ** 2).reciprocal_()
    return slope if alpha == 2 else slope * (alpha / 2)


def _sigmoid(x: Tensor, alpha: float) -> Tensor:
    s = torch.sigmoid(alpha * x)
    return alpha * s * (1 - s)


def _triangle(x: Tensor, alpha: float) -> Tensor:
    return (1 - x.abs() / alpha).clamp(min=0) / alpha


def _fast_sigmoid(x: Tensor, alpha: float) -> Tensor:
    return (1 + alpha * x.abs()).square().reciprocal()


def _rectangle(x: Tensor, alpha: float) -> Tensor:
    return (x.abs() < alpha / 2).to(x.dtype) / alpha


SURROGATES: Mapping[str, Surrogate] = {
    "atan": Surrogate(_atan, 2.0),
    "fast_sigmoid": Surrogate(_fast_sigmoid, 25.0),
    "rectangle": Surrogate(_rectangle, 1.0),
    "sigmoid": Surrogate(_sigmoid, 4.0),
    "superspike": Surrogate(_fast_sigmoid, 100.0),
    "triangle": Surrogate(_triangle, 1.0),
}


def surrogate_named(name: str) -> Surrogate:
    """Return a surrogate.

    Raises:
        ParameterError: there is none of that name.
    """
    if name not in SURROGATES:
        raise ParameterError(
            f"unknown surrogate {name!r}.{did_you_mean(name, SURROGATES)} Surrogates: {', '.join(SURROGATES)}"
        )
    return SURROGATES[name]


@check_ranges
def sharpness(surrogate: str, alpha: Annotated[float, Gt(0)] | None) -> float:
    """Return the sharpness that a neuron's parameters `surrogate` and `alpha` stand for.

    Args:
        surrogate: a name in `SURROGATES`.
        alpha: above 0; None for the surrogate's usual one.

    Raises:
        ValueError: `alpha` is out of its range.
        ParameterError: the surrogate is unknown.
    """
    usual = surrogate_named(surrogate).alpha
    return usual if alpha is None else float(alpha)


def at_least(x: Tensor, bound: float, *, strict: bool = False) -> Tensor:
    """Return 1 where `x` is the bound or more, or strictly more, else 0, in the type of `x`; no graph."""
    if x.device.type != "cpu" or is_traced():
        return ((x > bound) if strict else (x >= bound)).to(x.dtype)
    bounds = x.new_full((), bound)  # on a CPU much faster than by way of booleans, and than a number
    return (torch.gt if strict else torch.ge)(x, bounds, out=torch.empty_like(x))


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, name: str, alpha: float, strict: bool) -> Tensor:
        return at_least(x, 0.0, strict=strict)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, ctx.name, ctx.alpha, _ = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        return grads[0] * SURROGATES[ctx.name].derivative(x, ctx.alpha), None, None, None


def spike(x: Tensor, surrogate: str = "atan", alpha: float | None = None, *, strict: bool = False) -> Tensor:
    """Return the step function of `x` with a surrogate gradient.

    Args:
        x: membrane potential minus threshold, any shape.
        surrogate: a name in `SURROGATES`.
        alpha: sharpness; None for the surrogate's usual one.
        strict: fire at `x > 0` rather than at `x >= 0`.

    Raises:
        ParameterError: the surrogate is unknown.
    """
    chosen = surrogate_named(surrogate)
    result: Tensor = _Spike.apply(x, surrogate, chosen.alpha if alpha is None else alpha, strict)
    return result
