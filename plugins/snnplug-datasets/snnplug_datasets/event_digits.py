"""Digits that move before a simulated event camera: a task that needs no time, and one that is all about it.

`moving_digits` shows each digit in the three saccades with which N-MNIST was recorded (Orchard et al.,
Frontiers in Neuroscience 2015, doi:10.3389/fnins.2015.00437). It needs no time: its frames added up, or
in any order, tell the digit too, as they do those of N-MNIST (Iyer, Chua and Li, Frontiers in
Neuroscience 2021, doi:10.3389/fnins.2021.608567).

`ordered_digits` moves each digit to the right and back and then down and back, and once more in the
other order. A class is a digit and an order, K = 2 x 10. The two recordings of an image hold the same
frames in another order, so what adds frames up, or sees them shuffled, cannot tell them apart and is
right half of the time at best. That is exact for equal thresholds, an even number of frames of equal
time, and no noise; otherwise the recordings differ a little, though hardly by their order.

Other images do as well as digits, and then have their own number of classes.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from snnplug import Component, Splits, check_ranges
from snnplug_datasets.digits import digits
from snnplug_datasets.motion import excursions, saccades
from snnplug_datasets.pictures import pictures_of
from snnplug_datasets.recording import Recording
from snnplug_datasets.sensor import Sensor

__all__ = ["moving_digits", "ordered_digits"]


@check_ranges
def moving_digits(
    *,
    base: Component | None = None,
    steps: Annotated[int, Ge(1)] = 10,
    by: Literal["time", "count"] = "time",
    polarities: Literal[1, 2] = 2,
    size: Annotated[int, Ge(1)] | None = None,
    reach: Annotated[int, Ge(1)] = 4,
    threshold: Annotated[float, Interval(ge=0.01, lt=10)] = 0.3,
    threshold_off: Annotated[float, Interval(ge=0.01, lt=10)] | None = None,
    refractory: Annotated[float, Ge(0)] = 0.0,
    noise: Annotated[float, Ge(0)] = 0.0,
    hot_pixels: Annotated[int, Ge(0)] = 0,
    shuffle_time: bool = False,
    seed: int = 0,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    test_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.2,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
) -> Splits:
    """Return digits moved in three saccades, as counts of events `[T, P, size, size]`.

    Args:
        base: data set of images in place of the digits; it divides itself.
        steps: number of frames T of the 300 ms.
        by: "time" for frames of equal time, "count" for equal numbers of events.
        polarities: 2 for OFF and ON events in channels of their own, 1 for both in one.
        size: rows and columns of the sensor; None for the image's and as far as it goes.
        reach: base and height of the triangle of saccades, in pixels.
        threshold: change of the logarithm of brightness that makes an event; see `snnplug_datasets.sensor`.
        threshold_off: that of OFF events; None for the same.
        refractory: milliseconds in which a pixel is silent after an event.
        noise: events a second that each pixel sends by chance.
        hot_pixels: number of pixels that send 200 ON events a second.
        shuffle_time: put the frames of each sample, in all splits, into an order of its own.
        seed: of noise and shuffling.
        val_fraction, test_fraction, split_seed: as of `digits`; not with a base.

    Raises:
        ValueError: a parameter is out of range.
        ContractError: the base has no images.
    """
    recording = Recording(
        sensor=_sensor(threshold, threshold_off, refractory, noise, hot_pixels),
        size=size,
        steps=steps,
        by=by,
        polarities=polarities,
        shuffled=shuffle_time,
        seed=seed,
    )
    return recording.of(_pictures(base, val_fraction, test_fraction, split_seed), [saccades(reach)])


@check_ranges
def ordered_digits(
    *,
    base: Component | None = None,
    steps: Annotated[int, Ge(1)] = 10,
    by: Literal["time", "count"] = "time",
    polarities: Literal[1, 2] = 2,
    size: Annotated[int, Ge(1)] | None = None,
    reach: Annotated[int, Ge(1)] = 2,
    threshold: Annotated[float, Interval(ge=0.01, lt=10)] = 0.3,
    threshold_off: Annotated[float, Interval(ge=0.01, lt=10)] | None = None,
    refractory: Annotated[float, Ge(0)] = 0.0,
    noise: Annotated[float, Ge(0)] = 0.0,
    hot_pixels: Annotated[int, Ge(0)] = 0,
    shuffle_time: bool = False,
    seed: int = 0,
    val_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.1,
    test_fraction: Annotated[float, Interval(ge=0, lt=1)] = 0.2,
    split_seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0,
) -> Splits:
    """Return digits with two excursions in one order or the other, as counts of events `[T, P, size, size]`.

    Each image is there twice, once in each order, and both are in the same split; class 2 d is the digit
    d that first goes to the right, 2 d + 1 the one that first goes down.

    Args:
        base: data set of images in place of the digits; it divides itself.
        steps: number of frames T of the 200 ms.
        by: "time" for frames of equal time, "count" for equal numbers of events.
        polarities: 2 for OFF and ON events in channels of their own, 1 for both in one.
        size: rows and columns of the sensor; None for the image's and as far as it goes.
        reach: how far the image goes, in pixels.
        threshold: change of the logarithm of brightness that makes an event; see `snnplug_datasets.sensor`.
        threshold_off: that of OFF events; None for the same.
        refractory: milliseconds in which a pixel is silent after an event.
        noise: events a second that each pixel sends by chance.
        hot_pixels: number of pixels that send 200 ON events a second.
        shuffle_time: put the frames of each sample, in all splits, into an order of its own: the control.
        seed: of noise and shuffling.
        val_fraction, test_fraction, split_seed: as of `digits`; not with a base.

    Raises:
        ValueError: a parameter is out of range.
        ContractError: the base has no images.
    """
    recording = Recording(
        sensor=_sensor(threshold, threshold_off, refractory, noise, hot_pixels),
        size=size,
        steps=steps,
        by=by,
        polarities=polarities,
        shuffled=shuffle_time,
        seed=seed,
    )
    motions = [excursions(reach, down_first=first) for first in (False, True)]
    pictures = _pictures(base, val_fraction, test_fraction, split_seed)
    return recording.of(pictures, motions, names=("right first", "down first"))


def _sensor(
    threshold: float, threshold_off: float | None, refractory: float, noise: float, hot_pixels: int
) -> partial[Sensor]:
    return partial(
        Sensor,
        threshold=threshold,
        threshold_off=threshold_off,
        refractory=refractory,
        noise=noise,
        hot_pixels=hot_pixels,
    )


def _pictures(base: Component | None, val_fraction: float, test_fraction: float, split_seed: int) -> Splits:
    if base is None:
        return digits(val_fraction=val_fraction, test_fraction=test_fraction, split_seed=split_seed)
    if (val_fraction, test_fraction, split_seed) != (0.1, 0.2, 0):
        raise ValueError("val_fraction, test_fraction and split_seed divide the digits; the base has its own")
    return pictures_of(base)
