"""Published spikes and latencies of converted networks, and their relative energy by any reference row.

    E = E_i N / N_ref + E_l L / L_ref

Tables 2 and 3 of Feng et al., Computer Science 51(3):244-250, 2024, from which Figures 3 and 4 follow by Eq.
25. The paper prints "normalised" without saying to what; by the row of rate coding of 2017, as its
predecessor Park et al. (DAC 2020) has it, comes out what it states. `relative_table` takes any row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

import attrs

from snnplug.errors import did_you_mean
from snnplug_energy.relative import SPINNAKER, TRUENORTH, Relative

__all__ = ["PublishedRow", "RelativeRow", "published_rows", "relative_table", "saving"]

CHIPS = {"TrueNorth": TRUENORTH, "SpiNNaker": SPINNAKER}


@attrs.frozen(kw_only=True)
class PublishedRow:
    """One row of the tables.

    Attributes:
        dataset, network: "cifar10" or "cifar100"; "vgg16" or "resnet20".
        coding: what it is called, with its year.
        ann, snn: accuracies in %; None where they are not reported.
        latency: in time steps.
        spikes: of one image, on average.
        printed: what stands in the paper where that cannot be right; empty elsewhere.
        note: why, or what else to know.
    """

    dataset: str
    network: str
    coding: str
    ann: float | None = None
    snn: float | None = None
    latency: float | None = None
    spikes: float | None = None
    printed: str = ""
    note: str = ""


@attrs.frozen(kw_only=True)
class RelativeRow:
    """Energy of a row on both chips, the reference row being 1."""

    coding: str
    truenorth: float
    spinnaker: float


@cache
def _all_rows() -> tuple[PublishedRow, ...]:
    text = resources.files("snnplug_energy").joinpath("published.toml").read_text("utf-8")
    return tuple(PublishedRow(**row) for row in tomllib.loads(text)["rows"])


def published_rows(dataset: str | None = None, network: str | None = None) -> list[PublishedRow]:
    """Return the rows of both tables, or of a data set and a network alone, in the order of the paper."""
    return [row for row in _all_rows() if dataset in (None, row.dataset) and network in (None, row.network)]


def relative_table(rows: Sequence[PublishedRow], reference: str) -> list[RelativeRow]:
    """Return the energy of each row that has spikes and a latency, relative to one of them.

    Args:
        rows: of one data set and one network: others do not compare.
        reference: the coding whose row counts as 1.

    Raises:
        ValueError: there is no such row with spikes and a latency, or the rows are of several networks.
    """
    known = {row.coding: row for row in rows if row.spikes is not None and row.latency is not None}
    if len({(row.dataset, row.network) for row in rows}) > 1:
        raise ValueError(
            "rows are of several data sets or networks; choose one of each, as published_rows can"
        )
    if reference not in known:
        raise ValueError(
            f"reference {reference!r} is no row with spikes and latency.{did_you_mean(reference, known)} "
            f"Rows: {', '.join(known)}"
        )
    base = known[reference]
    models = [
        Relative(
            chip=chip,
            spike_share=spike_share,
            latency_share=latency_share,
            reference=reference,
            reference_spikes=base.spikes or 0.0,
            reference_latency=base.latency or 0.0,
        )
        for chip, (spike_share, latency_share) in CHIPS.items()
    ]
    table = []
    for coding, row in known.items():
        truenorth, spinnaker = (model.energy(row.spikes or 0.0, row.latency or 0.0) for model in models)
        table.append(RelativeRow(coding=coding, truenorth=truenorth, spinnaker=spinnaker))
    return table


def saving(table: Sequence[RelativeRow], coding: str, against: str) -> tuple[float, float]:
    """Return by which part a row takes less energy than another, on TrueNorth and on SpiNNaker.

    Negative where it takes more.

    Raises:
        KeyError: there is no such row.
    """
    rows = {row.coding: row for row in table}
    own, other = rows[coding], rows[against]
    return 1 - own.truenorth / other.truenorth, 1 - own.spinnaker / other.spinnaker
