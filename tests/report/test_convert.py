"""The table of codings and its pictures, from records alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from snnplug.report.figures.codings import coding_trade
from snnplug.report.sections.convert import Compare, Convert, Tune
from snnplug.runs.conversion_records import ConversionRecord, ConversionRow
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import Records
from snnplug.runs.records import Resolved, Summary


def energy(model: str, value: float, unit: str = "J") -> Energy:
    return Energy(model=model, value=value, unit=unit)


def row(name: str, accuracy: float, spikes: float, latency: int, **more: Any) -> ConversionRow:
    difference = accuracy - 0.9
    return ConversionRow(
        name=name,
        accuracy=accuracy,
        difference=difference,
        low=difference - 0.01,
        high=difference + 0.01,
        spikes=spikes,
        latency=latency,
        **{"operations": 10 * spikes, "macs": 500, "interval": latency // 2, **more},
    )


ROWS = (
    row("ANN", 0.9, 0, 0, noise={"0.1": 0.8}, energy=(energy("p:joules", 1e-6),)),
    row("two <spikes>", 0.89, 2000, 12, noise={"0.1": 0.85}, energy=(energy("p:joules", 2e-7),), chosen=True),
    row("one", 0.85, 1000, 32, energy=(energy("q:counts", 7.0, "operations"), energy("p:joules", 1e-7))),
    row("rate", 0.88, 9000, 32, noise={"0.1": 0.7, "0.2": 0.5}),
)


def records_of(tmp_path: Path, rows: tuple[ConversionRow, ...] | None) -> Records:
    resolved = Resolved(schema=1, name="x", command="", seed=0, recipe={}, components=[])
    found = None if rows is None else ConversionRecord(rows=rows, samples=1234)
    return Records(directory=tmp_path, resolved=resolved, summary=Summary(conversion=found))


def page_of(tmp_path: Path, rows: tuple[ConversionRow, ...] | None = ROWS) -> ElementTree.Element:
    return ElementTree.fromstring(f"<main>{Compare().render(records_of(tmp_path, rows))}</main>")


def text_of(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", unescape("".join(element.itertext()))).strip()


def test_table(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    head, *body = list(page.iter("tr"))
    assert [text_of(cell) for cell in head] == [
        "No.",
        "Network",
        "Accuracy",
        "Difference",
        "Interval",
        "Latency",
        "Pipeline",
        "Spikes",
        "Synaptic operations",
        "MACs",
        "joules",
        "counts",
        "Noise 0.1",
        "Noise 0.2",
    ]
    cells = [[text_of(cell) for cell in line] for line in body]
    assert [line[:10] for line in cells] == [
        ["0", "ANN", "90.0 %", "–", "–", "–", "–", "–", "0", "500"],
        ["1", "two <spikes>", "89.0 %", "−1.00", "[−2.00, 0.00]", "12", "6", "2,000", "20,000", "500"],
        ["2", "one", "85.0 %", "−5.00", "[−6.00, −4.00]", "32", "16", "1,000", "10,000", "500"],
        ["3", "rate", "88.0 %", "−2.00", "[−3.00, −1.00]", "32", "16", "9,000", "90,000", "500"],
    ]
    assert [line[12:] for line in cells] == [
        ["80.0 %", "–"],
        ["85.0 %", "–"],
        ["–", "–"],
        ["70.0 %", "50.0 %"],
    ]
    energies = [line[10:12] for line in cells]
    assert "1" in energies[0][0] and "J" in energies[0][0]
    assert energies[0][1] == energies[3][0] == energies[3][1] == "–"
    assert energies[2][1].startswith("7")
    assert "over the same 1,234 test samples" in text_of(page)


def test_one_model_with_two_settings_has_two_columns(tmp_path: Path) -> None:
    both = tuple(
        Energy(model="p:joules", parameters={"precision": kind}, value=value, unit="J")
        for kind, value in (("fp32", 2e-6), ("int8", 3e-7))
    )
    head, *body = list(page_of(tmp_path, (row("ANN", 0.9, 0, 0, energy=both),)).iter("tr"))
    assert [text_of(cell) for cell in head][10:] == ["joules (precision = fp32)", "joules (precision = int8)"]
    assert [text_of(cell) for cell in body[0]][10:] == ["2 µJ", "300 nJ"]


def test_the_chosen_row_stands_out(tmp_path: Path) -> None:
    assert [text_of(bold) for bold in page_of(tmp_path).iter("b")] == ["two <spikes>"]


def test_pictures_have_all_that_spike_and_join_what_none_beats(tmp_path: Path) -> None:
    labels = [svg.get("aria-label") for svg in page_of(tmp_path).iter("svg")]
    assert labels == [
        "Accuracy over spikes a sample by coding, the ANN 90.0%: "
        "1: 2000, 89.0%; 2: 1000, 85.0%; 3: 9000, 88.0%",
        "Accuracy over time steps of latency by coding, the ANN 90.0%: "
        "1: 12, 89.0%; 2: 32, 85.0%; 3: 32, 88.0%",
    ]
    identifiers = [one.get("id") for one in page_of(tmp_path).iter() if one.get("id")]
    assert len(identifiers) == len(set(identifiers))


def test_the_front_is_the_one_given() -> None:
    points = {1: (2000.0, 0.89), 2: (1000.0, 0.85), 3: (9000.0, 0.88)}
    drawn = [coding_trade(points, front, 0.9, "spikes", "one") for front in ([1, 2], [1, 2, 3])]
    assert drawn[0] != drawn[1]
    assert all(f">{number}</text>" in drawn[0] for number in points)


@pytest.mark.parametrize("rows", [None, ()])
def test_without_rows_there_is_nothing(tmp_path: Path, rows: Any) -> None:
    assert not str(Compare().render(records_of(tmp_path, rows))).strip()


def test_one_coding_has_no_picture(tmp_path: Path) -> None:
    page = page_of(tmp_path, ROWS[:2])
    assert not list(page.iter("svg"))
    assert len(list(page.iter("tr"))) == 3


def test_figures_that_are_no_numbers_are_left_blank(tmp_path: Path) -> None:
    blank = ConversionRow(name="broken", energy=(energy("p:joules", float("nan")),))
    page = page_of(tmp_path, (*ROWS, blank))
    last = [text_of(cell) for cell in list(page.iter("tr"))[-1]]
    assert last[1] == "broken"
    assert {*last[2:8]} == {"–"}


def test_conversion_and_tuning_say_nothing_of_their_own(tmp_path: Path) -> None:
    records = records_of(tmp_path, ROWS)
    for section in (Convert(), Tune()):
        assert section.render(records) == ""
        assert section.stats(records) == []
    assert Compare().stats(records) == []
