"""Operations that multiply two tensors and sum: which they are, and the fan-out of their values.

A matrix product is read by its equation: a value of `mk` in "mk,kn->mn" reaches as many results as n
is long. Attention is two of them. A mask of the other operand, 1 where it counts, gives the fan-out
over the weights that are left after pruning.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snnplug.nn.fan_out import Geometry, fan_out, uniform_taps

__all__ = ["PRODUCTS", "Attended", "Convolution", "Layout", "MatrixProduct", "Padded", "Product"]


class Layout(NamedTuple):
    """How a layer goes over its input; see `snnplug.contracts.SynapseActivity`. 0 and empty: not known."""

    fan_in: int = 0
    filters: int = 0
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()


class Product(ABC):
    """One multiplication of two operands.

    Attributes:
        operands: left and right; None for one that no operation shows.
        macs: multiply-accumulates if every value counts, those on padding excluded.
        results: values of the result.
    """

    operands: tuple[Tensor | None, Tensor]
    macs: float
    results: int

    def layout(self, side: int) -> Layout:
        """Return how the other operand, as weights, goes over one of them."""
        return Layout()

    @abstractmethod
    def fan_out(self, side: int, mask: Tensor | None = None) -> float | Tensor:
        """Return how many accumulates a value of one operand causes.

        Args:
            side: 0 for the left operand, 1 for the right.
            mask: of the other operand, 1 where a value counts and 0 elsewhere; None: everywhere.

        Returns:
            One number, or a float64 tensor with the operand's axes that broadcasts to it.
        """

    @abstractmethod
    def axis(self, side: int, axis: int) -> int | None:
        """Return which axis of the result an axis of an operand becomes; None if it is summed over."""


class _Equation:
    """A matrix product such as "mk,kn->mn", read once.

    Attributes:
        letters: of the operands' axes.
        result: of the result's axes.
        free: for each operand, the axes of the other that it has not.
    """

    def __init__(self, equation: str) -> None:
        operands, self.result = equation.split("->")
        self.letters = operands.split(",")
        left, right = self.letters
        self.free = (
            [i for i, letter in enumerate(right) if letter not in left],
            [i for i, letter in enumerate(left) if letter not in right],
        )


class MatrixProduct(Product):
    """A product by its equation."""

    operands: tuple[Tensor, Tensor]

    def __init__(self, equation: _Equation, left: Tensor, right: Tensor) -> None:
        self.equation, self.operands = equation, (left, right)
        self.macs = left.numel() * self.fan_out(0)
        self.results = round(self.macs) // max(self._fan_in(), 1)

    def _fan_in(self) -> int:
        result = self.equation.result
        sizes = zip(self.equation.letters[0], self.operands[0].shape, strict=True)
        return math.prod([size for letter, size in sizes if letter not in result])

    def layout(self, side: int) -> Layout:
        """Return the layout of a fully connected layer."""
        return Layout(self._fan_in(), int(self.fan_out(side)))

    def fan_out(self, side: int, mask: Tensor | None = None) -> Any:
        """Return the size of what the operand has no axis for, or what of that is left of the mask."""
        if mask is None:
            sizes = self.operands[1 - side].shape
            return float(math.prod([sizes[i] for i in self.equation.free[side]]))
        own, other = self.equation.letters[side], self.equation.letters[1 - side]
        counts = torch.einsum(f"{other}->{''.join(a for a in own if a in other)}", mask.double())
        sizes = self.operands[side].shape
        return counts.reshape([size if a in other else 1 for a, size in zip(own, sizes, strict=True)])

    def axis(self, side: int, axis: int) -> int | None:
        """Return where the letter of an axis stands in the result."""
        place = self.equation.result.find(self.equation.letters[side][axis])
        return place if place >= 0 else None


class Attended(Product):
    """What attention makes of its values `[B, H, M, D]`: each goes to every one of N queries."""

    def __init__(self, value: Tensor, queries: int) -> None:
        self.operands, self.queries = (None, value), float(queries)
        self.macs = value.numel() * self.queries
        self.results = value.numel() // max(value.shape[2], 1) * queries

    def fan_out(self, side: int, mask: Tensor | None = None) -> float:
        """Return the number of queries."""
        return self.queries

    def axis(self, side: int, axis: int) -> int | None:
        """Return the same axis but for that over which is summed."""
        return axis if axis != 2 else None


class Convolution(Product):
    """A convolution or transposed convolution of `[N, C, *]`.

    Args:
        x: input.
        weight: weights.
        out: result.
        geometry: how the one goes over the other.
    """

    operands: tuple[Tensor, Tensor]

    def __init__(self, x: Tensor, weight: Tensor, out: Tensor, geometry: Geometry) -> None:
        self.operands, self.sizes, self.geometry = (x, weight), out.shape, geometry
        filters = weight.shape[1] if geometry.transposed else weight.shape[0] // geometry.groups
        self.uniform, total = uniform_taps(x.shape[2:], weight.shape[2:], filters, geometry, x.device)
        self.macs = total * x.shape[0] * x.shape[1]
        self.results = out.numel()

    def layout(self, side: int) -> Layout:
        """Return the layout of a convolution; of a transposed one, or of weights as the input, none."""
        weight = self.operands[1]
        if side or self.geometry.transposed:
            return Layout()
        filters = weight.shape[0] // self.geometry.groups
        return Layout(weight[0].numel(), filters, tuple(weight.shape[2:]), self.geometry.stride)

    def fan_out(self, side: int, mask: Tensor | None = None) -> float | Tensor:
        """Return the taps on each position."""
        x, weight = self.operands
        if side == 1:
            ones = torch.ones_like(x, dtype=torch.float64) if mask is None else mask.double()
            return self.geometry.taps(ones, torch.ones_like(weight, dtype=torch.float64), side)
        if mask is None:
            return self.uniform
        return self.geometry.taps(torch.ones_like(x[:1], dtype=torch.float64), mask.double())

    def axis(self, side: int, axis: int) -> int | None:
        """Return the same axis where it is the batch, or one in space whose size stays."""
        same = axis != 1 and self.sizes[axis] == self.operands[0].shape[axis]
        return axis if side == 0 and same else None


class Padded(Product):
    """A convolution whose layer pads by an operation of its own, seen from before the padding.

    Args:
        layer: the convolution.
        x: its input, with or without a batch.
        seen: what was multiplied.
        taps: what was found before for the same layer and shape.

    Attributes:
        x: the input with a batch.
        taps: on each of its positions, if every weight counts.
    """

    def __init__(self, layer: nn.Module, x: Tensor, seen: Product, taps: Tensor | None = None) -> None:
        weight = seen.operands[1]
        self.layer, self.x = layer, x if x.ndim == weight.ndim else x.unsqueeze(0)
        self.operands = self.x, weight
        self.taps = self._fan_out() if taps is None else taps
        self.macs = float(self.taps.sum()) * len(self.x)
        self.results, self._layout = seen.results, seen.layout(0)

    def layout(self, side: int) -> Layout:
        """Return the layout of the convolution."""
        return self._layout

    def fan_out(self, side: int, mask: Tensor | None = None) -> Tensor:
        """Return the taps on each position of the input."""
        return self.taps if mask is None else self._fan_out(mask)

    def _fan_out(self, mask: Tensor | None = None) -> Tensor:
        return fan_out(self.layer, self.x.shape[1:], mask).unsqueeze(0).to(self.x.device)

    def axis(self, side: int, axis: int) -> int | None:
        """Return the same axis where it is the batch."""
        return axis if axis == 0 else None


Reader = Callable[[tuple[Any, ...], Any], list[Product]]


def _matrices(equation: str, first: int = 0) -> Reader:
    read = _Equation(equation)
    return lambda args, out: [MatrixProduct(read, args[first], args[first + 1])]


def _convolution(args: tuple[Any, ...], out: Any) -> list[Product]:
    x, weight, _, stride, padding, dilation, transposed, output_padding, groups = args[:9]

    def sizes(given: list[int]) -> tuple[int, ...]:
        return tuple(given) if len(given) == x.ndim - 2 else tuple(given) * (x.ndim - 2)

    geometry = Geometry(
        sizes(stride), sizes(padding), sizes(dilation), transposed, sizes(output_padding), groups
    )
    return [Convolution(x, weight, out, geometry)]


def _attention(args: tuple[Any, ...], out: Any) -> list[Product]:
    query, key, value = args[:3]
    return [MatrixProduct(_SCORES, query, key), Attended(value, query.shape[2])]


_SCORES = _Equation("bhnd,bhmd->bhnm")
PRODUCTS: Mapping[str, Reader] = {
    **dict.fromkeys(("mm", "_int_mm"), _matrices("mk,kn->mn")),
    **dict.fromkeys(("addmm", "_addmm_activation"), _matrices("mk,kn->mn", 1)),
    "bmm": _matrices("bmk,bkn->bmn"),
    "baddbmm": _matrices("bmk,bkn->bmn", 1),
    "addbmm": _matrices("bmk,bkn->mn", 1),
    "mv": _matrices("mk,k->m"),
    "addmv": _matrices("mk,k->m", 1),
    **dict.fromkeys(("dot", "vdot"), _matrices("k,k->")),
    "addr": _matrices("m,n->mn", 1),
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_fused_attention_overrideable",
        ),
        _attention,
    ),
    **dict.fromkeys(("convolution", "_convolution", "convolution_overrideable"), _convolution),
}
"""How to read the products out of the arguments of an operation and its first result, by its name."""
