"""A trained network under our codings and under SpikingJelly's converters, on the same samples.

    snnplug run sc_ttfs_digits --out RUN
    python tests/benchmarks/study_conversion.py RUN [--steps 8 16 32 64] [--batch-size 128] [--samples 0]

prints a table in Markdown. Our rows are those of the run's summary. SpikingJelly's have the ANN of that run,
the training samples that our neurons were calibrated by (augmented anew where the recipe augments) and the
test samples of our rows, or as many of them as --samples says. Their spikes are those of the samples that
ours were counted on, or of all where not all of these are among them. They read the sum of the outputs of all
steps, in the last column of those after SpikingJelly's own `estimate_delay_start`.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import torch
from snnplug_ann.activation import ReLU
from snnplug_models.resnet import Residual
from spikingjelly.activation_based import ann2snn, functional
from spikingjelly.activation_based.neuron import BaseNode
from torch import Tensor, nn

import snnplug
from snnplug import Registry
from snnplug.engine.compare_section import compare_section
from snnplug.engine.data import order, some
from snnplug.engine.device import usual_settings
from snnplug.engine.parts import Parts, make_parts
from snnplug.engine.stages.train import Train
from snnplug.errors import SnnplugError
from snnplug.nn import Dropout, TimeModule, TimeSequential, seeded
from snnplug.recipe.plan import make_plan
from snnplug.runs.conversion_records import ConversionRecord
from snnplug.runs.directory import RunDirectory
from snnplug.seeds import derive_seed
from snnplug.statistics.intervals import Estimate, paired_difference

Batches = list[tuple[Tensor, Tensor]]
Loader = list[Tensor]

CONVERTERS: dict[str, Callable[[Loader], Any]] = {
    "RateCoding, max": lambda loader: ann2snn.RateCodingRecipe(loader, mode="max"),
    "RateCoding, 99.9%": lambda loader: ann2snn.RateCodingRecipe(loader, mode="99.9%"),
    "RateCoding, max / 2": lambda loader: ann2snn.RateCodingRecipe(loader, mode=0.5),
    "RateCoding, 99.9% by channel, half-threshold start": lambda loader: ann2snn.RateCodingRecipe(
        loader, mode="99.9%", channel_wise=True, pre_spike_maxpool=True, half_threshold=True
    ),
    "LocalThresholdBalancing": ann2snn.LocalThresholdBalancingRecipe,
    "LocalThresholdBalancing, 8 samples at a time": lambda loader: ann2snn.LocalThresholdBalancingRecipe(
        list(torch.cat(loader).split(8))  # its thresholds rise by a step a batch
    ),
}
HEAD = (
    "| network | latency | spikes | accuracy, % | minus that of the ANN | the same, read after a delay |",
    "|---|---:|---:|---:|---:|---:|",
)
READ_AT_LEAST = 4  # steps that `estimate_delay_start` wants to be left


class Sum(nn.Module):
    """The sum of a branch and a shortcut."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Add the two."""
        y: Tensor = self.branch(x) + self.shortcut(x)
        return y


def ordinary(module: nn.Module) -> nn.Module:
    """Return the same network without a time axis, `[B, *]` to `[B, K]`, its neurons an `nn.ReLU`.

    Raises:
        SystemExit: it holds a layer with a time axis that has no counterpart here.
    """
    if isinstance(module, TimeSequential):
        return nn.Sequential(*map(ordinary, module.layers))
    if isinstance(module, Residual):
        return Sum(ordinary(module.branch), ordinary(module.shortcut))
    if isinstance(module, ReLU):
        return nn.ReLU()
    if isinstance(module, Dropout):
        return nn.Dropout(module.p)
    if any(isinstance(part, TimeModule) for part in module.modules()):
        raise SystemExit(
            f"{type(module).__name__} takes a time axis; known are relu, TimeSequential, Residual and Dropout"
        )
    return copy.deepcopy(module)


class Reading(NamedTuple):
    """What a spiking network said after some steps: 1 for each sample that was right, and its spikes."""

    right: list[float]
    spikes: list[float]
    delayed: list[float] | None


def read(snn: nn.Module, x: Tensor, labels: Tensor, steps: Sequence[int], delay: int) -> Iterator[Reading]:
    """Run a batch `[B, *]` step by step, and yield what was read after each of some numbers of steps."""
    spikes = torch.zeros(len(x))

    def count(node: nn.Module, inputs: Any, sent: Tensor) -> None:
        spikes.add_(sent.flatten(1).sum(1))

    functional.reset_net(snn)
    hooks = [node.register_forward_hook(count) for node in snn.modules() if isinstance(node, BaseNode)]
    total, before = torch.zeros(()), torch.zeros(())
    for step in range(1, max(steps) + 1):
        total = total + snn(x)
        before = total if step == delay else before
        if step in steps:
            late = _right(total - before, labels) if step >= delay + READ_AT_LEAST else None
            yield Reading(_right(total, labels), spikes.tolist(), late)
    for hook in hooks:
        hook.remove()


def _right(scores: Tensor, labels: Tensor) -> list[float]:
    return (scores.argmax(1) == labels).float().tolist()


def measure(snn: nn.Module, batches: Batches, steps: Sequence[int], delay: int) -> dict[int, Reading]:
    """Return what a network of SpikingJelly said of all samples, by the number of steps."""
    readings: dict[int, list[Reading]] = {T: [] for T in steps}
    for x, labels in batches:
        for T, reading in zip(steps, read(snn, x, labels, steps, delay), strict=True):
            readings[T].append(reading)
    return {T: Reading(*map(_joined, zip(*found, strict=True))) for T, found in readings.items()}


