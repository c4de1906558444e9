"""Split SpikeNAS-Bench in two by function: one half to choose a score on, the other to report it on.

    python tests/benchmarks/halve_spikenas_bench.py SpikeNAS-Bench halves

makes folders of links, halves/choose and halves/report, each a root for `snnplug correlate --benchmark
spikenas_bench`. Networks that compute the same are in one half. Which one follows from the SHA-256 of
their key, so that everyone has the same halves, of a part of the benchmark too.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from snnplug_spikenas_bench.cell import canonical, decode, text


def half(number: int) -> str:
    """Return where a network belongs."""
    first = hashlib.sha256(text(canonical(decode(number))).encode()).hexdigest()[0]
    return "choose" if int(first, 16) % 2 == 0 else "report"


def main() -> None:
    """Make the two folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the benchmark")
    parser.add_argument("target", type=Path, help="folder to make")
    options = parser.parse_args()
    logs = sorted(options.source.resolve().glob("**/train_process.txt"))
    if not logs or options.target.exists():
        sys.exit(f"{options.target} exists" if logs else f"no logs in {options.source}")
    counts = {"choose": 0, "report": 0}
    for log in logs:
        name = half(int(log.parent.name))
        (options.target / name).mkdir(parents=True, exist_ok=True)
        (options.target / name / log.parent.name).symlink_to(log.parent)
        counts[name] += 1
    print(", ".join(f"{options.target / name}: {count:,} networks" for name, count in counts.items()))


if __name__ == "__main__":
    main()
