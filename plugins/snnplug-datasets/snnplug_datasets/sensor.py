"""A simulated event camera: an image moves over its pixels, which tell by events how brightness changes.

    L(x, t) = ln(image(x - s(t)) + dark)          bilinear between the image's pixels, linear in time
    ON event where L rises to  r + threshold      and r becomes that level
    OFF event where L falls to r - threshold_off  and r becomes that level

The pixel is that of Lichtsteiner et al., IEEE JSSC 2008, doi:10.1109/JSSC.2007.914337; crossings
interpolated inside an interval, several of them in one, and the refractory time are as in ESIM (H. Rebecq,
D. Gehrig and D. Scaramuzza, CoRL 2018); shot noise is after v2e (Y. Hu, S.-C. Liu and T. Delbruck, CVPRW
2021, arXiv:2006.07722). What differs: the logarithm of the image is moved, not the image; shot noise has
one rate for all brightnesses, as many events in all as it gives on average, and leaves r alone; thresholds
are equal for all pixels; there is no limit of bandwidth and no leak. All is computed in whole numbers,
hence the same on every machine.
"""

from __future__ import annotations

import math
from typing import Annotated

import attrs
import torch
import torch.nn.functional as F
from annotated_types import Ge, Interval
from torch import Generator, Tensor

from snnplug import check_ranges
from snnplug.nn.events import Events
from snnplug_datasets.motion import SUBPIXELS, Motion
from snnplug_datasets.refractory import outside_refractory

__all__ = ["Sensor"]

_GREYS = 255  # brightnesses of an image, as many as a byte holds
_UNIT = 1 << 14  # levels in a difference of 1 of the logarithm, before they are weighted
_WEIGHTS = SUBPIXELS * SUBPIXELS  # what the four weights of a pixel add up to
_CHUNK = 1 << 15  # pixels simulated together; what belongs to them stays in the cache


