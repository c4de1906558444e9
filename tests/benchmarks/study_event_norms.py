"""Which statistics of batch norm a network for events can be evaluated with.

    python tests/benchmarks/study_event_norms.py [--epochs 4] [--cell "0201 0003 0200 0040"]

trains a SNASNet cell with backward connections on half of `ordered_digits`, as published, and prints its
validation accuracy after each epoch with the statistics of each batch, the running ones, and new ones of all
steps together and of each step alone, both from the same batches.
"""

from __future__ import annotations

import argparse
import copy

import torch
from torch import Tensor, nn

from snnplug import Registry, Splits
from snnplug.nn import StepwiseBatchNorm2d, recalibrate

BATCH = 64
NORMS = (nn.BatchNorm2d, StepwiseBatchNorm2d)


def statistics(network: nn.Module, steps: int | None, batches: list[Tensor]) -> nn.Module:
    """Return a copy with statistics taken anew, of each of so many steps or of all together."""
    copied = copy.deepcopy(network)
    for part in copied.modules():
        if isinstance(part, StepwiseBatchNorm2d):
            part.keep(steps)
    recalibrate(copied, batches)
    return copied


@torch.no_grad()
def accuracy(network: nn.Module, splits: Splits, *, own: bool = False) -> float:
    """Return the validation accuracy in %, with each batch's `own` statistics or the running ones."""
    network = copy.deepcopy(network).eval()
    for part in network.modules():
        part.train(own and isinstance(part, NORMS))
    order, correct = torch.randperm(len(splits.val), generator=torch.Generator().manual_seed(1)), 0
    for indices in order.split(BATCH):
        values, labels = splits.val.batch(indices)
        correct += int((network(values.transpose(0, 1)).mean(0).argmax(1) == labels).sum())
    return 100 * correct / len(splits.val)


def main() -> None:
    """Train, and print a line for each epoch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--cell", default="0201 0003 0200 0040")
    given = parser.parse_args()
    torch.manual_seed(0)
    registry = Registry.from_installed()
    splits = registry.create("dataset", "ordered_digits")
    lif = registry.use("neuron", "lif", tau=4 / 3)
    space = registry.create(
        "search_space", "snasnet", splits.task, neuron=lif, channels=8, backward=True, dropout=0.0
    )
    network, loss = space.build(given.cell), registry.create("loss", "tet")
    for part in network.modules():
        if isinstance(part, StepwiseBatchNorm2d):
            part.keep(None)  # as published
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-2)
    half = torch.randperm(len(splits.train))[::2]
    print("| epoch | a batch's own | running, of all steps | new, of all steps | new, of each step |")
    print("|---:|---:|---:|---:|---:|")
    for epoch in range(given.epochs):
        network.train()
        for indices in half[torch.randperm(len(half))].split(BATCH):
            values, labels = splits.train.batch(indices)
            optimizer.zero_grad()
            loss(network(values.transpose(0, 1)), labels).backward()
            optimizer.step()
        batches = [splits.train.batch(indices)[0].transpose(0, 1) for indices in half.split(BATCH)]
        found = [
            accuracy(network, splits, own=True),
            accuracy(network, splits),
            accuracy(statistics(network, None, batches), splits),
            accuracy(statistics(network, splits.task.steps, batches), splits),
        ]
        print(f"| {epoch + 1} | {' | '.join(f'{value:.1f}' for value in found)} |", flush=True)


if __name__ == "__main__":
    main()
