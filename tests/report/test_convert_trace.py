"""Where a conversion errs, drawn and said from its traces alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html import unescape
from pathlib import Path

import pytest

from snnplug.contracts import ErrorPart, LayerError, LayerTrace, Trace
from snnplug.report.figures.conversion import layer_errors, staircases
from snnplug.report.sections.convert_trace import render_traces
from snnplug.runs.reading import Records
from snnplug.runs.records import Resolved


def error(relative: float | None, lower: float = 1, quantisation: float = 2, upper: float = 1) -> LayerError:
    parts = {"lower": lower, "quantisation": quantisation, "upper": upper}
    return LayerError(
        mean=-0.01,
        absolute=0.02,
        rms=0.03,
        relative=relative,
        correlation=None if relative is None else 0.987654,
        quantiles=(-0.5, -0.4, -0.1, 0.0, 0.1, 0.4, 0.5),
        worst=((7, 0.25), (2, 0.125)),
        **{name: ErrorPart(int(total) * 10, total) for name, total in parts.items()},
    )


def layer(name: str, own: float | None, accumulated: float | None) -> LayerTrace:
    return LayerTrace(name, "SCTTFS", 1000, 8, 400, 100, (3,), error(own, upper=30), error(accumulated))


TRACE = Trace(
    256, 1, (layer("layers.1", 0.1, 0.1), layer("layers.3 <b>", 0.2, 0.4), layer("dead", None, None))
)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    resolved = Resolved(schema=1, name="x", command="", seed=0, recipe={}, components=())
    return Records(directory=tmp_path, resolved=resolved)


def test_section_from_records_alone(records: Records) -> None:
    curve = ([-1.0, 0.0, 1.0], [0.0, 0.0, 1.0])
    page = render_traces(records, {"sc_ttfs, 6 slots": TRACE, "rate": TRACE}, {"sc_ttfs, 6 slots": curve})
    root = ElementTree.fromstring(str(page).replace("<details open>", "<details>"))
    text = re.sub(r"\s+", " ", unescape("".join(root.itertext())))
    assert "sc_ttfs, 6 slots: accumulated error of the last layer –" in text
    assert "The error starts at 'layers.1'" not in text  # 10 % is not above 10 %
    assert "The error starts at 'layers.3 <b>': it is the first" in text
    assert "Clipping is too low in 'layers.1', 'layers.3 <b>'" in text
    cells = [cell.text for cell in root.iter("td")][:11]
    assert cells == [
        "10.0\xa0%",
        "10.0\xa0%",
        "−0.01",
        "−0.5",
        "0",
        "0.5",
        "0.9877",
        "10",
        "300",
        "25.0\xa0%",
        "7: 0.25, 2: 0.125",
    ]
    identifiers = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(identifiers) == len(set(identifiers))
    labels = [svg.get("aria-label") for svg in root.iter("svg")]
    assert labels[0] == "Decoded value over potential, beside a ReLU: sc_ttfs, 6 slots"
    assert labels[1] == (
        "Own and accumulated error by layer: layers.1 10.0\xa0% and 10.0\xa0%; "
        "layers.3 <b> 20.0\xa0% and 40.0\xa0%; dead – and –"
    )


def test_without_traces_there_is_nothing(records: Records) -> None:
    assert render_traces(records, {}) == ""
    assert render_traces(records, {"rate": Trace(0, 1, ())}) == ""


def test_bars_are_divided_as_the_error_is() -> None:
    svg = ElementTree.fromstring(layer_errors(Trace(1, 1, (TRACE.layers[1],)), "one"))
    widths: dict[str, list[float]] = {}
    for path in svg.iter("path"):
        style, points = path.get("style") or "", re.findall(r"[ML] ([\d.]+) [\d.]+", path.get("d") or "")
        color = re.search(r"fill: var\(--series-(\d)\)", style)
        if color and len(points) >= 4:
            xs = [float(x) for x in points]
            widths.setdefault(color[1], []).append(max(xs) - min(xs))
    lower, quantisation, upper = (widths[str(i)] for i in (1, 2, 3))
    own, accumulated = (lower[i] + quantisation[i] + upper[i] for i in (0, 1))
    assert accumulated / own == pytest.approx(2, rel=0.01)
    assert upper[0] / own == pytest.approx(30 / 33, rel=0.01)
    assert quantisation[1] / accumulated == pytest.approx(2 / 4, rel=0.01)


def test_a_staircase_and_its_relu() -> None:
    picture = staircases({"a": ([-1.0, 0.5, 2.0], [0.0, 0.5, 1.0]), "b": ([0.0, 3.0], [0.0, 3.0])}, "s")
    assert "var(--series-1)" in picture
    assert "var(--series-2)" in picture
    assert "var(--series-3)" not in picture
    assert staircases({"above": ([1.0, 2.0], [1.0, 2.0])}, "s")
