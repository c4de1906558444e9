"""Activations that a neuron computes: max(0, x), and min(max(0, x), c)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import fx

from snnplug.nn.conversion.build import Build, Rule
from snnplug.nn.conversion.value import Refused, Value, name_of

__all__ = ["RULES"]


def _relu(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Replace max(0, x)."""
    return _rectify(build, node, args, 0.0, math.inf)


def _hardtanh(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Replace what is bounded from both sides."""
    return _rectify(build, node, args, args["min_val"], args["max_val"])


def _clamp(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Replace what may be bounded from either side."""
    lower, upper = args.get("min"), args.get("max")
    if isinstance(lower, fx.Node) or isinstance(upper, fx.Node):
        raise Refused("has bounds that are tensors; give numbers")
    return _rectify(
        build, node, args, -math.inf if lower is None else lower, math.inf if upper is None else upper
    )


def _threshold(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Replace the threshold that is 0 and gives 0."""
    if (args["threshold"], args["value"]) != (0, 0):
        raise Refused("jumps; only the threshold 0 with the value 0 is max(0, x)")
    return _rectify(build, node, args, 0.0, math.inf)


def _rectify(build: Build, node: fx.Node, args: Mapping[str, Any], lower: float, upper: float) -> Value:
    x = build.value(args["self"])
    if x.nonnegative and lower <= 0:
        if math.isinf(upper) and build.skip_idle:
            build.note("folded", "its input is never negative")
            return x
        lower = 0.0
    if lower != 0 or upper <= 0:
        raise Refused("is bounded below by something else than 0, and spikes cannot be negative")
    name = build.neuron(node, float(upper))
    bound = "" if math.isinf(upper) else f" with the upper bound {upper:g}"
    pool = next(iter(node.users)) if len(node.users) == 1 else None
    if (
        build.neurons.follow_pools
        and pool is not None
        and name_of(pool) in ("max_pool1d", "max_pool2d", "max_pool3d")
    ):
        build.note("converted", f"a neuron{bound} behind the pool: the largest has the largest code", name)
        build.waiting[node] = name
        return x
    build.note("converted", f"a neuron{bound}", name)
    return build.fire(x, name)


RULES: Mapping[str, Rule] = {
    "relu": _relu,
    "relu6": lambda build, node, args: _rectify(build, node, args, 0.0, 6.0),
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "threshold": _threshold,
}
