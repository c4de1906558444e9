"""docs/sharing.md: its examples run, and its table has every file that goes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from snnplug import Run
from snnplug.runs.shared_names import EXPORTS, FILES

PAGE = (Path(__file__).parents[2] / "docs" / "sharing.md").read_text(encoding="utf-8")
# what the client itself does while it sends a large file
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def test_its_examples_run(trained: Run, folder: Path, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    hub.orgs.add("ORG")
    trained.push("ORG/NAME")
    names: dict[str, Any] = {"images": torch.rand(2, 1, 8, 8)}
    blocks = re.findall(r"^```py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "sharing.md", "exec"), names)
    assert torch.equal(names["found"].probabilities, trained.predict(names["images"]).probabilities)
    assert isinstance(names["network"], torch.nn.Module)


def test_its_table_names_every_file() -> None:
    rows = re.findall(r"^\| (`[^|]*`) \| ", PAGE.split("## What goes out")[1], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert {*FILES, f"{EXPORTS}/"} <= named
