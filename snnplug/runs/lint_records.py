"""`lint.json`: whether the network of a run fits chips, asked after the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from snnplug.contracts import Fit, Need
from snnplug.runs.schema import Number

__all__ = ["ChipRecord", "LintRecord", "NeedRecord", "QuantizedRecord"]


@attrs.frozen(kw_only=True)
class NeedRecord:
    """What a layer, or the network, needs of a limit; see `snnplug.Need`.

    Attributes:
        layer, limit, advice, source: as there.
        fits: whether there is enough.
        told: all of it in a sentence.
        has, allowed: as there, where they are numbers.
    """

    layer: str
    limit: str
    fits: bool
    told: str
    has: Number = None
    allowed: Number = None
    advice: str = ""
    source: str = ""

    @classmethod
    def of(cls, need: Need) -> NeedRecord:
        """Return the record of a need."""
        return cls(
            layer=need.layer,
            limit=need.limit,
            fits=need.fits,
            told=str(need),
            has=None if isinstance(need.has, str) else need.has,
            allowed=None if isinstance(need.allowed, str) else need.allowed,
            advice=need.advice,
            source=need.source,
        )


@attrs.frozen(kw_only=True)
class QuantizedRecord:
    """The network with its weights rounded to a chip's bits.

    Attributes:
        bits: of a weight with its sign.
        per_channel: each output channel has a scale of its own.
        split: whose samples are classified.
        samples: how many.
        before, after: accuracy with the weights as trained, and rounded.
        left: layers whose weights were not rounded.
    """

    bits: int
    per_channel: bool = False
    split: str = ""
    samples: int = 0
    before: Number = None
    after: Number = None
    left: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ChipRecord:
    """What one chip says.

    Attributes:
        chip: qualified name.
        parameters: that it was given.
        title: what the chip is called.
        source: of its limits.
        fits: whether the whole network does.
        headroom: see `snnplug.Fit`.
        needs: all that was looked at.
        placement: where layers lie.
        notes: what to know beside.
        quantized: None where it was not asked for.
    """

    chip: str
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    title: str = ""
    source: str = ""
    fits: bool = False
    headroom: Number = None
    needs: tuple[NeedRecord, ...] = ()
    placement: Mapping[str, str] = attrs.field(factory=dict)
    notes: tuple[str, ...] = ()
    quantized: QuantizedRecord | None = None

    @property
    def misfits(self) -> tuple[NeedRecord, ...]:
        """What does not fit."""
        return tuple(need for need in self.needs if not need.fits)

    @classmethod
    def of(cls, chip: str, parameters: Mapping[str, Any], title: str, source: str, fit: Fit) -> ChipRecord:
        """Return the record of a fit."""
        return cls(
            chip=chip,
            parameters=dict(parameters),
            title=title,
            source=source,
            fits=fit.fits,
            headroom=fit.headroom,
            needs=tuple(map(NeedRecord.of, fit.needs)),
            placement=dict(fit.placement),
            notes=tuple(fit.notes),
        )


@attrs.frozen(kw_only=True)
class LintRecord:
    """The file.

    Attributes:
        schema: of the file.
        network: which one: "trained", or the key of a candidate.
        weights: SHA-256 of the trained network's parameters and buffers, as in `exports.json`.
        chips: what each says.
    """

    schema: int = 1
    network: str = "trained"
    weights: str = ""
    chips: tuple[ChipRecord, ...] = ()
