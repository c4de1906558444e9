"""What calls of torch's functions are as layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from snnplug.contracts.chip import Layer

__all__ = ["CHANGING", "CREATING", "MOVING", "read_call"]

_POOLS = {
    "max_pool": "max",
    "avg_pool": "avg",
    "adaptive_max_pool": "max",
    "adaptive_avg_pool": "avg",
    "lp_pool": "sum",
}
_NORMS = {
    "batch_norm": "BatchNorm",
    "layer_norm": "LayerNorm",
    "group_norm": "GroupNorm",
    "instance_norm": "InstanceNorm",
    "rms_norm": "RMSNorm",
}
MOVING = frozenset(
    {
        *("add", "__add__", "__radd__", "__iadd__", "add_", "sub", "__sub__", "__rsub__", "sub_"),
        *("neg", "__neg__", "mul", "__mul__", "__rmul__", "mul_", "multiply"),
        *("div", "__truediv__", "true_divide", "div_", "sum", "mean"),
        *("cat", "concat", "stack", "unbind", "chunk", "split", "tensor_split"),
        *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "squeeze", "unsqueeze"),
        *("expand", "expand_as", "repeat", "repeat_interleave", "transpose", "permute", "movedim", "T"),
        *("swapaxes", "roll", "flip", "contiguous", "clone", "copy_", "detach", "to", "float", "type"),
        *("type_as", "cpu", "cuda", "requires_grad_", "__get__", "__getitem__", "select", "narrow"),
        *("index_select", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"),
        "feature_dropout",
    }
)
"""Functions that only move, copy, scale or add what they are given."""

CHANGING = frozenset(
    {
        *("sub", "__sub__", "__rsub__", "sub_", "neg", "__neg__"),
        *("mul", "__mul__", "__rmul__", "mul_", "multiply"),
        *("div", "__truediv__", "true_divide", "div_", "sum", "mean"),
        *("cat", "concat", "repeat", "repeat_interleave", "transpose", "permute", "movedim", "T", "swapaxes"),
        *("roll", "flip", "index_select"),
    }
)
"""Those of them after which values are others, or lie elsewhere in a sample."""

CREATING = frozenset(
    {
        *("zeros_like", "ones_like", "full_like", "empty_like"),
        *("new_zeros", "new_ones", "new_full", "new_empty"),
    }
)
"""Functions that take no more than the shape of what they are given."""


def read_call(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], y: Tensor) -> Layer | None:
    """Return what a call is as a layer, without its name and shapes; None where it is none of the known ones.

    Args:
        name: of the function.
        args, kwargs: what it was given.
        y: what it returned.
    """
    plain = name.strip("_")
    if plain in ("conv1d", "conv2d", "conv3d"):
        given = _named(args, kwargs, ("input", "weight", "bias", "stride", "padding", "dilation", "groups"))
        return _conv(plain, given)
    if plain == "linear":
        given = _named(args, kwargs, ("input", "weight", "bias"))
        bias = given.get("bias")
        return Layer(
            name="",
            kind="linear",
            operation=plain,
            weights=given["weight"].numel(),
            biases=0 if bias is None else bias.numel(),
        )
    if plain in ("mean", "sum") and (size := _image_means(args, y)):
        pooling = "avg" if plain == "mean" else "sum"
        no = (0,) * len(size)
        return Layer(
            name="", kind="pool", operation=plain, kernel=size, stride=size, padding=no, pooling=pooling
        )
    if plain in _NORMS:
        return Layer(name="", kind="norm", operation=_NORMS[plain])
    for start, pooling in _POOLS.items():
        if plain.startswith(start) and plain[len(start) : len(start) + 2] in ("1d", "2d", "3d"):
            return _pool(plain, pooling, int(plain[len(start)]), args, kwargs, y)
    return None


def _image_means(args: tuple[Any, ...], y: Tensor) -> tuple[int, ...]:
    """Return height and width of images `[*, C, H, W]` that are reduced to one place; empty for none."""
    x: Tensor = args[0]
    places = x.shape[-2:]
    reduced = y.numel() * places.numel() == x.numel() and y.shape[: x.ndim - 2] == x.shape[:-2]
    return tuple(places) if x.ndim >= 4 and reduced else ()


def _conv(operation: str, given: Mapping[str, Any]) -> Layer:
    weight: Tensor = given["weight"]
    axes, kernel = weight.ndim - 2, tuple(weight.shape[2:])
    dilation = _each(given.get("dilation", 1), axes)
    padding = given.get("padding", 0)
    if isinstance(padding, str):
        same = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
        padding = same if padding == "same" else 0
    bias = given.get("bias")
    return Layer(
        name="",
        kind="conv",
        operation=operation,
        kernel=kernel,
        stride=_each(given.get("stride", 1), axes),
        padding=_each(padding, axes),
        dilation=dilation,
        groups=int(given.get("groups", 1)),
        weights=weight.numel(),
        biases=0 if bias is None else bias.numel(),
    )


def _pool(
    operation: str, pooling: str, axes: int, args: tuple[Any, ...], kwargs: Mapping[str, Any], y: Tensor
) -> Layer:
    names: tuple[str, ...] = ("input", "kernel_size", "stride", "padding")
    if pooling == "sum":
        names = ("input", "norm_type", "kernel_size", "stride")
    given = _named(args, kwargs, names)
    x: Tensor = given["input"]
    if operation.startswith("adaptive"):
        kernel = tuple(size // out for size, out in zip(x.shape[-axes:], y.shape[-axes:], strict=True))
        stride, padding = kernel, (0,) * axes
    else:
        kernel = _each(given["kernel_size"], axes)
        stride = _each(given.get("stride") or kernel, axes)
        padding = _each(given.get("padding", 0), axes)
    return Layer(
        name="",
        kind="pool",
        operation=operation,
        kernel=kernel,
        stride=stride,
        padding=padding,
        pooling=pooling,
    )


def _named(args: tuple[Any, ...], kwargs: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _each(value: Any, axes: int) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * axes
    numbers = tuple(int(one) for one in value)
    return numbers * axes if len(numbers) == 1 else numbers
