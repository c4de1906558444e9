"""Write docs/event-tasks.svg and .webp from the simulated sensor: `python docs/event_tasks.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib.figure import Figure
from PIL import Image
from snnplug_datasets.motion import Motion, excursions
from snnplug_datasets.sensor import Sensor
from torch import Tensor

from snnplug import Registry
from snnplug.nn.events import Events, to_frames

PICTURE = Path(__file__).with_name("event-tasks.svg")
ANIMATION = Path(__file__).with_name("event-tasks.webp")

ON, OFF = "#c05621", "#2b6cb0"
ORDERS = ("right first", "down first")
STEPS, SIZE, MILLISECONDS = 10, 12, 4  # frames and side of the data set; time of a picture of the animation


def recordings() -> tuple[Tensor, list[Motion], list[Events]]:
    """Return a digit, the two motions of `ordered_digits` and what the sensor sends in each."""
    splits = Registry.from_installed().create("dataset", "digits")
    digit = int((splits.train.labels == 3).nonzero()[4])
    images = splits.train.images[digit]
    motions = [excursions(2, down_first=first) for first in (False, True)]
    sensor = Sensor(size=(SIZE, SIZE))
    return images[0], motions, [sensor.record(images, motion)[0] for motion in motions]


def coloured(frame: Tensor) -> Tensor:
    """Return counts `[2, H, W]` as colours `[H, W, 3]`: white where nothing is, deeper with the number."""
    colours = torch.tensor([mpl.colors.to_rgb(OFF), mpl.colors.to_rgb(ON)])
    depth = (frame.float() / 3).clamp(max=1).unsqueeze(-1)  # [2, H, W, 1]
    return (1 - (depth * (1 - colours[:, None, None])).sum(0)).clamp(0, 1)


def picture() -> Figure:
    """Return the image, the events over time, and the frames of both orders below each other."""
    image, motions, streams = recordings()
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    rows = figure.subplots(4, 1, height_ratios=(1.6, 1, 1.6, 1))
    for m, events in enumerate(streams):
        over_time, strip = rows[2 * m], rows[2 * m + 1]
        for p, colour, name in ((1, ON, "ON"), (0, OFF, "OFF")):
            of_sign = events.p == p
            over_time.scatter(
                events.t[of_sign] / 1000,
                events.x[of_sign] + (0.15 if p else -0.15),
                s=4,
                c=colour,
                linewidths=0,
                label=name,
                rasterized=True,
            )
        over_time.set(xlim=(0, 200), ylim=(SIZE - 0.5, -0.5), ylabel="column", title=ORDERS[m])
        over_time.title.set_fontsize(10)
        for k in range(1, STEPS):
            over_time.axvline(k * 200 / STEPS, color="#cbd5e0", lw=0.6, zorder=0)
        over_time.set_yticks(range(0, SIZE, 4))
        over_time.tick_params(labelsize=7)
        over_time.spines[["top", "right"]].set_visible(False)
        frames = to_frames(events, size=(SIZE, SIZE), steps=STEPS, window=(0, motions[m].duration))
        side = torch.ones(STEPS, SIZE, SIZE + 1, 3)
        for k, frame in enumerate(frames):
            side[k, :, :SIZE] = coloured(frame)
        strip.imshow(torch.cat(list(side), 1)[:, :-1].numpy(), interpolation="nearest")
        strip.set_axis_off()
    inset = rows[0].inset_axes((1.0, 0.1, 0.12, 0.8))
    inset.imshow(image.numpy(), cmap="gray", interpolation="nearest")
    inset.set_axis_off()
    rows[0].legend(loc="upper left", bbox_to_anchor=(1.0, 0.15), fontsize=7, frameon=False, markerscale=2)
    for over_time in (rows[0], rows[2]):
        over_time.set_xlabel("time in ms; lines are where frames end", fontsize=8)
    return figure


def animation() -> list[Image.Image]:
    """Return pictures of the moving digit's events, both orders beside each other."""
    _, motions, streams = recordings()
    number = motions[0].duration // (1000 * MILLISECONDS)
    both = [
        to_frames(events, size=(SIZE, SIZE), steps=number, window=(0, motion.duration))
        for events, motion in zip(streams, motions, strict=True)
    ]
    pictures = []
    for left, right in zip(*both, strict=True):
        gap = torch.full((SIZE, 1, 3), 0.8)
        pixels = torch.cat([coloured(left), gap, coloured(right)], 1).mul(255).byte()
        scale = 16
        pictures.append(Image.fromarray(pixels.numpy()).resize((pixels.shape[1] * scale, SIZE * scale), 0))
    return pictures


if __name__ == "__main__":
    # text stays text, and nothing in the file depends on the day or the machine
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "event-tasks", "font.family": "sans-serif"}):
        picture().savefig(PICTURE, metadata={"Date": None, "Creator": None}, dpi=150)
    first, *rest = animation()
    first.save(ANIMATION, save_all=True, append_images=rest, duration=80, loop=0, lossless=True)
