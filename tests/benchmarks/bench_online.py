"""A training step by backpropagation through time, and in memory that does not grow with the steps.

    python tests/benchmarks/bench_online.py [--quick] [--device cuda]

Forward and backward of one batch of frames that change over time, at several numbers of time steps; time, and
the most memory that is held beyond weights, gradients and the batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from measure import alternate, parser, peak_bytes, set_up, show

from snnplug import Registry, Task
from snnplug.nn import start_stream, step_stream
from snnplug.nn.traces import PresynapticTraces


def through_time(network: nn.Module, x: Tensor, target: Tensor) -> None:
    """Backpropagate through all steps."""
    outputs = network(x)
    F.cross_entropy(outputs.flatten(0, 1), target.repeat(len(x))).backward()


def online(network: nn.Module, x: Tensor, target: Tensor, traces: PresynapticTraces | None) -> None:
    """Take the gradient of each step by itself, as `snnplug.engine.online` does."""
    if traces is not None:
        traces.attach()
    state = start_stream(network, x[0])
    for x_t in x:
        y, state = step_stream(network, x_t, state)
        (F.cross_entropy(y, target) / len(x)).backward()
        state = state.detach()
        if traces is not None:
            traces.next_step()
    if traces is not None:
        traces.detach()


def main() -> None:
    """Compare at each number of steps."""
    options = parser(__doc__.splitlines()[0]).parse_args()
    set_up(options)
    size, batch = (8, 4) if options.quick else (16, 16)
    task = Task(input_shape=(2, size, size), classes=10, events=True, values="binary")
    registry = Registry.from_installed(quiet=True)
    architecture = registry.use(
        "architecture", "vgg", neuron="lif", layers=[16, "M", 32, "M"], batch_norm="joint", hidden=[64]
    )
    for steps in (2, 4) if options.quick else (10, 50, 200):
        torch.manual_seed(0)
        network = architecture.build(task).to(options.device)
        x = (torch.rand(steps, batch, 2, size, size, device=options.device) < 0.2).float()
        target = torch.randint(10, (batch,), device=options.device)
        works: dict[str, Callable[[], None]] = {
            "bptt": partial(through_time, network, x, target),
            "sltt": partial(online, network, x, target, None),
            "ottt": partial(online, network, x, target, PresynapticTraces(network, x)),
        }
        through_time(network, x, target)  # gradients are there
        print(f"T = {steps}")
        show(alternate(works, options), {n: peak_bytes(w, options.device) for n, w in works.items()}, "bptt")


if __name__ == "__main__":
    main()