def _joined(parts: Iterable[list[float] | None]) -> Any:
    lists = list(parts)
    return None if None in lists else [value for part in lists if part is not None for value in part]


def convert(ann: nn.Module, name: str, loader: Loader) -> tuple[nn.Module, int]:
    """Return SpikingJelly's network, calibrated, and the first step that it says is worth reading."""
    snn = ann2snn.Converter(CONVERTERS[name](loader), device="cpu").convert(copy.deepcopy(ann)).eval()
    return snn, ann2snn.estimate_delay_start(snn, loader, "cpu", 10**6)


def samples(parts: Parts, split: Any, indices: Tensor, batch_size: int, purpose: str) -> Batches:
    """Return inputs `[B, *]` of an ANN and labels."""
    pieces = torch.split(indices, batch_size)
    return [
        (parts.encode(values, purpose, index)[0], labels)
        for index, (values, labels) in enumerate(parts.batches(split, pieces, purpose))
    ]


def check_equal(ann: nn.Module, plain: nn.Module, x: Tensor) -> None:
    """Compare a network with its ordinary form.

    Raises:
        SystemExit: they give different outputs.
    """
    difference = (ann(x.unsqueeze(0))[0] - plain(x)).abs().max().item()
    if difference > 1e-5:
        raise SystemExit(f"the network without a time axis gives other outputs, by up to {difference:.2g}")


def line(name: str, latency: Any, spikes: float, accuracy: float, difference: str, delayed: str = "-") -> str:
    """Return a line of the table."""
    steps = f"{latency:.0f}" if latency else "-"  # an ANN has none
    return f"| {name} | {steps} | {spikes:,.0f} | {100 * accuracy:.2f} | {difference} | {delayed} |"


def points(difference: Estimate) -> str:
    """Return a difference of accuracies in points, with its interval."""
    value, *ends = (100 * number for number in attrs.astuple(difference) if number is not None)
    return f"{value:+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}]" if ends else f"{value:+.2f}"


def our_lines(conversion: ConversionRecord) -> Iterator[str]:
    """Yield the rows of a run."""
    for row in conversion.rows:
        difference = points(Estimate(row.difference or 0.0, row.low, row.high))
        yield line(row.name, row.latency, row.spikes or 0.0, row.accuracy or 0.0, difference)


def their_lines(directory: Path, names: Iterable[str], given: argparse.Namespace) -> Iterator[str]:
    """Yield the rows of some converters on the ANN of a run.

    Raises:
        SystemExit: no network was trained, or it cannot be had without a time axis.
    """
    recipe = snnplug.load(directory).recipe
    parts = make_parts(make_plan(recipe, Registry.from_installed()), torch.device("cpu"))
    source = Train().restore(parts, RunDirectory(directory), None)
    if source is None:
        raise SystemExit(f"{directory} holds no network that was trained")
    train, test = parts.splits.train, parts.splits.test
    drawn = order(len(train), derive_seed(parts.seed, "calibration samples"))  # as our neurons'
    compared = compare_section(recipe)
    drawn = drawn[: compared.calibration]
    with seeded(derive_seed(parts.seed, "calibration")):  # a split may augment
        loader = [x for x, _ in samples(parts, train, drawn, given.batch_size, "calibrate")]
    count = given.samples or compared.test_samples
    indices = some(len(test), count, derive_seed(parts.seed, "compared"))
    batches = samples(parts, test, indices, 128, "test")
    ours = some(len(parts.splits.measured), recipe.measure.samples, derive_seed(parts.seed, "measured"))
    among = torch.isin(indices, ours)
    counted = among if among.sum() == len(ours) else torch.ones_like(among)
    plain = ordinary(source.network.eval()).eval()
    check_equal(source.network, plain, batches[0][0])
    first = [value for x, labels in batches for value in _right(plain(x), labels)]
    for name in names:
        snn, delay = convert(plain, name, loader)
        for T, found in measure(snn, batches, given.steps, delay).items():
            spikes = torch.tensor(found.spikes)[counted]
            said, mean = f"SpikingJelly {name} (T = {T})", spikes.mean().item()
            late = "-" if found.delayed is None else points(paired_difference(found.delayed, first))
            difference, accuracy = paired_difference(found.right, first), sum(found.right) / len(first)
            yield line(said, T, mean, accuracy, points(difference), late)


def main() -> None:
    """Convert, measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="directory of a finished run with [convert]")
    parser.add_argument("--steps", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--batch-size", type=int, default=128, help="of their calibration")
    parser.add_argument("--converters", nargs="+", choices=CONVERTERS, default=list(CONVERTERS))
    parser.add_argument("--samples", type=int, default=0, help="test samples of their rows, 0: those of ours")
    given = parser.parse_args()
    given.steps = sorted(set(given.steps))
    if min(*given.steps, given.batch_size) < 1:
        parser.error(f"steps and batch size must be at least 1, got {given.steps} and {given.batch_size}")
    try:
        result = snnplug.load(given.run).result
    except SnnplugError as error:
        raise SystemExit(str(error)) from None
    if result is None or result.conversion is None:
        raise SystemExit(
            f"{given.run} has no rows of codings; give a finished run of a recipe with [convert]"
        )
    print(*HEAD, *our_lines(result.conversion), sep="\n", flush=True)
    with usual_settings(), torch.no_grad():
        for row in their_lines(given.run, given.converters, given):
            print(row, flush=True)


if __name__ == "__main__":
    main()
