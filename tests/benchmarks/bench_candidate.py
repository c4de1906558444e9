"""Seconds to score one SNASNet cell by SAHD, beside the time that its multiplications alone take.

The floor is the operations of the convolutions and linear layers that are really run, over the
rate at which this machine convolves spikes of the first cell's shape, and those of the kernel
over the rate of an integer matrix product of its shape. Both rates are measured here.

python tests/benchmarks/bench_candidate.py --threads 2 --channels 128 --batch 256
"""

from __future__ import annotations

import statistics
from typing import Any

import snnplug_sahd.distance as distance
import torch
import torch.nn.functional as F
from measure import parser, seconds, set_up
from torch.utils.flop_counter import FlopCounterMode

from snnplug import Candidate, Registry, Task
from snnplug.nn import channels_last, seeded, spikes_only, watch_spikes

SAVINGS = ("integers", "spikes-only", "channels-last")
CELLS = ("0302 0030 3003 0000", "0303 0030 2002 0200")


def main() -> None:
    """Measure."""
    options = parser(__doc__)
    options.add_argument("--channels", type=int, default=128)
    options.add_argument("--batch", type=int, default=256)
    options.add_argument("--steps", type=int, default=5)
    options.add_argument("--batches", type=int, default=2, help="`repeats` of the score")
    options.add_argument("--cells", nargs="+", default=CELLS)
    options.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    options.add_argument(
        "--without", nargs="*", default=[], choices=SAVINGS, help="leave out what saves time"
    )
    options = options.parse_args()
    if options.quick:
        options.channels, options.batch, options.repeats = 8, 8, 1
    set_up(options)
    if "integers" in options.without:  # the kernel in float32 instead
        distance._in_common = lambda fired: torch.bmm(fired.float(), fired.float().mT)
    if "spikes-only" in options.without:  # every neuron runs, and everything behind it
        distance.spikes_only = torch.no_grad
    print(
        f"width {options.channels}, batch {options.batch}, T = {options.steps}, "
        f"{options.batches} batches a score"
    )
    rates = {precision: convolution_rate(precision, options) for precision in options.precisions}
    products = kernel_rate(options)
    print(
        "GFLOP/s:",
        ", ".join(f"{p} {rate / 1e9:.0f}" for p, rate in rates.items()),
        f"kernel {products / 1e9:.0f}",
    )
    registry = Registry.from_installed(quiet=True)
    for cell in options.cells:
        for precision in options.precisions:
            candidate = make_candidate(registry, cell, options)
            scorer = registry.create(
                "scorer", "sahd", batch_size=options.batch, repeats=options.batches, precision=precision
            )
            times = [seconds(lambda: scorer(candidate), options) for _ in range(options.repeats)]  # noqa: B023
            network, kernel = operations(candidate, options)
            print(
                f"{cell}  {precision:9}  median {statistics.median(times):7.2f} s  ({min(times):.2f} to "
                f"{max(times):.2f})  floor {network / rates[precision] + kernel / products:6.2f} s  "
                f"{(network + kernel) / 1e12:.2f} TFLOP",
                flush=True,
            )


def make_candidate(registry: Registry, cell: str, options: Any) -> Candidate:
    """Return a candidate of the published space on random images."""
    task = Task(input_shape=(3, 32, 32), classes=10, steps=options.steps)
    lif = registry.use("neuron", "lif", tau=4 / 3)
    space = registry.create("search_space", "snasnet", task, neuron=lif, channels=options.channels)
    images = torch.randn(
        options.batches, options.batch, 3, 32, 32, generator=torch.Generator().manual_seed(0)
    ).to(options.device)

    def build(repeat: int = 0) -> torch.nn.Module:
        with seeded(repeat):
            model = space.build(cell).to(options.device).train()
        last = options.device == "cpu" and "channels-last" not in options.without
        return channels_last(model) if last else model

    return Candidate(
        genotype=cell,
        key=cell,
        build=build,
        batch=lambda i, size: (images[i, :size].expand(options.steps, size, 3, 32, 32), torch.zeros(size)),
        seed=0,
    )


def operations(candidate: Candidate, options: Any) -> tuple[float, float]:
    """Return the operations of layers and of kernels that one score needs, two for a multiply-accumulate."""
    model, kernel = candidate.build(), 0
    x, _ = candidate.batch(0, 2)
    seen: set[int] = set()

    def count(name: str, spikes: torch.Tensor) -> None:
        nonlocal kernel
        kept.append(spikes)  # so that no address comes twice
        if spikes.data_ptr() not in seen:
            seen.add(spikes.data_ptr())
            kernel += 2 * spikes[:, 0].numel() * options.batch**2

    kept: list[torch.Tensor] = []
    watch = watch_spikes(model, count)
    with spikes_only(), FlopCounterMode(display=False) as counter:
        model(x)
    watch.remove()
    return counter.get_total_flops() * options.batch / 2 * options.batches, kernel * options.batches


def convolution_rate(precision: str, options: Any) -> float:
    """Return the operations per second of a 3x3 convolution of spikes."""
    C, dtype = options.channels, getattr(torch, precision)
    spikes = (torch.rand(options.batch, C, 32, 32, device=options.device) > 0.7).to(dtype)
    spikes = spikes.contiguous(memory_format=torch.channels_last)
    weight = torch.randn(C, C, 3, 3, device=options.device, dtype=dtype)
    weight = weight.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        F.conv2d(spikes, weight, padding=1)
        fastest = min(seconds(lambda: F.conv2d(spikes, weight, padding=1), options) for _ in range(7))
    return 2 * options.batch * 32 * 32 * 9 * C * C / fastest


def kernel_rate(options: Any) -> float:
    """Return the operations per second of the product of a layer's spikes with themselves."""
    fired = torch.rand(options.batch, options.channels * 32 * 32, device=options.device) > 0.7
    ones = fired.view(torch.int8) if options.device == "cpu" else fired.float()
    product = torch._int_mm if options.device == "cpu" else torch.mm
    product(ones, ones.mT)
    fastest = min(seconds(lambda: product(ones, ones.mT), options) for _ in range(7))
    return 2 * ones.shape[0] * ones.numel() / fastest


if __name__ == "__main__":
    main()
