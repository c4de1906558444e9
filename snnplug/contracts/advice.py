"""What a trace of a conversion says to do, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from snnplug.contracts.conversion import LayerTrace, Trace

__all__ = ["advice"]

_SMALL = 0.02  # a relative error that needs no advice
_MOST = 0.5  # of an error: the kind that dominates
_SILENT = 0.25  # of the active values: as many silent windows are worth a word
_OUTSTANDING = 3.0  # times the median of the layers' own errors
_SHOWN = 4  # layers that a sentence names


def advice(trace: Trace, *, bound: float = 0.1) -> tuple[str, ...]:
    """Return what is wrong in a converted network and what may mend it, a sentence each.

    Args:
        trace: of the network.
        bound: an accumulated relative error above it is where accuracy is lost.
    """
    return tuple(_sentences(trace, bound))


def _sentences(trace: Trace, bound: float) -> Iterator[str]:
    first = trace.start(bound)
    if first is None:
        yield f"No layer's accumulated error exceeds {bound:.0%} of its activations; nothing needs mending."
        return
    yield (
        f"The error starts at {first.name!r}: it is the first whose accumulated error exceeds {bound:.0%} of "
        f"its activations, with {_percent(first.accumulated.relative)}; {_cause(first, bound)}."
    )
    erring = [one for one in trace.layers if (one.own.relative or 0.0) > _SMALL]
    low = [one for one in erring if one.own.upper.total > _MOST * one.own.total]
    if low:
        yield (
            f"Clipping is too low in {_named(low)}: most of the error is activations above the highest "
            "level; raise the percentile or the scale there."
        )
    high = [one for one in erring if not one.own.upper.count and one.own.lower.total > _MOST * one.own.total]
    if high:
        yield (
            f"Clipping is too high in {_named(high)}: no activation reaches the highest level, and most of "
            "the error is activations below the lowest; lower the percentile or the scale there."
        )
    silent = [one for one in trace.layers if one.silent_share > _SILENT]
    if silent:
        share = max(one.silent_share for one in silent)
        yield (
            f"Windows are dead in {_named(silent)}: for up to {share:.0%} of the active values no spike is "
            "sent; lower the first threshold or the scale there, or add slots."
        )
    channels = [one for one in trace.layers if one.silent_channels]
    if channels:
        yield (
            f"Channels that are active in the ANN never send a spike in {_named(channels)}; parameters for "
            "each channel reach them."
        )
    outstanding = _outstanding(trace)
    if outstanding:
        yield (
            f"The own error of {_named(outstanding)} stands out, with more than {_OUTSTANDING:.0f} times the "
            "median of all layers; calibrate there first."
        )
    if erring:
        yield _about_slots(erring)


def _cause(layer: LayerTrace, bound: float) -> str:
    if (layer.own.relative or 0.0) > bound:
        return f"its own is {_percent(layer.own.relative)}, so the cause is in this layer"
    return f"its own is only {_percent(layer.own.relative)}, so the cause is in the layers before it"


def _outstanding(trace: Trace) -> list[LayerTrace]:
    errors = sorted(one.own.relative or 0.0 for one in trace.layers)
    limit = max(_OUTSTANDING * errors[len(errors) // 2], _SMALL)
    return [one for one in trace.layers if (one.own.relative or 0.0) > limit]


def _about_slots(layers: Sequence[LayerTrace]) -> str:
    """Slots add low levels and fine ones, and raise the highest little or not at all."""
    within = sum(one.own.total - one.own.upper.total for one in layers)
    total = sum(one.own.total for one in layers)
    share = f"{within / total:.0%} of the layers' own error lies" if total else "the error lies"
    if within > _MOST * total:
        return f"More slots would help: {share} within the range of the codes."
    return f"More slots would not help: only {share} within the range of the codes."


def _named(layers: Sequence[LayerTrace]) -> str:
    more = len(layers) - _SHOWN
    names = ", ".join(repr(one.name) for one in layers[:_SHOWN])
    return f"{names} and {more} more" if more > 0 else names


def _percent(value: float | None) -> str:
    return f"{value:.1%}" if value is not None else "no activation to measure it by"
