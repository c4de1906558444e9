"""Time of a training step uncompiled, with compiled neurons, and as a compiled network.

    python tests/benchmarks/bench_compile.py [--device cuda] [--threads 1] [--rounds 5]

Prints a line for each network: how many times as fast each is, by the shortest of interleaved rounds, and how
long compiling took. Compile caches are not emptied: a second run compiles faster.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.engine import compilation
from snnplug.nn import channels_last, materialize

NETWORKS: tuple[tuple[str, str, dict[str, Any], int, int], ...] = (
    ("vgg5, lif", "lif", {"use": "vgg", "layers": "vgg5"}, 32, 4),
    ("resnet, lif", "lif", {"use": "resnet", "blocks": (1, 1), "widths": (32, 64)}, 32, 4),
    ("resnet, plif", "plif", {"use": "resnet", "blocks": (1, 1), "widths": (32, 64)}, 32, 4),
    ("sew_resnet, lif", "lif", {"use": "sew_resnet", "blocks": (1, 1), "width": 32}, 32, 4),
)


def step(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Compute a training step without the optimizer's."""
    F.cross_entropy(model(x).mean(0), y).backward()  # type: ignore[no-untyped-call]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=16)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    compilation._ROUNDS = given.rounds
    registry = Registry.from_installed()
    for name, neuron, table, size, steps in NETWORKS:
        torch.manual_seed(0)
        task = Task(input_shape=(3, size, size), classes=10, steps=steps)
        settings = {key: value for key, value in table.items() if key != "use"}
        part = registry.use("architecture", table["use"], neuron=registry.use("neuron", neuron), **settings)
        model = part.build(task).to(given.device)
        x = torch.rand(steps, given.batch_size, 3, size, size, device=given.device)
        y = torch.arange(given.batch_size, device=given.device) % 10
        materialize(model, x)
        channels_last(model)
        begun = time.perf_counter()
        found = compilation._choose(True, model.train(), partial(step, model, x, y))
        took = time.perf_counter() - begun
        print(f"{name:16} {found}; {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
