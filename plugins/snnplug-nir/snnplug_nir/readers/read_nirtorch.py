"""Read a NIR file with NIRTorch and neurons written out: `python read_nirtorch.py FILE INPUTS RESULT`.

NIRTorch's own map leaves out the bias of fully connected layers, so theirs is here too.
"""

import nir
import torch
from stepping import main, step_by_step


class Neurons(torch.nn.Module):
    """h = v + a (v_leak - v) + b x, fires at `v_threshold` or above, and is reset to `v_reset`."""

    def __init__(self, node, dt):
        super().__init__()
        leaks = isinstance(node, nir.LIF)
        self.a = torch.as_tensor(dt / node.tau) if leaks else torch.zeros(())
        self.b = torch.as_tensor(node.r * dt / node.tau if leaks else node.r * dt)
        self.rest = torch.as_tensor(node.v_leak if leaks else 0.0)
        self.threshold, self.reset = torch.as_tensor(node.v_threshold), torch.as_tensor(node.v_reset)

    def forward(self, x, state=None):
        """Run one step."""
        v = self.reset.expand(x.shape) if state is None else state
        h = v + self.a * (self.rest - v) + self.b * x
        s = (h >= self.threshold).to(x.dtype)
        return s, torch.where(s > 0, self.reset, h)


def affine(node):
    """Return a fully connected layer."""
    layer = torch.nn.Linear(node.weight.shape[-1], node.weight.shape[-2])
    layer.weight.data, layer.bias.data = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    return layer


def convolution(node):
    """Return a convolution."""
    outputs, inputs, *kernel = node.weight.shape
    kind = torch.nn.Conv1d if len(kernel) == 1 else torch.nn.Conv2d
    sizes = [
        tuple(int(n) for n in torch.as_tensor(size).reshape(-1))
        for size in (node.stride, node.padding, node.dilation)
    ]
    groups = int(node.groups)
    layer = kind(inputs * groups, outputs, tuple(kernel), *sizes, groups)
    layer.weight.data, layer.bias.data = torch.from_numpy(node.weight), torch.from_numpy(node.bias)
    return layer


def run(file, x):
    """Return what the network answers."""
    from nirtorch import nir_to_torch

    graph = nir.read(file)
    dt = float(graph.metadata["dt"])
    kinds = {
        nir.LIF: lambda node: Neurons(node, dt),
        nir.IF: lambda node: Neurons(node, dt),
        nir.Affine: affine,
        nir.Conv1d: convolution,
        nir.Conv2d: convolution,
        nir.Flatten: lambda node: torch.nn.Flatten(int(node.start_dim) + 1, -1),
    }
    model = nir_to_torch(graph, kinds).eval()
    neurons = {n: m for n, m in model.named_modules() if isinstance(m, Neurons)}
    return step_by_step(model, neurons, x)


main(run)
