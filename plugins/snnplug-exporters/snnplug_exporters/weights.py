"""Weights alone, as safetensors: names, types, shapes and values, and nothing that could be run."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn

import snnplug
from snnplug import Exported, Reader

__all__ = ["Safetensors"]

_FOLDER = Path(__file__).parent / "readers"


class Safetensors:
    """`.safetensors` files: parameters and buffers under the names of `state_dict`."""

    suffix = ".safetensors"
    readers = (
        Reader(
            name="safetensors",
            module="safetensors",
            distribution="safetensors",
            script=_FOLDER / "read_safetensors.py",
        ),
    )

    def __call__(self, network: nn.Module, x: Tensor, path: Path) -> Exported:
        """Write a network's weights; see `snnplug.Exporter`."""
        held = {name: value.detach().contiguous().clone() for name, value in network.state_dict().items()}
        save_file(held, path, metadata={"format": "pt", "writer": f"snnplug {snnplug.__version__}"})
        return Exported(files=[path], expected=held)
