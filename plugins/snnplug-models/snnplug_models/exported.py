"""A trained PyTorch model of the user's own, with a neuron for each of its activations.

    torch.export.save(torch.export.export(model.eval(), (images,)), "model.pt2")

The graph of torch.export says what the model does; every operation of it is converted, folded or refused, see
`snnplug.nn.convert`. With the neuron `relu` it is the model as it was.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from snnplug import Component, Task
from snnplug.nn import convert

__all__ = ["exported_model"]


def exported_model(
    task: Task,
    *,
    neuron: Component,
    file: str,
    pools: Literal["fold", "stage"] = "fold",
    fold_batch_norm: bool = False,
) -> nn.Module:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: what the model was trained for.
        neuron: built for every activation.
        file: written by `torch.export.save`; the model maps `[B, C, H, W]` to `[B, K]`.
        pools: average pools are linear ("fold"), or followed by neurons ("stage").
        fold_batch_norm: fold batch norm into the layer before it; kept, its scale and shift can be tuned.

    Raises:
        ConversionError: operations cannot be converted; each is named with its line of source.
        DataError: there is no such file.
    """
    example = torch.zeros(2, *task.input_shape)
    return convert(file, example, neuron, pools=pools, fold_batch_norm=fold_batch_norm).network
