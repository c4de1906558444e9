"""Values that stand for a known number of spikes, on their way from a neuron to the next layer.

A neuron may send decoded values, such as 1.55 for two spikes. What moves, selects or scales such values
does so with their spikes; what adds them, as average pools and shortcuts do, hands on all of them; what mixes
them in another way leaves values of which no spikes are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

__all__ = ["SUMS", "SpikeCounts", "keeps_values", "spikes_after"]

_MOVES = frozenset(
    ["clone", "_to_copy", "flip", "roll", "repeat", "index", "index_select", "gather", "constant_pad_nd"]
)
_SCALES = frozenset(["mul", "div"])
_SIGNS = frozenset(["relu", "abs", "neg"])
SUMS = frozenset(["add", "sub"])  # of two tensors


@runtime_checkable
class SpikeCounts(Protocol):
    """A neuron that says for how many spikes the values that it sends stand.

    Of any other graded neuron a value is one spike, or as many as it says if it is a whole number.
    """

    def spike_counts(self, spikes: Tensor) -> Tensor:
        """Return for how many spikes each value `[t, B, *]` stands, in the same shape."""


def keeps_values(operation: str) -> bool:
    """Whether every value of the result of an operation is one of its first operand's, or 0."""
    return operation in _MOVES or operation == "relu" or _is_max_pool(operation)


def spikes_after(
    operation: str,
    func: Callable[..., Tensor],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    out: Any,
    parts: list[Tensor],
) -> Tensor | None:
    """Return the spikes that the result of an operation, or the first of its results, stands for.

    Args:
        operation: its name.
        func: the operation.
        args, kwargs: its arguments.
        out: its result, or results.
        parts: what the values of its first argument stand for; or of the tensors in that list, or of both
            that it adds.

    Returns:
        None where they are not known.
    """
    if operation in ("cat", "stack"):
        return func(parts, *args[1:], **kwargs)
    if operation in SUMS:
        return parts[0] + parts[1] if len(parts) == 2 else None
    (spikes,) = parts
    if operation in _MOVES:
        return func(spikes, *args[1:], **kwargs)
    if operation in _SIGNS or (operation in _SCALES and _is_one_number(args[1])):
        return spikes
    if _is_max_pool(operation):
        values, chosen = out
        axes = int(operation.partition("pool")[2][0])  # over as many axes the index counts
        return spikes.flatten(-axes).gather(-1, chosen.flatten(-axes)).view(values.shape)
    if operation == "sum":
        return func(spikes, *args[1:], **kwargs)
    if operation in ("mean", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d"):
        many, left = divmod(spikes.numel(), out.numel())
        alike = operation == "mean" or all(a % b == 0 for a, b in zip(spikes.shape, out.shape, strict=True))
        return func(spikes, *args[1:], **kwargs) * many if alike and not left else None
    if operation in ("avg_pool2d", "avg_pool3d"):
        given = args[1:5]
        usual: tuple[Any, ...] = ([], 0, False)[len(given) - 1 :]  # stride, padding, ceil_mode
        return func(spikes, *given, *usual, divisor_override=1)
    return None


def _is_max_pool(operation: str) -> bool:
    return operation.removeprefix("adaptive_").startswith("max_pool")


def _is_one_number(x: Any) -> bool:
    return not isinstance(x, Tensor) or x.numel() == 1
