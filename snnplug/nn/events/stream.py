"""A stream of address events: when, where, and whether it became brighter or darker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from snnplug.errors import DataError

__all__ = ["Events"]

_LARGEST = 2**15 - 1  # of a coordinate


class Events(NamedTuple):
    """Events in the order of their times; of one instant, in the order in which they were given.

    Its four tensors are columns: `len` is 4, and `events.number` says how many events there are.

    Attributes:
        t: times `[n]` in microseconds, int64, ascending.
        x: columns `[n]`, int16, 0 at the left.
        y: rows `[n]`, int16, 0 at the top.
        p: polarities `[n]`, uint8: 1 for ON (brighter), 0 for OFF.
    """

    t: Tensor
    x: Tensor
    y: Tensor
    p: Tensor

    @classmethod
    def of(cls, t: Any, x: Any, y: Any = 0, p: Any = 1) -> Events:
        """Return the events of four columns, which need not be sorted.

        Args:
            t: times `[n]` in microseconds, whole numbers of any type.
            x: columns `[n]` from 0 to 32767.
            y: rows `[n]`, or one number for all.
            p: polarities `[n]`, 0 and 1 or booleans, or one for all.

        Raises:
            DataError: a column has another length or shape, or a number that is not allowed.
        """
        times = _whole(t, "times t", None)
        xs, ys, ps = (
            _column(values, name, largest, len(times))
            for values, name, largest in (
                (x, "columns x", _LARGEST),
                (y, "rows y", _LARGEST),
                (p, "polarities p", 1),
            )
        )
        events = cls(times, xs.to(torch.int16), ys.to(torch.int16), ps.to(torch.uint8))
        return events if bool((times[1:] >= times[:-1]).all()) else events._chosen(times.argsort(stable=True))

    @classmethod
    def from_array(cls, array: Any) -> Events:
        """Return the events of a structured numpy array, or of a table of columns.

        Args:
            array: has the fields t, x, p and, unless the sensor is a line, y; see `of`.

        Raises:
            DataError: a field is missing or wrong.
        """
        fields = (
            array if isinstance(array, Mapping) else getattr(getattr(array, "dtype", None), "names", None)
        )
        names = tuple(fields or ())
        if missing := [name for name in ("t", "x", "p") if name not in names]:
            raise DataError(
                f"events need the fields t, x, p (and y), got {', '.join(names) or 'none'}: "
                f"{', '.join(missing)} missing"
            )
        return cls.of(array["t"], array["x"], array["y"] if "y" in names else 0, array["p"])

    @classmethod
    def merged(cls, streams: Iterable[Events]) -> Events:
        """Return several streams in one, by time; of one instant, the earlier stream's events first."""
        columns = [torch.cat(column) for column in zip(*streams, strict=True)]
        return cls.of(*columns) if columns else cls.of([], [])

    @property
    def number(self) -> int:
        """How many events there are."""
        return self.t.shape[0]

    def between(self, start: int, stop: int) -> Events:
        """Return a view of the events with `start <= t < stop`."""
        first, last = torch.searchsorted(self.t, torch.tensor([start, stop])).tolist()
        return Events(*(column[first:last] for column in self))

    def shifted(self, microseconds: int) -> Events:
        """Return the same events, later by so much."""
        return self._replace(t=self.t + microseconds)

    def _chosen(self, indices: Tensor) -> Events:
        return Events(*(column[indices] for column in self))


def _column(values: Any, name: str, largest: int, length: int) -> Tensor:
    found = _whole(values, name, length)
    if len(found) != length:
        raise DataError(f"{len(found)} {name} but {length} times t; events need one of each")
    if not length:
        return found
    low, high = (int(bound) for bound in found.aminmax())
    if low < 0 or high > largest:
        hint = "; of -1 and 1 use p > 0" if (low, largest) == (-1, 1) else ""
        raise DataError(f"{name} must be from 0 to {largest}, got {low if low < 0 else high}{hint}")
    return found


def _whole(values: Any, name: str, length: int | None) -> Tensor:
    """Return a column `[n]` of int64; one number stands for all, where a length is given."""
    try:
        found = torch.as_tensor(values if isinstance(values, Tensor) else _native(values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name} must be whole numbers, got {type(values).__qualname__}") from error
    if found.ndim == 0 and length is not None:
        found = found.expand(length)
    if found.ndim != 1:
        raise DataError(f"{name} must be one number an event, got the shape {list(found.shape)}")
    if found.is_complex() or (found.is_floating_point() and not torch.equal(found, found.round())):
        hint = "; of seconds use (t * 1e6).round()" if name.startswith("times") else ""
        raise DataError(f"{name} must be whole numbers, got fractions{hint}")
    return found.long()


def _native(values: Any) -> Any:
    """Return an array that torch takes: of this machine's byte order, and with no negative stride."""
    array = np.asarray(values)
    if array.dtype.kind in "iub":  # a file of a big-endian recorder, or unsigned numbers of 32 and 64 bits
        return array.astype(np.int64)
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
