"""What recording a network costs, against the same pass alone.

python tests/benchmarks/bench_record.py --seconds 4
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from measure import alternate, parser, set_up, show
from torch import Tensor, nn

from snnplug import Registry, Task
from snnplug.nn import count_spikes, record


def networks() -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Yield names, networks and inputs `[T, B, C, H, W]`."""
    registry = Registry.from_installed()
    lif = registry.use("neuron", "lif", tau=4 / 3)
    digits, cifar = ((1, 8, 8), 4, 64), ((3, 32, 32), 5, 32)
    cells = [("cell of width 4, digits", 4, digits), ("cell of width 16, digits", 16, digits)]
    for name, channels, (shape, steps, batch) in [*cells, ("cell of width 16, 32 x 32", 16, cifar)]:
        task = Task(input_shape=shape, classes=10, steps=steps)
        space = registry.create("search_space", "snasnet", task, neuron=lif, channels=channels)
        yield name, space.build("0302 0030 3003 0000"), constant(shape, steps, batch)
    more = [("vgg", digits, {}), ("resnet", cifar, {"blocks": (1, 1, 1), "widths": (16, 32, 64)})]
    for name, (shape, steps, batch), settings in [*more, ("mnist_cnn", ((1, 28, 28), 10, 64), {})]:
        task = Task(input_shape=shape, classes=10, steps=steps)
        built = registry.create("architecture", name, task, neuron=lif, **settings)
        yield f"{name}, {shape[1]} x {shape[2]}", built, constant(shape, steps, batch)


def constant(shape: tuple[int, ...], steps: int, batch: int) -> Tensor:
    """Return random images that do not change over time."""
    return torch.rand(batch, *shape).expand(steps, batch, *shape)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__ or "").parse_args()
    set_up(options)
    for name, network, x in networks():
        network.to(options.device).eval()
        x = x.to(options.device)

        def recorded(network: nn.Module = network, x: Tensor = x) -> None:
            with record(network):
                network(x)

        def counted(network: nn.Module = network, x: Tensor = x) -> None:
            with count_spikes(network) as total:
                network(x)
            assert total.neurons >= 0

        contestants = {"the pass alone": lambda network=network, x=x: network(x), "recorded": recorded}
        with torch.no_grad():
            times = alternate({**contestants, "spikes counted": counted}, options)
        print(name)
        show(times, {}, "the pass alone")


if __name__ == "__main__":
    main()
