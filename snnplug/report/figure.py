"""A matplotlib figure as inline SVG.

Figures are drawn with stand-in colours, which become CSS variables in the SVG: one picture is then
right in the light and the dark scheme and on paper. Text stays text, in the page's font.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from snnplug.errors import StorageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["GRID", "INK", "MUTED", "SERIES", "SURFACE", "WIDTH", "new", "save_svg", "to_svg"]

WIDTH = 420  # of a picture, in CSS pixels at scale 1
INK, MUTED, GRID, SURFACE = "#010101", "#010102", "#010103", "#010104"
SERIES = tuple(f"#0102{i:02d}" for i in range(1, 7))
_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line", SURFACE: "--surface"} | {
    color: f"--series-{i}" for i, color in enumerate(SERIES, 1)
}
_COLOR = re.compile("|".join(_VARIABLES))
_FONT = re.compile(r"font-family:[^;]*;? ?")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def new(width: float = WIDTH, height: float = 270) -> tuple[Figure, Axes]:
    """Return a figure of that many CSS pixels with one plain pair of axes."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    margins = ConstrainedLayoutEngine(w_pad=2 / 72, h_pad=2 / 72)
    figure = Figure(figsize=(width / 72, height / 72), layout=margins)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(color=MUTED, labelcolor=INK, labelsize=12, length=3)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure with colours of its own into a file that does not change from one day to the next.

    Raises:
        StorageError: the file cannot be written.
    """
    from matplotlib import rc_context

    try:
        with rc_context({"svg.hashsalt": "snnplug"}):
            figure.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def to_svg(figure: Figure, name: str, label: str) -> Markup:
    """Return a figure as an `<svg>` element.

    Args:
        figure: drawn with the colours of this module only.
        name: unique on the page; ids in the SVG are made from it.
        label: what a reader who does not see the picture is told.
    """
    import matplotlib

    file = io.StringIO()
    for axes in figure.axes:
        for text in (axes.xaxis.label, axes.yaxis.label):
            text.set_color(INK)
            text.set_fontsize(12)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the browser has the glyph
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return Markup(_tidy(ElementTree.fromstring(file.getvalue()), name, label))


def _tidy(svg: ElementTree.Element, name: str, label: str) -> str:
    """Make a file's root element one among many on a page: no global style, no ids but the used ones."""
    parents = {child: parent for parent in svg.iter() for child in parent}
    for element in list(svg.iter()):
        element.tag = element.tag.rpartition("}")[2]
        if element.tag in ("metadata", "style"):
            parents[element].remove(element)
    text = ElementTree.tostring(svg, encoding="unicode")
    used = set(re.findall(r"#([\w.-]+)", text))
    for element in svg.iter():
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if attributes.get("id") not in used:
            attributes.pop("id", None)
        if attributes.get("transform", "").startswith("rotate(-0 "):
            del attributes["transform"]
        element.attrib.clear()
        for key, value in attributes.items():
            element.set(key, _FONT.sub("", value) if key == "style" else _shorter(key, value, name))
        element.text, element.tail = (part and part.strip() for part in (element.text, element.tail))
    for key in ("width", "height", "version"):
        svg.attrib.pop(key, None)
    width = svg.get("viewBox", "0 0 0 0").split()[2]
    svg.set("role", "img")
    svg.set("aria-label", label)
    svg.set("style", f"--natural: {width}px; stroke-linejoin: round; stroke-linecap: butt")
    return _COLOR.sub(
        lambda match: f"var({_VARIABLES[match[0]]})", ElementTree.tostring(svg, encoding="unicode")
    )


def _shorter(key: str, value: str, name: str) -> str:
    if key == "id":
        return f"{name}-{value}"
    if key in ("href", "clip-path"):
        return value.replace("#", f"#{name}-")
    if key == "d":
        value = " ".join(value.split())
    return _NUMBER.sub(lambda match: f"{float(match[0]):.2f}", value) if key in ("d", "x", "y") else value
