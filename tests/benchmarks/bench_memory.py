"""Peak memory and time of a training step in every mode, beside SpikingJelly with and without its memopt.

The networks are the same in both: convolutions, batch norm, LIF neurons and max pools of a VGG, and a
ResNet-18 whose shortcuts add spikes, for frames of binary events, which change from step to step.
SpikingJelly runs step mode "m"; its memopt checkpoints every block of convolution, batch norm and neurons,
"speed" half of them (level 1, all that a CPU has), and keeps binary inputs as bits. Levels 2 to 4 search by
measuring CUDA memory.

Memory is measured twice, above what was there before the step: by the profiler, as torch allocates it, and by
the kernel, as the process's peak, each contestant in a process of its own.

python tests/benchmarks/bench_memory.py
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from measure import Work, parser, peak_bytes, seconds, set_up
from spikingjelly.activation_based import base, functional, layer, memopt, neuron, surrogate
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.nn.memory.saving import MODES, saving

VGG = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M"]
CASES = [  # steps, size, batch
    (4, 32, 8),
    (10, 32, 3),
    (50, 32, 1),
    (4, 64, 2),
    (10, 64, 1),
    (50, 64, 1),
]
THEIRS = {"SpikingJelly": None, "SpikingJelly, memopt": "memory", "SpikingJelly, memopt speed": "speed"}
CONTESTANTS = [*MODES, *THEIRS]


def ours(name: str, size: int, steps: int) -> nn.Module:
    """Return our network."""
    parameters: dict[str, Any] = {"layers": VGG} if name == "vgg" else {"stem": "conv3"}
    task = Task(input_shape=(3, size, size), classes=10, steps=steps)
    return (
        Registry.from_installed(quiet=True).use("architecture", name, neuron="lif", **parameters).build(task)
    )


class Block(nn.Sequential):
    """Convolution, batch norm and neurons: what memopt runs again."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        node = neuron.LIFNode(tau=2.0, detach_reset=True, surrogate_function=surrogate.ATan())
        convolution = layer.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(convolution, layer.BatchNorm2d(outputs), node)


class Residual(nn.Module):
    """Spikes of two blocks and of the input, added."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(Block(inputs, outputs, 3, stride), Block(outputs, outputs))
        self.shortcut = nn.Identity() if inputs == outputs else Block(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]`."""
        return self.branch(x) + self.shortcut(x)


def theirs(name: str, size: int) -> nn.Module:
    """Return SpikingJelly's network."""
    layers: list[nn.Module] = []
    if name == "vgg":
        width, widths = 3, VGG
        for entry in widths:
            layers.append(layer.MaxPool2d(2) if entry == "M" else Block(width, entry))
            width = width if entry == "M" else entry
        features = width * (size // 16) ** 2
    else:
        layers, width = [Block(3, 64)], 64
        for stage, index in itertools.product(range(4), range(2)):
            layers.append(Residual(width, 64 * 2**stage, 2 if stage and not index else 1))
            width = 64 * 2**stage
        layers.append(layer.AdaptiveAvgPool2d(1))
        features = width
    model = nn.Sequential(*layers, layer.Flatten(), layer.Linear(features, 10))
    functional.set_step_mode(model, "m")
    return model


def make(contestant: str, name: str, steps: int, size: int, batch: int) -> Callable[..., object]:
    """Return what takes a training step, of all time steps or fewer."""
    torch.manual_seed(0)
    x = (torch.rand(steps, batch, 3, size, size) < 0.3).float()
    labels = torch.arange(batch) % 10
    if contestant in MODES:
        model = ours(name, size, steps)
    else:
        model, budget = theirs(name, size), THEIRS[contestant]
        if budget is not None:
            example = partial(call, x=x[:, :1])
            memopt.optimize_memory(model, Block, example, level=1, checkpoint_budget=budget, compress=True)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(most: int = steps) -> None:
        optimizer.zero_grad(set_to_none=False)
        if contestant in MODES:
            with saving(model, contestant) if contestant != "keep" else nullcontext():
                outputs = model(x[:most])
        else:
            outputs = call(model, x[:most])
        F.cross_entropy(outputs.mean(0), labels).backward()
        if contestant not in MODES:
            functional.reset_net(model)
        optimizer.step()

    return step


def call(model: nn.Module, x: Tensor) -> Tensor:
    """Run SpikingJelly's network from rest."""
    if any(isinstance(part, base.MemoryModule) for part in model.modules()):
        functional.reset_net(model)
    outputs: Tensor = model(x)
    return outputs


def process_peak(case: list[Any]) -> None:
    """Print the peak of this process in a step, above what it held before, in bytes."""
    torch.set_num_threads(1)
    step = make(*case)
    step(1)  # loads libraries, allocates gradients
    Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew
    before = status("VmRSS")
    step()
    print(status("VmHWM") - before)


def status(key: str) -> int:
    """Return a number of bytes that the kernel counts for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(key))) * 1024


def measured(name: str, steps: int, size: int, batch: int, options: argparse.Namespace) -> None:
    """Measure all contestants on one network, and print a line for each."""
    print(f"{name}, T = {steps}, {size} x {size}, batch {batch}")
    print(f"  {'':<28}{'median s':>9}{'ratio':>7}{'peak MB':>9}{'ratio':>7}{'process MB':>11}{'ratio':>7}")
    sizes = {}
    for contestant in CONTESTANTS:
        case = json.dumps([contestant, name, steps, size, batch])
        command = [sys.executable, __file__, "--case", case]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        sizes[contestant] = int(done.stdout.split()[-1])
    works = {contestant: make(contestant, name, steps, size, batch) for contestant in CONTESTANTS}
    peaks = {contestant: peak_bytes(work, "cpu") for contestant, work in works.items()}
    times = in_turn(works, options)
    for contestant in CONTESTANTS:
        ratio = statistics.median(a / b for a, b in zip(times[contestant], times["keep"], strict=True))
        print(
            f"  {contestant:<28}{statistics.median(times[contestant]):9.2f}{ratio:7.2f}"
            f"{peaks[contestant] / 1e6:9.1f}{peaks[contestant] / peaks['keep']:7.2f}"
            f"{sizes[contestant] / 1e6:11.1f}{sizes[contestant] / sizes['keep']:7.2f}",
            flush=True,
        )


def in_turn(works: Mapping[str, Work], options: argparse.Namespace) -> dict[str, list[float]]:
    """Time each contestant once a round, A B C C B A; what others leave in the caches is little of a step."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(options.repeats):
        order = list(works) if turn % 2 == 0 else list(works)[::-1]
        for name in order:
            times[name].append(seconds(works[name], options))
    return times


def main() -> None:
    """Measure every network and size."""
    options = parser(__doc__ or "")
    options.add_argument("--case", help="of a process of its own; not for hands")
    options.add_argument("--only", nargs="*", default=["vgg", "resnet"], help="networks")
    options.add_argument("--cases", type=int, nargs="*", help="sizes, by number from 0")
    options.set_defaults(repeats=3, seconds=0)
    given = options.parse_args()
    if given.case:
        process_peak(json.loads(given.case))
        return
    set_up(given)
    chosen = CASES if given.cases is None else [CASES[i] for i in given.cases]
    for (steps, size, batch), name in itertools.product([(2, 32, 1)] if given.quick else chosen, given.only):
        measured(name, steps, size, batch, given)


if __name__ == "__main__":
    main()
