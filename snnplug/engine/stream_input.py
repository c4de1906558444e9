"""Frames from a pipe, one at a time: arrays of numpy, raw bytes, or events as lines of text."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np

from snnplug.errors import DataError

__all__ = ["Frame", "array_frames", "event_frames", "raw_frames"]


class Frame(NamedTuple):
    """A frame.

    Attributes:
        values: of the shape of a frame.
        first: it begins a sample.
        time: end of its window in microseconds, of events; None of others.
    """

    values: Any
    first: bool = False
    time: int | None = None


def array_frames(file: BinaryIO, shape: tuple[int, ...]) -> Iterator[Frame]:
    """Yield the frames of arrays that follow each other in the format .npy, or stand in an .npz.

    An array `[T, *shape]` is a sample of T frames, one `[*shape]` a frame that goes on with the sample.

    Raises:
        DataError: it is no such array, is cut off, or has another shape.
    """
    begun = file.read(6)
    while begun:
        source: Any = _Rest(begun, file)
        if begun[:2] == b"PK":
            with np.load(io.BytesIO(source.read()), allow_pickle=False) as arrays:
                for name in arrays.files:
                    yield from _of_array(arrays[name], shape)
            return
        yield from _of_stream(source, shape)
        begun = file.read(6)


def _of_stream(source: Any, shape: tuple[int, ...]) -> Iterator[Frame]:
    """Yield the frames of one array, each as it comes: its frames may never end before the pipe does."""
    try:
        version = np.lib.format.read_magic(source)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        size, fortran, dtype = read(source)
    except ValueError as error:
        raise DataError(
            f"expected arrays in numpy's format .npy or .npz, one after the other, got something else "
            f"({error}); raw bytes have --format raw, and lines of events --format events"
        ) from error
    _check_shape(size, shape)
    if dtype.hasobject or fortran:
        raise DataError(
            "arrays must hold numbers, in the order of C; write them by numpy.save of a plain array"
        )
    single = size == shape
    for number in range(1 if single else size[0]):
        content = source.read(math.prod(shape) * dtype.itemsize)
        values = _whole(content, dtype, shape)
        yield Frame(values, first=not single and number == 0)


def _of_array(array: Any, shape: tuple[int, ...]) -> Iterator[Frame]:
    _check_shape(array.shape, shape)
    if array.shape == shape:
        yield Frame(array)
        return
    for number, values in enumerate(array):
        yield Frame(values, first=number == 0)


def _check_shape(found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if found != shape and found[1:] != shape:
        said = ", ".join(map(str, shape))
        raise DataError(f"the network takes frames [{said}] or arrays [T, {said}] of them, got {list(found)}")


def raw_frames(file: BinaryIO, shape: tuple[int, ...], dtype: Literal["uint8", "float32"]) -> Iterator[Frame]:
    """Yield frames that follow each other without anything between, numbers little-endian, in the order of C.

    Raises:
        DataError: the last one is cut off.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    while content := file.read(math.prod(shape) * kind.itemsize):
        yield Frame(_whole(content, kind, shape))


def _whole(content: bytes, dtype: Any, shape: tuple[int, ...]) -> Any:
    due = math.prod(shape) * dtype.itemsize
    if len(content) < due:
        raise DataError(
            f"the last frame is cut off: {list(shape)} of {dtype.name} are {due} bytes, got {len(content)}"
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def event_frames(
    lines: Iterable[str], shape: tuple[int, ...], window: int, *, binary: bool
) -> Iterator[Frame]:
    """Yield a frame for each window of time, of events in the order of their times.

    Windows follow each other from the first event on, also where nothing happens. A frame is there when the
    first event behind its window is.

    Args:
        lines: `t x y p`, whole numbers with blanks or commas between: microseconds, column, row, polarity 0
            or 1. Empty lines, those that begin with `#`, and a first line of names are left out.
        shape: of a frame, `[P, H, W]`; both polarities are added where P is 1.
        window: its length in microseconds.
        binary: 1 where there are events, in place of their number.

    Raises:
        DataError: a line is no event, or lies outside the sensor or before the line above.
    """
    if len(shape) != 3 or shape[0] not in (1, 2):
        raise DataError(
            f"events make frames [1 or 2, H, W], but the network takes {list(shape)}; give --format npy"
        )
    P, H, W = shape
    counts: Any = None
    start = last = 0
    for number, line in enumerate(lines, 1):
        words = re.split(r"[\s,;]+", line.strip())
        if not words[0] or words[0].startswith("#"):
            continue
        try:
            t, x, y, p = map(int, words)
        except ValueError:
            if number == 1 and not words[0].lstrip("-").isdigit():
                continue
            raise DataError(
                f"line {number}: expected an event 't x y p' of whole numbers, got {line.strip()!r}"
            ) from None
        if not (0 <= x < W and 0 <= y < H and p in (0, 1)):
            raise DataError(
                f"line {number}: x must be below {W}, y below {H} and p 0 or 1 for this network, "
                f"got x={x} y={y} p={p}"
            )
        if counts is None:
            start = last = t
            counts = np.zeros(shape, np.float32)
        if t < last:
            raise DataError(f"line {number}: events must be in the order of time, got {t} after {last}")
        last = t
        while t >= start + window:
            start += window
            yield Frame(counts, time=start)
            counts = np.zeros(shape, np.float32)
        place = (p if P == 2 else 0), y, x
        counts[place] = 1 if binary else counts[place] + 1
    if counts is not None:
        yield Frame(counts, time=start + window)


class _Rest:
    """A file of which some bytes have been read."""

    def __init__(self, begun: bytes, file: BinaryIO) -> None:
        self._begun, self._file = begun, file

    def read(self, size: int = -1) -> bytes:
        begun = self._begun if size < 0 else self._begun[:size]
        self._begun = self._begun[len(begun) :]
        more = -1 if size < 0 else size - len(begun)
        return begun + (self._file.read(more) if more else b"")