@check_ranges
@attrs.frozen(kw_only=True)
class Sensor:
    """An event camera.

    Attributes:
        size: rows and columns of pixels.
        threshold: change of the logarithm that makes an ON event; at least 0.01.
        threshold_off: that of an OFF event; None for the same.
        dark: brightness added to the image's, in [0, 1], before the logarithm is taken; above 0.
        refractory: milliseconds in which a pixel is silent after an event.
        noise: shot noise, in events a second and pixel, half of them ON.
        hot_pixels: how many pixels send ON events all the time.
        hot_rate: how many each of them, in events a second.

    Raises:
        ValueError: one of them is out of range.
    """

    size: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]]
    threshold: Annotated[float, Interval(ge=0.01, lt=10)] = 0.3
    threshold_off: Annotated[float, Interval(ge=0.01, lt=10)] | None = None
    dark: Annotated[float, Interval(ge=0.001, le=1)] = 0.1
    refractory: Annotated[float, Ge(0)] = 0.0
    noise: Annotated[float, Ge(0)] = 0.0
    hot_pixels: int = 0
    hot_rate: Annotated[float, Ge(0)] = 200.0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.hot_pixels <= self.pixels:
            raise ValueError(
                f"hot_pixels must be from 0 to the {self.pixels} there are, got {self.hot_pixels}"
            )

    @property
    def pixels(self) -> int:
        """How many pixels there are."""
        return self.size[0] * self.size[1]

    def record(self, images: Tensor, motion: Motion, seed: int = 0) -> list[Events]:
        """Return what the sensor sends while each image moves before it.

        Times count from the start of the recording.

        Args:
            images: `[N, H, W]` in [0, 1], at the centre of the sensor and on black.
            motion: of all of them.
            seed: of noise; the hot pixels are the same with every seed.
        """
        generator = torch.Generator().manual_seed(seed)
        recorded: list[Events] = []
        for chunk in images.split(max(1, _CHUNK // self.pixels)):
            streams = [self._changes(chunk, motion), *self._noise(len(chunk), motion, generator)]
            recorded += self._sorted(streams, len(chunk), motion)
        return recorded

    def _levels(self, images: Tensor, margin: int) -> Tensor:
        """Return the levels of images `[N, H, W]` on a field around the sensor, int32."""
        table = [round(math.log(grey / _GREYS + self.dark) * _UNIT) for grey in range(_GREYS + 1)]
        greys = images.double().mul(_GREYS).round_().long()
        for axis, size in ((1, self.size[0]), (2, self.size[1])):
            room = size - greys.shape[axis]
            before, after = room // 2 + margin, room - room // 2 + margin
            greys = F.pad(greys, (before, after) if axis == 2 else (0, 0, before, after))
        return torch.tensor(table, dtype=torch.int32)[greys]

    def _changes(self, images: Tensor, motion: Motion) -> tuple[Tensor, Tensor, Tensor]:
        """Return times, places (sample and pixel in one number) and polarities of what brightness causes."""
        margin = motion.reach + 1
        levels = self._levels(images, margin)
        falls = self.threshold if self.threshold_off is None else self.threshold_off
        on, off = (round(threshold * _UNIT) * _WEIGHTS for threshold in (self.threshold, falls))
        before = self._seen(levels, margin, motion.places[0]).flatten()
        reference = before.clone()
        times = motion.times.tolist()
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for k, place in enumerate(motion.places[1:]):
            now = self._seen(levels, margin, place).flatten()
            change = now - reference
            places = ((change >= on) | (change <= -off)).nonzero().squeeze(1)
            rises = change[places] > 0
            step = torch.where(rises, on, -off)
            number = change[places] // step
            start, begin, end = (part[places].long() for part in (reference, before, now))
            reference[places] += (number * step).int()
            before = now
            if times[k + 1] <= motion.start:
                continue
            event = torch.arange(len(places)).repeat_interleave(number)
            nth = torch.arange(1, len(event) + 1) - (number.cumsum(0) - number)[event]
            crossed = (start - begin)[event] + nth * step[event]
            passed = -(-(times[k + 1] - times[k]) * crossed // (end - begin)[event])
            # in the microsecond that ends with the crossing: an interval holds what happens at its end
            found.append((times[k] - motion.start + passed - 1, places[event], rises[event]))
        return tuple(torch.cat(column) for column in zip(*found, strict=True))  # type: ignore[return-value]

    def _seen(self, levels: Tensor, margin: int, place: Tensor) -> Tensor:
        """Return what the pixels see `[N, rows, columns]` with the image at a place."""
        (down, y), (right, x) = (divmod(int(part), SUBPIXELS) for part in -place)
        rows, columns = self.size
        seen: Tensor | int = 0
        for one, row in ((SUBPIXELS - y, margin + down), (y, margin + down + 1)):
            for other, column in ((SUBPIXELS - x, margin + right), (x, margin + right + 1)):
                if one * other:
                    seen = levels[:, row : row + rows, column : column + columns] * (one * other) + seen
        assert isinstance(seen, Tensor)
        return seen

    def _noise(
        self, samples: int, motion: Motion, generator: Generator
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return times, places and polarities of shot noise and of hot pixels."""
        seconds = motion.duration / 1_000_000
        hot = torch.randperm(self.pixels, generator=torch.Generator().manual_seed(0))[: self.hot_pixels]
        count = round(samples * self.pixels * self.noise * seconds)
        hot_count = round(samples * self.hot_pixels * self.hot_rate * seconds)

        def draw(below: int, number: int) -> Tensor:
            return torch.randint(below, (number,), generator=generator)

        streams = []
        if count:
            places, t = draw(samples * self.pixels, count), draw(motion.duration, count)
            streams.append((t, places, draw(2, count).bool()))
        if hot_count:
            sample, pixel = draw(samples, hot_count), hot[draw(self.hot_pixels, hot_count)]
            t = draw(motion.duration, hot_count)
            streams.append((t, sample * self.pixels + pixel, torch.ones(hot_count, dtype=torch.bool)))
        return streams

    def _sorted(
        self, streams: list[tuple[Tensor, Tensor, Tensor]], samples: int, motion: Motion
    ) -> list[Events]:
        """Return the events of each sample by time, without those that a refractory pixel keeps back."""
        t, places, rises = (torch.cat(column) for column in zip(*streams, strict=True))
        if period := round(1000 * self.refractory):
            kept = outside_refractory(t, places, period)
            t, places, rises = t[kept], places[kept], rises[kept]
        sample, pixel = places // self.pixels, places % self.pixels
        order = (sample * motion.duration + t).argsort(stable=True)
        y, x = pixel // self.size[1], pixel % self.size[1]
        columns = (t, x.to(torch.int16), y.to(torch.int16), rises.to(torch.uint8))
        counts = sample.bincount(minlength=samples).tolist()
        return [Events(*of) for of in zip(*(column[order].split(counts) for column in columns), strict=True)]
