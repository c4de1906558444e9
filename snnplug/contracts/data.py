"""Data sets: what a network is built for, and the splits it learns from. Shapes as in `snnplug.contracts`."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import attrs

__all__ = ["Splits", "Task", "Values"]

Values: TypeAlias = Literal["scaled", "binary", "counts"]
"""What the numbers of a sample are: real ones, mostly in [0, 1]; 0 and 1; or how many events there were."""


@attrs.frozen(kw_only=True)
class Task:
    """What a network is built for.

    Attributes:
        input_shape: shape of one input at one time step, such as `(C, H, W)` or `(N,)`.
        classes: number of classes K.
        steps: number of time steps T, once an encoder has been chosen. Of a data set of events: the number
            that every sample has; 0 where it differs from sample to sample; None to take the first one's.
        mean, std: per-channel normalisation of values in [0, 1]; empty for none.
        events: the data has a time axis of its own, `[T, *input_shape]` a sample.
        values: what its numbers are. Whole ones, "binary" or "counts", are spikes to the first layer, each
            event one, as long as no encoder scales them.
    """

    input_shape: tuple[int, ...]
    classes: int
    steps: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    events: bool = False
    values: Values = "scaled"


@attrs.frozen(kw_only=True)
class Splits:
    """A dataset ready for use.

    Attributes:
        task: shape, classes and normalisation.
        train, val, test: `torch.utils.data.Dataset`s of `(values, label)`: values `[*input_shape]`, or
            `[T, *input_shape]` of events, as `task.values` says. One that has a method
            `batch(indices) -> (values [B, ...], labels [B])` is read that way, which is much faster for
            data in memory. `test` or `val` may be None.
            Where `train` has a `mix`, a callable `(values, labels [B]) -> (values, probabilities [B, K])`,
            networks are trained on what it makes of each batch; nobody else sees that.
        class_names: names of the classes, or empty.
    """

    task: Task
    train: Any
    val: Any
    test: Any
    class_names: tuple[str, ...] = ()

    @property
    def measured(self) -> Any:
        """The split on which networks are measured: test, else validation, else training data."""
        return next(s for s in (self.test, self.val, self.train) if s is not None and len(s))
