"""What a converted network costs in the value domain, against its ANN, at batch 128.

python tests/benchmarks/bench_value_domain.py --seconds 20
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from measure import alternate, parser, set_up, show
from torch import nn

from snnplug import Registry, Task
from snnplug.nn import Code, SpikingNeuron, WindowNeuron, midpoints

BATCH = 128


class SCTTFS(WindowNeuron):
    """A first spike and perhaps one that corrects it, in six slots: at most 27 levels.

    Feng et al., Computer Science 51(3):244-250, 2024, with the constants of Table 1 for CIFAR-10.
    """

    def __init__(self) -> None:
        super().__init__(slots=6)
        slots = torch.arange(6)
        self.first = nn.Parameter(2.0 * torch.exp(-0.8 * slots - 1.0))
        self.second = nn.Parameter(1.0 * torch.exp(-1.0 * slots + 0.8))

    def code(self) -> Code:
        """Return the table."""
        pairs = [(i, j) for i in range(6) for j in (*range(i, 6), 6)]
        i, j = torch.tensor([(6, 6), *reversed(pairs)]).unbind(1)
        none = self.first.new_zeros(1)
        values = torch.stack([torch.cat([self.first, none])[i], torch.cat([self.second, none])[j]], -1)
        reached = values.sum(-1) < torch.cat([none + torch.inf, self.first])[i]
        return Code(midpoints(values.sum(-1), reached), values)


def networks(quick: bool) -> Iterator[tuple[str, nn.Module]]:
    """Yield names and ANNs."""
    registry = Registry.from_installed()
    task = Task(input_shape=(3, 32, 32), classes=10, steps=1)
    relu = registry.use("neuron", "relu")
    resnet = {"blocks": (3, 3, 3), "widths": (16, 32, 64), "shortcut": "post_add"}
    yield (
        "resnet20, widths 16, 32, 64",
        registry.create("architecture", "resnet", task, neuron=relu, **resnet),
    )
    if not quick:
        yield "vgg11, widths 64 to 512", registry.create("architecture", "vgg", task, neuron=relu)


def coded(ann: nn.Module) -> nn.Module:
    """Return the SNN of an ANN."""
    snn = copy.deepcopy(ann)
    for name, part in list(snn.named_modules()):
        if isinstance(part, SpikingNeuron):
            snn.set_submodule(name, SCTTFS())
    return snn


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "").parse_args()
    set_up(options)
    x = torch.rand(1, 8 if options.quick else BATCH, 3, 32, 32, device=options.device)
    for name, ann in networks(options.quick):
        ann = ann.to(options.device).eval()
        pairs: dict[str, Any] = {"": (ann, coded(ann))}
        if options.compile:
            pairs[", compiled"] = (torch.compile(ann), torch.compile(pairs[""][1]))
        print(name)
        for way, (of_ann, of_snn) in pairs.items():
            contestants = {f"ANN{way}": lambda: of_ann(x), f"SNN{way}": lambda: of_snn(x)}  # noqa: B023
            with torch.no_grad():
                show(alternate(contestants, options), {}, f"ANN{way}")


if __name__ == "__main__":
    main()
