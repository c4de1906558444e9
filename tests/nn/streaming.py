"""Networks and inputs for tests of streams: what layers multiply and add is exact in float64."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snnplug import Task
from snnplug.nn import SYNAPTIC, is_materialized, materialize

STEPS = 6
TASK = Task(input_shape=(1, 16, 16), classes=3, steps=STEPS)


def values(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 4 * 256, shape, dtype=torch.float64, generator=generator) / 256


def ready(network: nn.Module, x: Tensor) -> nn.Module:
    """Return a network in float64 whose layers multiply exactly, with weights that let deep neurons fire."""
    if not is_materialized(network):
        materialize(network, x.float())
    torch.manual_seed(3)
    with torch.no_grad():
        for part in network.double().modules():
            if isinstance(part, SYNAPTIC):
                fan_in = part.weight[0].numel()
                weight = 3 * torch.randn_like(part.weight) / fan_in**0.5 + 2 / fan_in
                part.weight.copy_((256 * weight).round() / 256)
                if part.bias is not None:
                    part.bias.copy_((256 * part.bias).round() / 256)
            for name, buffer in part.named_buffers(recurse=False):
                if name in ("running_mean", "running_var"):
                    buffer.uniform_(*((-0.5, 0.25) if name == "running_mean" else (0.5, 2)))
    return network.eval()
