"""What became of every operation of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import attrs

from snnplug.errors import ConversionError

__all__ = ["Entry", "refusal", "table"]

_ALLOWED = (
    "Allowed are convolutions, linear layers, batch norm in evaluation mode, ReLU and its bounded forms, "
    "max and average pools, sums, concatenation, scaling by constants, and what moves or drops values."
)


@attrs.frozen
class Entry:
    """One operation.

    Attributes:
        operation: its name.
        what: "converted" to a neuron, "folded" away, "kept" as it is, or "refused".
        why: the reason.
        becomes: name of the layer or neuron that stands in its place, if there is one.
        line: the user's line of source, such as `model.py:12: x = F.relu(x)`; empty if none is known.
        module: path of the module that it belongs to; empty for the model itself.
    """

    operation: str
    what: Literal["converted", "folded", "kept", "refused"]
    why: str
    becomes: str
    line: str
    module: str

    def __str__(self) -> str:
        places = [f"in {self.module!r}" if self.module else "", f"at {self.line}" if self.line else ""]
        return " ".join([self.operation, *filter(None, places)]) + f": {self.why}"


def table(account: Iterable[Entry]) -> str:
    """Return the account as a table, a line for each operation."""
    rows = [("operation", "what", "becomes", "line", "why")]
    rows += [(e.operation, e.what, e.becomes, e.line, e.why) for e in account]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def refusal(account: Iterable[Entry]) -> ConversionError:
    """Return the error that names every operation of an account that was refused."""
    refused = [str(entry) for entry in account if entry.what == "refused"]
    count = "1 operation" if len(refused) == 1 else f"{len(refused)} operations"
    lines = [f"{count} of the model cannot be converted:", *(f"  {one}" for one in refused)]
    advice = "Replace these and train again; strict=False returns the account without a network."
    return ConversionError("\n".join([*lines, f"{_ALLOWED} {advice}"]), tuple(refused))
