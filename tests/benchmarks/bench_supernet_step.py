"""Training steps of AutoSNN's supernet, against the same modules run one step after the other.

AutoSNN_16, T = 8, 32 x 32 pixels: five paths, each forward, mean squared error of the rates, backward, Adam.
The published code runs every layer on a single time step before the next one; so does the contestant "step
by step", with the modules of this package, whose loss and gradients are compared before anything is timed.
"convolutions alone" runs the same convolutions and the linear layer over the same numbers of images, forward
and backward, and nothing between them.

python tests/benchmarks/bench_supernet_step.py
python tests/benchmarks/bench_supernet_step.py --threads 2
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from measure import alternate, parser, set_up, show
from torch import Tensor, nn

from snnplug import Registry
from snnplug.contracts import Task
from snnplug.nn import SpikingNeuron, StepwiseBatchNorm2d, TimeSequential, channels_last

STEPS, CLASSES = 8, 10


class StepByStep:
    """The selected path of a supernet, one time step after the other."""

    def __init__(self, net: Any) -> None:
        self.net = net
        self.states: dict[int, Any] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Return the rates `[B, K]` of images `[T, B, C, H, W]`, the same at every step."""
        self.states = {}
        stem, neuron, *rest = self.net.stem.layers
        assert not rest
        current, total = stem.norm.step(stem.conv(x[0])), 0.0
        for _ in range(len(x)):
            y = self.step(neuron, current)
            for layer in self.net.layers:
                y = self.step(layer, y)
            votes = self.step(self.net.head.layers, y)
            total = total + votes.reshape(len(votes), *self.net.head.votes).mean(-1)
        return total / len(x)

    def step(self, part: Any, x: Tensor) -> Tensor:
        """Run a part on one step `[B, *]`."""
        if isinstance(part, SpikingNeuron):
            state = self.states.get(id(part))
            spikes, self.states[id(part)] = part.step(x, part.initial_state(x) if state is None else state)
            return spikes
        if isinstance(part, StepwiseBatchNorm2d):
            return part.step(x)
        if isinstance(part, TimeSequential):
            for layer in part.layers:
                x = self.step(layer, x)
            return x
        if hasattr(part, "selected"):
            return self.step(part.blocks[part.selected], x)
        if hasattr(part, "conv1"):
            y = self.step(part.conv2, self.step(part.neuron1, self.step(part.conv1, x)))
            y = y if part.shortcut is None else y + self.step(part.shortcut, x)
            return self.step(part.neuron2, y)
        return part(x)


def products(net: Any, genotype: str, x: Tensor) -> list[tuple[nn.Module, Tensor, Tensor]]:
    """Return each convolution and linear layer of a path with an input and a gradient of the right shape."""
    seen: list[tuple[nn.Module, torch.Size, torch.Size]] = []
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [m.register_forward_hook(lambda m, a, y: seen.append((m, a[0].shape, y.shape))) for m in layers]
    net.select(genotype)
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return [
        (m, in_order(torch.rand(inputs)).requires_grad_(k > 0), in_order(torch.rand(outputs)))
        for k, (m, inputs, outputs) in enumerate(seen)
    ]


def in_order(x: Tensor) -> Tensor:
    """Return images with their channels last in memory, as all of a network's are."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def main() -> None:
    """Compare, then measure."""
    options = parser(__doc__)
    options.add_argument("--batch", type=int, default=32)
    options = options.parse_args()
    set_up(options)
    registry = Registry.from_installed(quiet=True)
    task = Task(input_shape=(3, 32, 32), classes=CLASSES, steps=STEPS)
    space = registry.create("search_space", "autosnn", task, neuron=registry.use("neuron", "plif"))
    torch.manual_seed(0)
    net: Any = channels_last(space.supernet()).train()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = torch.rand(1, 2 if options.quick else options.batch, 3, 32, 32).expand(STEPS, -1, -1, -1, -1)
    target = nn.functional.one_hot(torch.arange(x.shape[1]) % CLASSES, CLASSES).float()
    rng = random.Random(0)
    paths = [space.sample(rng) for _ in range(5)]
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "snnplug": lambda x: net(x).mean(0),
        "step by step": StepByStep(net),
    }

    def gradients(way: Callable[[Tensor], Tensor], path: str) -> Tensor:
        net.select(path)
        optimizer.zero_grad()
        nn.functional.mse_loss(way(x), target).backward()
        return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])

    found = [gradients(way, paths[0]) for way in ways.values()]
    away = float((found[0] - found[1]).norm() / found[0].norm())
    print(f"gradients of the two ways differ by {away:.1e} of their norm")
    assert away < 1e-3

    def train(way: Callable[[Tensor], Tensor]) -> None:
        for path in paths:
            gradients(way, path)
            optimizer.step()

    layers = [entry for path in paths for entry in products(net, path, x)]

    def multiply() -> None:
        optimizer.zero_grad()
        for layer, inputs, gradient in layers:
            inputs.grad = None
            layer(inputs).backward(gradient)

    work = {name: lambda way=way: train(way) for name, way in ways.items()}
    times = alternate({**work, "convolutions alone": multiply}, options)
    print("ratios to snnplug")
    show(times, {}, "snnplug")
    print("ratios to the convolutions")
    show(times, {}, "convolutions alone")


if __name__ == "__main__":
    main()
