"""What a conversion has come to: rows in summary.json, and in conversion.json where each network errs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from snnplug.contracts import Trace
from snnplug.runs.energy_records import Energy
from snnplug.runs.schema import SCHEMA, Number

__all__ = ["ConversionErrors", "ConversionRecord", "ConversionRow"]


@attrs.frozen(kw_only=True)
class ConversionRow:
    """A network of one task under one coding.

    `difference` is that of its accuracy from the first row's, over the same test samples, with a 95 %
    interval; `latency` is of one sample in time steps, `interval` the steps from one sample to the next in a
    pipeline; `noise` holds accuracies by the standard deviation of noise on the images.
    """

    name: str
    neuron: Mapping[str, Any] = attrs.field(factory=dict)
    chosen: bool = False
    accuracy: Number = None
    difference: Number = None
    low: Number = None
    high: Number = None
    latency: Number = None
    interval: Number = None
    spikes: Number = None
    operations: Number = None
    macs: Number = None
    energy: tuple[Energy, ...] = ()
    noise: Mapping[str, Number] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ConversionErrors:
    """`conversion.json`: where each converted network errs, by the name of its row.

    `curves` are potentials and decoded values of its first layer's neurons.
    """

    schema: int = SCHEMA
    traces: Mapping[str, Trace] = attrs.field(factory=dict)
    curves: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ConversionRecord:
    """What a conversion came to: the ANN first, then every coding; over so many test samples."""

    rows: tuple[ConversionRow, ...] = ()
    samples: int = 0
