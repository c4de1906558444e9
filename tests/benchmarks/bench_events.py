"""Events into frames: millions a second, of sensors of several sizes.

python tests/benchmarks/bench_events.py
"""

from __future__ import annotations

import argparse
import statistics

import torch
from measure import alternate, parser, set_up

from snnplug.nn.events import Events, to_frames


def framing(options: argparse.Namespace) -> None:
    """Collect random events, sorted by time, into ten frames."""
    n = 100_000 if options.quick else 2_000_000
    for H, W in ((34, 34), (128, 128), (180, 240)):
        torch.manual_seed(0)
        events = Events.of(*(torch.randint(high, (n,)) for high in (1_000_000, W, H, 2)))
        works = {
            by: lambda by=by, events=events, size=(H, W): to_frames(events, size=size, steps=10, by=by)
            for by in ("time", "count")
        }
        for by, times in alternate(works, options).items():
            rate = n / statistics.median(times) / 1e6
            print(f"  frames by {by:<6} {H:>4} x {W:<4} {rate:8.1f} million events/s")


def main() -> None:
    """Measure and print."""
    options = parser(__doc__.split("\n", 1)[0]).parse_args()
    set_up(options)
    framing(options)


if __name__ == "__main__":
    main()
