"""`exports.json`: files that the network of a run was written to, and who reads them back as what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from snnplug.runs.schema import Number

__all__ = ["ExportRecord", "ExportsRecord", "LayerAgreement", "MarginRecord", "ReaderRecord"]

State = Literal["equal", "differs", "refused", "absent"]


@attrs.frozen(kw_only=True)
class LayerAgreement:
    """What a reader's layer answers against what the network's does.

    Attributes:
        layer: its name in the network; "output" for what it returns.
        share: of the values that are equal: spikes to the last bit, analog values to five digits.
        differing: how many are not.
        step: first time step in which one is not; None where all are equal or there are no steps.
    """

    layer: str
    share: Number
    differing: int = 0
    step: int | None = None


@attrs.frozen(kw_only=True)
class ReaderRecord:
    """How a program reads the file back.

    Attributes:
        name: of the reader.
        version: of what it reads with.
        python: that it ran in; empty for this one.
        state: "equal" where every value is, "differs", "refused" where it does not read the file, "absent"
            where it is not installed.
        layers: agreement by layer, in the order of the network, the output last.
        said: why it was refused, or why it differs.
    """

    name: str
    version: str = ""
    python: str = ""
    state: State
    layers: tuple[LayerAgreement, ...] = ()
    said: str = ""

    @property
    def share(self) -> float | None:
        """The least share of equal values over all layers; None where nothing was compared."""
        return min((layer.share or 0.0 for layer in self.layers), default=None)


@attrs.frozen(kw_only=True)
class MarginRecord:
    """Potentials at the threshold of a layer: `ties` equal it, `close` within rounding, of `all`."""

    layer: str
    ties: int
    close: int
    all: int


@attrs.frozen(kw_only=True)
class ExportRecord:
    """A file that the network was written to.

    Attributes:
        exporter: qualified name.
        version: of its distribution.
        parameters: that it was given.
        file: name, with its folder where that is the run's.
        files: all that belong to it, with the SHA-256 of each.
        weights: SHA-256 of the network's parameters and buffers.
        inputs: where the inputs are from that it was verified with, such as "test".
        samples, steps: of these inputs.
        notes: conventions that a reader has to know.
        margins: potentials at the threshold, on these inputs.
        readers: who has read it back.
    """

    exporter: str
    version: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    file: str = ""
    files: Mapping[str, str] = attrs.field(factory=dict)
    weights: str = ""
    inputs: str = ""
    samples: int = 0
    steps: int = 0
    notes: tuple[str, ...] = ()
    margins: tuple[MarginRecord, ...] = ()
    readers: tuple[ReaderRecord, ...] = ()


@attrs.frozen(kw_only=True)
class ExportsRecord:
    """The file.

    Attributes:
        schema: of the file.
        exports: one for each file name.
    """

    schema: int = 1
    exports: tuple[ExportRecord, ...] = ()
