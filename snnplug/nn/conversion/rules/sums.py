"""Sums of values, and constants that are added to them or that scale them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnplug.nn.conversion.build import Build, Rule
from snnplug.nn.conversion.layers import Shift
from snnplug.nn.conversion.rules.shapes import spread
from snnplug.nn.conversion.value import Refused, Value
from snnplug.nn.conversion.windows import add as add_windows
from snnplug.nn.conversion.windows import join

__all__ = ["RULES"]


def _add(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Add two values, or a constant."""
    return _sum(build, node, args["self"], args["other"], 1, args.get("alpha", 1))


def _subtract(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Subtract two values, or a constant."""
    return _sum(build, node, args["self"], args["other"], 1, -args.get("alpha", 1))


def _subtract_reversed(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Subtract a value from a constant or another value."""
    return _sum(build, node, args["other"], args["self"], 1, -args.get("alpha", 1))


def _sum(build: Build, node: fx.Node, a: Any, b: Any, of_a: float, of_b: float) -> Value:
    if build.is_value(a) and build.is_value(b):
        x, y = _alike(build, build.value(a), build.value(b))
        build.note("kept", "the sum of what the neurons send")
        made = build.emit(node, x, add_windows, x.node, y.node, of_b, build.batch, build.every)
        return made._replace(nonnegative=x.nonnegative and y.nonnegative and of_b >= 0)
    if not build.is_value(a):
        a, b, of_a, of_b = b, a, of_b, of_a
    x, constant = build.value(a), _fitting(build, node, build.value(a), b)
    if of_a != 1:
        x = x._replace(node=build.graph.call_function(torch.mul, (x.node, of_a)))
    build.note("kept", "adds a constant")
    kept = isinstance(b, fx.Node) and of_b == 1 and isinstance(build.constant(b), nn.Parameter)
    shift = Shift(
        build.parameter(b) if kept and constant.shape == build.constant(b).shape else constant * of_b
    )
    made = build.call(node, shift, x)
    grows = bool((constant * of_b >= 0).all()) and of_a == 1
    return made._replace(nonnegative=x.nonnegative and grows)


def _alike(build: Build, x: Value, y: Value) -> tuple[Value, Value]:
    """Return two values of one shape, spread where the other is larger."""
    if len(x.shape) != len(y.shape) or x.lead != y.lead:  # the batch would meet another axis
        raise Refused(
            f"adds tensors with other numbers of axes, {list(x.shape)} and {list(y.shape)} of a sample"
        )
    shape = tuple(torch.broadcast_shapes(x.shape, y.shape))  # type: ignore[no-untyped-call]
    return spread(build, x, shape), spread(build, y, shape)


def _scale(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Multiply by a constant."""
    a, b = args["self"], args["other"]
    if build.is_value(a) and build.is_value(b):
        raise Refused("multiplies two values that depend on the input (a gate), which no synapse does")
    if not build.is_value(a):
        a, b = b, a
    return _scaled(build, node, build.value(a), b, torch.mul)


def _divide(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Divide by a constant."""
    if build.is_value(args["other"]):
        raise Refused("divides by a value that depends on the input, which no synapse does")
    if args.get("rounding_mode") is not None:
        raise Refused("rounds; a neuron's code is the only rounding in a spiking network")
    return _scaled(build, node, build.value(args["self"]), args["other"], torch.div)


def _negate(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Change the sign."""
    x = build.value(args["self"])
    build.note("kept", "scales by a constant")
    return build.emit(node, x, torch.neg, x.node)


def _scaled(build: Build, node: fx.Node, x: Value, factor: Any, operation: Any) -> Value:
    constant = _fitting(build, node, x, factor)
    build.note("kept", "scales by a constant")
    operand = factor
    if isinstance(factor, fx.Node):
        trained = isinstance(build.constant(factor), nn.Parameter)
        path = build.add(_Factor(constant, trained), build.place(node))
        operand = build.graph.get_attr(f"{path}.factor")
    made = build.emit(node, x, operation, x.node, operand)
    return made._replace(nonnegative=x.nonnegative and bool((constant >= 0).all()))


class _Factor(nn.Module):
    def __init__(self, factor: Tensor, trained: bool) -> None:
        super().__init__()
        if trained:
            self.factor = nn.Parameter(factor)
        else:
            self.register_buffer("factor", factor)


def _fitting(build: Build, node: fx.Node, x: Value, constant: Any) -> Tensor:
    """Return a constant as a tensor that broadcasts over samples, and has none of its own for each."""
    if not isinstance(constant, fx.Node):
        return torch.as_tensor(constant, dtype=node.meta["val"].dtype, device=node.meta["val"].device)
    held = build.constant(constant).detach().clone()
    while held.ndim > len(x.shape) and held.shape[0] == 1:
        held = held[0]
    if held.ndim > len(x.shape) or build.shape(node, x.lead) != x.shape:
        raise Refused(
            f"takes a constant of shape {list(held.shape)} that does not fit a sample {list(x.shape)}"
        )
    return held


def _concatenate(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Concatenate along an axis of a sample."""
    parts = [build.value(part) for part in args["tensors"]]
    if len(parts) == 1:
        build.note("folded", "a single tensor")
        return parts[0]
    axis = parts[0].axis(args["dim"])
    build.note("kept", "what the neurons send, side by side")
    made = build.emit(node, parts[0], join, [part.node for part in parts], axis, build.batch, build.every)
    return made._replace(nonnegative=all(part.nonnegative for part in parts))


def _stack(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Concatenate along a new axis of a sample."""
    parts = [build.value(part) for part in args["tensors"]]
    axis = args["dim"] % (len(parts[0].shape) + parts[0].lead + 1) - parts[0].lead + 1
    if axis < 1:
        raise Refused("stacks in front of the batch")
    lifted = [build.graph.call_method("unsqueeze", (part.node, axis)) for part in parts]
    build.note("kept", "what the neurons send, side by side")
    made = build.emit(node, parts[0], join, lifted, axis, build.batch, build.every)
    return made._replace(nonnegative=all(part.nonnegative for part in parts))


RULES: Mapping[str, Rule] = {
    "add": _add,
    "sub": _subtract,
    "rsub": _subtract_reversed,
    "mul": _scale,
    "div": _divide,
    "neg": _negate,
    "cat": _concatenate,
    "concat": _concatenate,
    "stack": _stack,
}
