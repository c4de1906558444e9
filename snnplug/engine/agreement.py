"""What a reader of an exported file answers, against what the network does, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from snnplug.contracts.export import OUTPUT
from snnplug.runs.export_records import LayerAgreement, MarginRecord

__all__ = ["agreements", "cause"]

Array = NDArray[np.float64]
_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # of analog values, the second as a share of the largest


def agreements(expected: Mapping[str, Array], answered: Mapping[str, Array]) -> list[LayerAgreement]:
    """Return how far a reader agrees, in the order of what is expected; the output is always compared.

    Args:
        expected: `[T, B, *]` by layer, or whatever a reader is to answer.
        answered: the same from the reader, of those layers that it can tell apart.

    Raises:
        ValueError: it answers nothing that was expected, or arrays of another size.
    """
    missing = OUTPUT in expected and OUTPUT not in answered
    found = [name for name in expected if name in answered]
    if missing or not found:
        told = ", ".join(answered) or "nothing"
        raise ValueError(f"it answered {told}, where {', '.join(expected)} was expected")
    return [_agreement(name, expected[name], answered[name]) for name in found]


def _agreement(name: str, expected: Array, answered: Array) -> LayerAgreement:
    if expected.size != answered.size:
        raise ValueError(f"it answered {answered.shape} for {name}, where {expected.shape} was expected")
    answered = answered.reshape(expected.shape)  # a sample may be flat there
    if np.array_equal(expected, np.round(expected)):
        differs = expected != answered
    else:
        room = _ABSOLUTE * float(np.abs(expected).max(initial=0.0))
        differs = ~np.isclose(answered, expected, rtol=_RELATIVE, atol=room)
    count = int(differs.sum())
    step = int(differs.reshape(len(differs), -1).any(1).argmax()) if differs.ndim > 1 and count else None
    return LayerAgreement(layer=name, share=1 - count / max(1, differs.size), differing=count, step=step)


def cause(layers: list[LayerAgreement], margins: Mapping[str, MarginRecord], refuses: str) -> str:
    """Return in a sentence where a reader begins to differ, and what that comes from as far as can be told.

    Args:
        layers: its agreement, in the order of the network; one that differs is among them.
        margins: potentials at the threshold, by layer.
        refuses: what the reader is known to read otherwise.
    """
    first = min((one for one in layers if one.differing), key=lambda one: (one.step or 0, layers.index(one)))
    at = "" if first.step is None else f" in step {first.step}"
    said = f"it differs first in {first.layer}{at}"
    margin = margins.get(first.layer)
    if margin is not None and margin.ties:
        said += (
            f"; {margin.ties:,} of its {margin.all:,} potentials equal the threshold: whether these fire "
            "differs from reader to reader; half a quantisation step on the threshold removes such ties"
        )
    elif margin is not None and margin.close and first.differing <= 2 * margin.close:
        said += f"; {margin.close:,} of its {margin.all:,} potentials lie within rounding of the threshold"
    elif refuses:
        said += f"; known of this reader: {refuses}"
    return said
