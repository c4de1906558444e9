"""Pools: the average of an area is linear, the maximum passes what its winner sends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import fx

from snnplug.nn.conversion.build import Build, Rule
from snnplug.nn.conversion.value import Refused, Value, name_of
from snnplug.nn.conversion.windows import max_pool

__all__ = ["RULES"]


def _maximum(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value | list[Value]:
    """Let the winner pass; an activation that only this pool reads comes after it."""
    x = build.value(args["self"])
    if x.lead != 1:
        raise Refused("pools over another number of axes than the images have")
    options = {
        name: value for name, value in args.items() if name != "self" and not (name == "stride" and not value)
    }
    build.note("kept", "passes what the winner sends")
    name = name_of(node)
    if name.startswith("adaptive_"):  # which also returns the places of the winners
        node = next(iter(node.users))
    made = build.emit(node, x, max_pool, name, x.node, build.batch, build.every, options)
    made = made._replace(nonnegative=x.nonnegative)
    waiting = build.waiting.get(args["self"])
    made = made if waiting is None else build.fire(made, waiting)
    return [made] if name.startswith("adaptive_") else made


def _average(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep the average over an area, or let neurons encode it."""
    x = build.value(args["self"])
    if x.lead != 1:
        raise Refused("pools over another number of axes than the images have")
    operands = [x.node, *list(args.values())[1:]]
    return _pooled(build, node, x, build.emit(node, x, node.target, *operands))  # type: ignore[arg-type]


def _over_axes(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep the mean or sum over axes of a sample."""
    x = build.value(args["self"])
    if args.get("dim") is None or args.get("dtype") is not None:
        raise Refused("goes over the batch too, or changes the type; name the axes of a sample")
    options = {"keepdim": args["keepdim"]}
    made = build.emit(node, x, node.target, x.node, x.axes(args["dim"]), **options)  # type: ignore[arg-type]
    return _pooled(build, node, x, made)


def _pooled(build: Build, node: fx.Node, x: Value, made: Value) -> Value:
    if build.pools == "fold":
        build.note("kept", "linear")
        return made._replace(nonnegative=x.nonnegative)
    if not x.nonnegative:
        raise Refused(
            "stands before the activation, where a stage of neurons would cut off what is negative; "
            'use pools="fold"'
        )
    name = build.neuron(node, math.inf)
    build.note("converted", "linear, and a neuron", name)
    return build.fire(made, name)


RULES: Mapping[str, Rule] = {
    **{name: _maximum for axes in "123" for name in (f"max_pool{axes}d", f"adaptive_max_pool{axes}d")},
    **{name: _average for axes in "123" for name in (f"avg_pool{axes}d", f"adaptive_avg_pool{axes}d")},
    "mean": _over_axes,
    "sum": _over_axes,
}
