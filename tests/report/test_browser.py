"""The page in a real browser, offline, at the width of a telephone and of a desktop."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path; Debian's package is chromium"),
]

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += [
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=2000",
    "--enable-logging=stderr",
]

# A headless window is never narrower than 500 pixels, so the copy is measured in frames of both widths.
FRAMES = """<!DOCTYPE html><title>frames</title><body>
<iframe id="narrow" src="COPY" style="width: 400px; height: 900px; border: 0"></iframe>
<iframe id="wide" src="COPY" style="width: 1300px; height: 900px; border: 0"></iframe>
<script>
addEventListener("message", (event) => {
  const out = document.createElement("pre");
  out.className = "measured";
  out.textContent = event.data;
  document.body.append(out);
});
</script>"""

MEASURE = """<script>
addEventListener("load", () => {
  const texts = [...document.querySelectorAll("svg text")].map((text) => {
    const font = parseFloat(getComputedStyle(text).fontSize), svg = text.ownerSVGElement;
    const box = text.getBoundingClientRect(), frame = svg.getBoundingClientRect();
    const inside = box.left >= frame.left - 1 && box.right <= frame.right + 1;
    return { text: text.textContent, size: font * frame.width / svg.viewBox.baseVal.width, inside };
  });
  const svgs = [...document.querySelectorAll("svg")].map((svg) => {
    const box = svg.getBoundingClientRect();
    return { label: svg.getAttribute("aria-label"), width: box.width, height: box.height };
  });
  const boxes = [...document.querySelectorAll(".chain li")].map((box) => {
    const whole = [...box.children].every((text) => text.scrollWidth <= text.clientWidth);
    return { text: box.textContent, inside: whole && box.getBoundingClientRect().right <= innerWidth };
  });
  const page = document.documentElement;
  const fetched = performance.getEntriesByType("resource").map((entry) => entry.name);
  const measures = { inner: innerWidth, scroll: page.scrollWidth, svgs, texts, boxes, fetched };
  parent.postMessage(JSON.stringify(measures), "*");
});
</script>"""


def chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture(scope="module")
def measured(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, dict[str, Any]]]:
    """Measurements of the page by width."""
    folder = tmp_path_factory.mktemp("browser")
    yield measure(finished, folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def measured_parts(
    parted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, dict[str, Any]]]:
    """Measurements of the page of a search whose scores have parts, by width."""
    folder = tmp_path_factory.mktemp("browser")
    yield measure(parted, folder)
    shutil.rmtree(folder, ignore_errors=True)


def measure(run: Path, folder: Path) -> dict[int, dict[str, Any]]:
    """Return measurements of a run's page by width, taken by a script in a copy of it."""
    source = (run / "report.html").read_text("utf-8")
    unlocked = re.sub(
        r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", source
    )  # it forbids the script
    (folder / "copy.html").write_text(unlocked.replace("</body>", f"{MEASURE}</body>"), "utf-8")
    (folder / "frames.html").write_text(FRAMES.replace("COPY", "copy.html"), "utf-8")
    dom = chromium(folder, "--window-size=1800,1000", "--dump-dom", (folder / "frames.html").as_uri()).stdout
    found = [
        json.loads(unescape(text))
        for text in re.findall(r'<pre class="measured">(.*?)</pre>', dom, re.DOTALL)
    ]
    return {measures["inner"]: measures for measures in found}


@pytest.mark.parametrize("width", [400, 1300])
def test_page_does_not_scroll_sideways(measured: dict[int, dict[str, Any]], width: int) -> None:
    assert measured[width]["scroll"] <= width


@pytest.mark.parametrize("width", [400, 1300])
def test_pictures_are_seen(measured: dict[int, dict[str, Any]], width: int) -> None:
    svgs = measured[width]["svgs"]
    assert len(svgs) == 18
    assert [svg["label"] for svg in svgs if svg["width"] < 140 or svg["height"] < 60] == []


@pytest.mark.parametrize("width", [400, 1300])
def test_labels_are_readable_and_whole(measured: dict[int, dict[str, Any]], width: int) -> None:
    texts = measured[width]["texts"]
    assert len(texts) > 100
    assert [text for text in texts if text["size"] < 9] == []
    assert [text for text in texts if not text["inside"]] == []


@pytest.mark.parametrize("width", [400, 1300])
def test_nothing_is_fetched(measured: dict[int, dict[str, Any]], width: int) -> None:
    assert measured[width]["fetched"] == []


@pytest.mark.parametrize("width", [400, 1300])
def test_search_whose_scores_have_parts(measured_parts: dict[int, dict[str, Any]], width: int) -> None:
    found = measured_parts[width]
    assert found["scroll"] <= width
    assert [text for text in found["texts"] if text["size"] < 9 or not text["inside"]] == []
    assert [box for box in found["boxes"] if not box["inside"]] == []
    assert len(found["boxes"]) == 13


def test_console_is_silent_and_the_page_is_painted(finished: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    page = (finished / "report.html").as_uri()
    result = chromium(tmp_path, "--window-size=1300,2000", f"--screenshot={picture}", page)
    assert "CONSOLE" not in result.stderr
    assert picture.stat().st_size > 50_000
