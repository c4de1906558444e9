"""Programs of torch.export: a graph of operations of torch, which runs without the code of the network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snnplug import Exported, Reader
from snnplug.errors import ExportError

__all__ = ["TorchExport", "first_line", "notes", "several", "unrolled"]

_FOLDER = Path(__file__).parent / "readers"


class TorchExport:
    """`.pt2` files."""

    suffix = ".pt2"
    readers = (Reader(name="torch", module="torch", distribution="torch", script=_FOLDER / "read_torch.py"),)

    def __call__(self, network: nn.Module, x: Tensor, path: Path) -> Exported:
        """Write a network; see `snnplug.Exporter`."""
        program = unrolled(network, x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that share their memory
            torch.export.save(program, path)
        return Exported(files=[path], notes=notes(x))


def unrolled(network: nn.Module, x: Tensor) -> Any:
    """Return the program of a network, for inputs of as many steps and any batch size.

    Raises:
        ExportError: torch cannot follow what the network does.
    """
    try:
        return torch.export.export(network, (several(x),), dynamic_shapes=({1: torch.export.Dim("batch")},))
    except Exception as error:  # torch raises of many kinds here, and says why in the first lines
        raise ExportError([f"torch.export cannot follow the network: {first_line(error)}"]) from error


def several(x: Tensor) -> Tensor:
    """Return inputs of two samples at least: of one, torch takes the batch size for fixed."""
    return x if x.shape[1] > 1 else torch.cat([x, x], dim=1)


def first_line(error: Exception) -> str:
    """Return the first line of what an error says; torch's go on for pages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def notes(x: Tensor) -> list[str]:
    """Return what whoever reads a program has to know."""
    shape = ", ".join(map(str, x.shape[2:]))
    return [
        f"it takes inputs [{len(x)}, B, {shape}] of float32 as the run encodes them, for any batch size B"
    ]
