"""Events a second of the simulated event camera, in the motions of the embedded event tasks.

python tests/benchmarks/bench_event_sensor.py
"""

from __future__ import annotations

import statistics

import torch
from measure import alternate, parser, set_up
from sklearn.datasets import load_digits
from snnplug_datasets.motion import excursions, saccades
from snnplug_datasets.sensor import Sensor


def main() -> None:
    """Measure and print."""
    options = parser((__doc__ or "").split("\n", 1)[0]).parse_args()
    set_up(options)
    digits = torch.from_numpy(load_digits().images)[: 200 if options.quick else None] / 16
    large = digits[:100].repeat_interleave(4, 1).repeat_interleave(4, 2)
    variants = {
        "ordered_digits, 12 x 12": (Sensor(size=(12, 12)), digits, excursions(2, down_first=False)),
        "moving_digits, 12 x 12": (Sensor(size=(12, 12)), digits, saccades(4)),
        "with noise and refractory time": (
            Sensor(size=(12, 12), noise=5.0, refractory=1.0),
            digits,
            saccades(4),
        ),
        "digits of 32 x 32, 36 x 36": (Sensor(size=(36, 36)), large, saccades(4)),
    }
    works = {
        name: lambda sensor=sensor, images=images, motion=motion: sensor.record(images, motion)
        for name, (sensor, images, motion) in variants.items()
    }
    for name, times in alternate(works, options).items():
        sensor, images, motion = variants[name]
        number = sum(events.number for events in sensor.record(images, motion))
        rate = number / statistics.median(times) / 1e6
        print(f"  {name:<32} {number / len(images):8,.0f} events a sample {rate:6.1f} million a second")


if __name__ == "__main__":
    main()
