"""What moves, drops or copies values, or does nothing in evaluation mode."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from snnplug.nn.conversion.build import Build, Rule
from snnplug.nn.conversion.value import Refused, Value

__all__ = ["RULES", "spread"]


def _same(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Remove what changes nothing."""
    x = build.value(next(iter(args.values())))
    before = next(iter(node.all_input_nodes)).meta["val"].dtype
    if node.meta["val"].dtype != before:
        raise Refused(f"changes the type from {before} to {node.meta['val'].dtype}")
    build.note("folded", "changes nothing in evaluation mode")
    return Value(x.node, build.shape(node, x.lead), x.lead, x.nonnegative)


def _reshape(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a view that leaves the samples as they are; axes before the samples come and go."""
    x = build.value(next(iter(args.values())))
    lead = build.lead(node)
    shape = build.shape(node, lead)
    if shape == x.shape:
        build.note("folded", "changes nothing")
        return Value(x.node, shape, lead, x.nonnegative)
    build.note("kept", "moves values")
    made = build.emit(node, x._replace(lead=lead), torch.reshape, x.node, [-1, *shape])
    return made._replace(nonnegative=x.nonnegative)


def _permute(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep another order of the axes of a sample."""
    x = build.value(args["self"])
    ndim = len(x.shape) + x.lead
    order = list(range(ndim))
    if "dims" in args:
        order = [axis % ndim for axis in args["dims"]]
    else:
        a, b = (axis % ndim for axis in list(args.values())[1:])
        order[a], order[b] = b, a
    if order[: x.lead] != list(range(x.lead)):
        raise Refused("moves the batch from its place in front")
    made = build.emit(node, x, torch.permute, x.node, [0, *x.axes(order[x.lead :])])
    build.note("kept", "moves values")
    return made._replace(nonnegative=x.nonnegative)


def _take(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a part of a sample; all samples, or the only step, are no part."""
    x = build.value(args["self"])
    whole = "end" in args and not args["start"] and args["end"] in (None, sys.maxsize)
    if args["dim"] % (len(x.shape) + x.lead) < x.lead:
        only_step = args.get("index") == 0 and x.lead == 2 and args["dim"] == 0
        if not only_step and not (whole and args.get("step", 1) == 1):
            raise Refused("takes some samples of a batch")
        build.note("folded", "takes all samples")
        return x._replace(lead=1) if only_step else x
    arguments = {**args, "self": x.node, "dim": x.axis(args["dim"])}
    build.note("kept", "moves values")
    made = build.emit(node, x, _functional(node), *arguments.values())
    return made._replace(nonnegative=x.nonnegative)


def _divide(build: Build, node: fx.Node, args: Mapping[str, Any]) -> list[Value]:
    """Keep the parts of a sample."""
    x = build.value(args["self"])
    if len(node.meta["val"]) == 1 and x.lead == 2 and args["dim"] == 0:
        build.note("folded", "takes the only step")
        return [x._replace(lead=1)]
    arguments = {**args, "self": x.node, "dim": x.axis(args["dim"])}
    parts = build.graph.call_function(_functional(node), tuple(arguments.values()))
    build.note("kept", "moves values")
    return [
        Value(
            build.graph.call_function(_item, (parts, place)),
            tuple(part.shape[x.lead :]),
            x.lead,
            x.nonnegative,
        )
        for place, part in enumerate(node.meta["val"])
    ]


def _along(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep what works along axes of a sample."""
    x = build.value(args["self"])
    axes = x.axes(args["dims"])
    if not axes:
        raise Refused("works across the samples of a batch; name the axes of a sample")
    arguments = {**args, "self": x.node, "dims": axes}
    build.note("kept", "moves values")
    made = build.emit(node, x, _functional(node), *arguments.values())
    return made._replace(nonnegative=x.nonnegative)


def _pad(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep padding with zeros or with values of the sample."""
    x = build.value(args["self"])
    if args.get("mode", "constant") == "constant" and args.get("value"):
        raise Refused("pads with something else than zeros, which silent neurons do not send")
    if len(args["pad"]) > 2 * len(x.shape):
        raise Refused("pads the batch")
    build.note(
        "kept", "silence around the values" if args.get("mode", "constant") == "constant" else "moves values"
    )
    made = build.emit(node, x, _functional(node), x.node, *list(args.values())[1:])
    return made._replace(nonnegative=x.nonnegative)


def spread(build: Build, x: Value, shape: tuple[int, ...]) -> Value:
    """Return a value whose samples repeat theirs along axes of size 1, up to a shape of as many axes."""
    if x.shape == shape:
        return x
    made = build.graph.call_method("expand", (x.node, -1, *shape))
    made.meta["axes"] = len(shape)
    return x._replace(node=made, shape=shape)


def _expand(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep what repeats a sample's values along axes of size 1."""
    x = build.value(args["self"])
    lead = build.lead(node)
    shape = build.shape(node, lead)
    if len(shape) != len(x.shape):
        raise Refused("adds axes to a sample; give it those of size 1 by unsqueeze first")
    build.note("kept", "repeats values")
    return spread(build, x, shape)._replace(lead=lead)


def _repeat(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep a sample side by side with itself."""
    x = build.value(args["self"])
    times = args["repeats"]
    if len(times) != len(x.shape) + x.lead or any(one != 1 for one in times[: x.lead]):
        raise Refused("repeats the batch, or adds axes to a sample")
    build.note("kept", "repeats values")
    made = build.emit(node, x, _functional(node), x.node, [1, *times[x.lead :]])
    return made._replace(nonnegative=x.nonnegative)


def _shuffle(build: Build, node: fx.Node, args: Mapping[str, Any]) -> Value:
    """Keep what moves values within images."""
    x = build.value(args["self"])
    if x.lead != 1:
        raise Refused("works on images only")
    build.note("kept", "moves values")
    made = build.emit(node, x, _functional(node), x.node, *list(args.values())[1:])
    return made._replace(nonnegative=x.nonnegative)


def _item(parts: Any, place: int) -> Any:
    return parts[place]


def _functional(node: fx.Node) -> Any:
    target: Any = node.target
    name = target._schema.name.partition("::")[2]
    if not target._schema.is_mutable:
        return target
    return getattr(getattr(torch.ops.aten, name.removesuffix("_")), target._overloadname)


_NOTHING = (
    "dropout",
    "feature_dropout",
    "alpha_dropout",
    "contiguous",
    "clone",
    "alias",
    "detach",
    "to",
    "lift",
)
_VIEWS = ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "_unsafe_view", "view_as")

RULES: Mapping[str, Rule] = {
    **dict.fromkeys((*_NOTHING, "lift_fresh", "lift_fresh_copy", "_to_copy", "type_as"), _same),
    **dict.fromkeys(_VIEWS, _reshape),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "swapdims"), _permute),
    **dict.fromkeys(("slice", "select", "narrow"), _take),
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "unbind", "tensor_split"), _divide),
    **dict.fromkeys(("flip", "roll"), _along),
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), _expand),
    "repeat": _repeat,
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"), _shuffle),
}
