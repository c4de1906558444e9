"""How many candidates a second a score of the graph alone takes.

    python tests/benchmarks/bench_graph_scores.py

draws the graph of each genotype and scores it, in one thread, and prints the median of seven rounds.
"""

from __future__ import annotations

import functools
import random
import statistics
import time

from snnplug import Candidate, Registry, Task

NUMBER = 500


def main() -> None:
    """Measure every space that says something of its neurons."""
    registry = Registry.from_installed(quiet=True)
    scorer = registry.create("scorer", "spiking_chain")
    task = Task(input_shape=(3, 32, 32), classes=10, steps=4)
    for name in ("snasnet", "autosnn"):
        space = registry.create("search_space", name, task, neuron="lif")
        rng, rates = random.Random(0), []
        for _ in range(7):
            drawn = [space.sample(rng) for _ in range(NUMBER)]
            started = time.process_time()
            for genotype in drawn:
                scorer(
                    Candidate(
                        genotype=genotype,
                        key="",
                        build=lambda repeat=0: None,
                        batch=lambda index, size: None,
                        seed=0,
                        graph=functools.partial(space.graph, genotype),
                    )
                )
            rates.append(NUMBER / (time.process_time() - started))
        print(f"{name}: {statistics.median(rates):,.0f} a second of CPU time")


if __name__ == "__main__":
    main()
