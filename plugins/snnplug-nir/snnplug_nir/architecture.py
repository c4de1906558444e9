"""The network of a NIR file as an architecture: measured, trained on, linted and exported as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Gt
from torch import nn

from snnplug import Task, check_ranges
from snnplug.errors import ContractError
from snnplug_nir.network import NIRNetwork, read_graph

__all__ = ["nir_network"]


@check_ranges
def nir_network(task: Task, *, file: str = "", dt: Annotated[float, Gt(0)] | None = None) -> nn.Module:
    """Build the network of a NIR file: input `[T, B, *]` to outputs `[T, B, K]`, with its weights.

    Its neurons are LIF and IF of snnplug, whatever the recipe's are.

    Args:
        task: what it has to fit.
        file: the NIR file.
        dt: seconds of a time step, where the file does not say it.

    Raises:
        ContractError: no file is given, it has a node that is not read, or it is of another task.
        DataError: the file is missing or no NIR file.
    """
    if not file:
        raise ContractError("give file, the NIR file")
    network = NIRNetwork(read_graph(Path(file)), dt=dt)
    try:
        with torch.no_grad():
            classes = network(torch.zeros(1, 1, *task.input_shape)).shape[2:]
    except RuntimeError as error:
        raise ContractError(
            f"the network of {file} does not take inputs of {list(task.input_shape)}: {error}"
        ) from error
    if tuple(classes) != (task.classes,):
        raise ContractError(
            f"the network of {file} gives {list(classes)}, and the task has {task.classes} classes"
        )
    return network
