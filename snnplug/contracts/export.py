"""Exporters: a network as a file that others read, and the programs that read it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["OUTPUT", "Exported", "Exporter", "Reader"]

OUTPUT = "output"  # what the network's own output is called among the layers that are compared


@attrs.frozen(kw_only=True)
class Reader:
    """A program that reads an exported file back and runs it, in a process of its own.

    It is started as `python SCRIPT FILE INPUTS RESULT` and imports nothing of snnplug, so that the Python may
    be one of another environment. INPUTS is a file of NumPy (`.npz`) with `x` `[T, B, *]`; into RESULT it
    writes, in the same form, what the network answers: `output` `[T, B, *]`, and the spikes `[T, B, *]` of
    each layer that it can tell apart, by the layer's name in the file. What it cannot read it says in the
    last line of its standard error, and ends with another status than 0.

    Attributes:
        name: short, lower case.
        module: what has to be importable where it runs.
        distribution: whose version is told.
        script: the program.
        refuses: what it is known not to read, or to read otherwise.
    """

    name: str
    module: str
    distribution: str
    script: Path
    refuses: str = ""


@attrs.frozen(kw_only=True)
class Exported:
    """What was written.

    Attributes:
        files: all that was written; the first is what readers are given.
        layers: name in the network of each layer of neurons that the file has, by its name there.
        expected: arrays that readers are to answer, by name, where these are not what the network sends.
        notes: conventions that a reader has to know, and what was changed on the way.
    """

    files: Sequence[Path]
    layers: Mapping[str, str] = attrs.field(factory=dict)
    expected: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()


class Exporter(Protocol):
    """A format. Built as `target(*, ...)`.

    Attributes:
        suffix: of its files, with the dot.
        readers: who reads it back.
    """

    suffix: str
    readers: Sequence[Reader]

    def __call__(self, network: nn.Module, x: Tensor, path: Path) -> Exported:
        """Write a network.

        Args:
            network: input `[T, B, *]` to outputs `[T, B, *]`, in evaluation mode, on the CPU.
            x: inputs as the network gets them.
            path: of the file.

        Raises:
            ExportError: the format cannot say what the network does; the error names what and why.
        """
