"""The script of docs/search-to-chip.md: a search that ends on a chip."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

for _package in ("snnplug_chips", "snnplug_nir", "snnplug_datasets", "snnplug_proxies", "snnplug_strategies"):
    pytest.importorskip(_package)

PAGE = Path(__file__).parents[2] / "docs" / "search-to-chip.md"
SMALL = ("train.epochs=2", "search.strategy.draws=3", "search.scorer.steps=2", "encoder.steps=4")


def test_the_script_of_the_page_ends_on_a_chip(tmp_path: Path) -> None:
    import snnplug

    (script,) = re.findall(r'^```python title="chip.py"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
    (tmp_path / "chip.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "chip.py", *SMALL], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("found: ") and "Speck 2e/2f fits" in done.stdout
    assert "exports/model.nir snnplug equal" in done.stdout
    run = snnplug.load(tmp_path / "runs" / "chip")
    records = run.records
    assert records.lint is not None and records.lint.chips[0].fits and not records.lint.chips[0].misfits
    assert records.lint.chips[0].quantized is not None
    assert records.exports is not None
    assert [one.file for one in records.exports.exports] == ["exports/model.nir", "exports/model.sinabs.nir"]
    page = (run.directory / "report.html").read_text()
    assert "Exported files" in page and "Speck 2e/2f" in page
