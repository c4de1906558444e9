"""Write docs/pictures/ from real runs: `python docs/pictures.py`, in about three minutes.

The runs are made under runs/pictures/ where they are not there yet; delete one to have it made again. The
SVGs are pictures of their reports; the photograph of a report, for the README, needs Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

import snnplug
from snnplug import report

ROOT = Path(__file__).parents[1]
PICTURES = Path(__file__).with_name("pictures")
STYLE = Path(report.__file__).with_name("style.css")

RUNS: dict[str, tuple[str, list[str]]] = {  # recipe and overrides, by folder
    "default": ("default", []),
    "events": ("events", []),
    "pareto": (
        "default",
        [
            "search.strategy={ use = 'nsga2', draws = 160 }",
            "search.scorer={ use = 'sahd' }",
            "train.compare.random=0",
            "train.compare.architectures=[]",
            "search.objectives={ synaptic_operations = 'min' }",
            "train.epochs=2",
        ],
    ),
}
SVGS = {  # run, and how the description of the picture in its report begins, by file
    "cell": ("default", "Cell of "),
    "pareto": ("pareto", "Score of .* over synaptic operations"),
    "raster": ("events", "Spike raster of layers.6"),
}
WIDTH, QUALITY = 1200, 82  # of the photograph
SHOWN = ("results", "cell", "alike")  # sections of the report, so many as fit on a screen


def run_of(name: str) -> Path:
    """Return the directory of a run, made now if need be."""
    directory = ROOT / "runs" / "pictures" / name
    if not (directory / "report.html").is_file():
        recipe, overrides = RUNS[name]
        snnplug.run(recipe, out=directory, overrides=overrides, device="cpu", quiet=False)
    return directory


def svg_of(page: str, description: str) -> str:
    """Return a picture of a report as a file of its own, in the colours of the light scheme."""
    style = STYLE.read_text(encoding="utf-8")
    colours = dict(re.findall(r"(--[\w-]+): ([^;]+);", style[: style.index("}")]))
    rules = " ".join(line for line in style.splitlines() if line.startswith(".cell "))
    (found, *_) = re.finditer(rf'<svg[^>]*aria-label="{description}.*?</svg>', page, re.DOTALL)
    svg = ElementTree.fromstring(found[0])
    if "cell" not in svg.get("class", ""):
        rules = ""
    _, _, width, height = svg.attrib["viewBox"].split()
    svg.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height}
    svg.set("style", svg.attrib["style"] + "; background: #fff; font-family: sans-serif")
    sheet = ElementTree.Element("style")
    sheet.text = rules
    svg.insert(0, sheet)
    text = ElementTree.tostring(svg, encoding="unicode")
    return re.sub(r"var\((--[\w-]+)\)", lambda match: colours[match[1]], text) + "\n"


def photograph(page: str, to: Path) -> None:
    """Photograph the results and the cell of a report."""
    shown = "".join(f":not(#{section})" for section in SHOWN)
    page = page.replace("</head>", f"<style>section{shown}, body > footer {{ display: none }}</style></head>")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder, "report.html"), Path(folder, "report.png")
        source.write_text(page, encoding="utf-8")
        command = [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={shot}"]
        subprocess.run(
            [*command, f"--window-size={WIDTH},3000", str(source)], check=True, capture_output=True
        )
        image = Image.open(shot).convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    _, _, _, bottom = ImageChops.difference(image, ground).getbbox() or (0, 0, 0, image.height)
    image.crop((0, 0, WIDTH, min(bottom + 40, image.height))).save(to, quality=QUALITY, method=6)


def main() -> None:
    """Make the runs and draw."""
    PICTURES.mkdir(exist_ok=True)
    pages: dict[str, Any] = {name: (run_of(name) / "report.html").read_text("utf-8") for name in RUNS}
    for file, (name, description) in SVGS.items():
        (PICTURES / f"{file}.svg").write_text(svg_of(pages[name], description), encoding="utf-8")
    photograph(pages["default"], PICTURES / "report.webp")


if __name__ == "__main__":
    main()
