"""Layers with weights: convolutions, linear layers, batch norm in evaluation mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from snnplug.nn.conversion.build import Build, Rule
from snnplug.nn.conversion.layers import LAYERS, BatchNorm, Linear
from snnplug.nn.conversion.value import Refused, Value, name_of

__all__ = ["RULES"]


def _convolve(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a convolution."""
    x, weight = build.value(args["input"]), build.constant(args["weight"])
    settings = {name: _hashable(args[name]) for name in ("stride", "padding", "dilation", "groups")}

    def make() -> Any:
        inputs, outputs = weight.shape[1] * settings["groups"], weight.shape[0]
        kernel: Any = tuple(weight.shape[2:])
        bias = args["bias"] is not None
        layer = LAYERS[name_of(node)](inputs, outputs, kernel, **settings, bias=bias, device="meta")
        return _give(build, layer, args)

    name = build.layer(
        (args["weight"], args["bias"], *settings.values()), _name(build, node, args["weight"]), make
    )
    build.note("kept", "linear, with its bias", name)
    return build.call(node, name, x)


def _linear(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a linear layer."""
    x, weight = build.value(args["input"]), build.constant(args["weight"])
    if weight.ndim != 2 or not x.shape:
        raise Refused("takes weights or inputs of an unusual shape; use nn.Linear")

    def make() -> Any:
        layer = Linear(weight.shape[1], weight.shape[0], bias=args["bias"] is not None, device="meta")
        return _give(build, layer, args)

    name = build.layer((args["weight"], args["bias"]), _name(build, node, args["weight"]), make)
    build.note("kept", "linear, with its bias", name)
    return build.call(node, name, x)


def _matmul(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a product with a constant matrix."""
    other = args.get("other", args.get("mat2"))
    if not build.is_value(args["self"]) or build.is_value(other):
        raise Refused("multiplies two tensors that depend on the input, or one from the left; use nn.Linear")
    x, weight = build.value(args["self"]), build.constant(other)
    if weight.ndim != 2 or not x.shape:
        raise Refused("multiplies by something else than a matrix; use nn.Linear")

    def make() -> Any:
        layer = Linear(weight.shape[0], weight.shape[1], bias=False, device="meta")
        layer.weight = nn.Parameter(weight.detach().T.clone(), weight.requires_grad)
        return layer

    name = build.layer((other, "matmul"), build.place(node), make)
    build.note("kept", "linear", name)
    return build.call(node, name, x)


def _batch_norm(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a batch norm with its running statistics; `ConvertedNetwork.fold` may fold it later."""
    if args["training"] or args["running_mean"] is None:
        raise Refused(
            "takes the statistics of the batch; use running statistics, and export in evaluation mode"
        )
    x = build.value(args["input"])
    mean, variance = build.constant(args["running_mean"]), build.constant(args["running_var"])

    def make() -> Any:
        weight, bias = (
            build.parameter(args[name]) if args[name] is not None else nn.Parameter(fill(mean))
            for name, fill in (("weight", torch.ones_like), ("bias", torch.zeros_like))
        )
        return BatchNorm(mean.clone(), variance.clone(), weight, bias, args["eps"])

    key = tuple(args[name] for name in ("running_mean", "running_var", "weight", "bias", "eps"))
    name = build.layer(key, _name(build, node, args["running_mean"]), make)
    build.note("kept", "scales and shifts", name)
    return build.call(node, name, x)


def _give(build: Build, layer: Any, args: Mapping[str, Any]) -> Any:
    layer.weight = build.parameter(args["weight"])
    if args["bias"] is not None:
        layer.bias = build.parameter(args["bias"])
    return layer


def _name(build: Build, node: fx.Node, weight: fx.Node) -> str:
    owner = str(weight.meta.get("path", "")).rpartition(".")[0]
    return owner or build.place(node)


def _hashable(setting: Any) -> Any:
    return tuple(setting) if isinstance(setting, list | tuple) else setting


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(LAYERS, _convolve),
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "batch_norm": _batch_norm,
}
