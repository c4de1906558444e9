"""Studies of toys, which take a fraction of a second."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
sys.path.insert(0, str(Path(__file__).parent))
import toy_study
import toys
import undrawn


@pytest.fixture(autouse=True)
def figures_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Figure, "savefig", undrawn.save)


@pytest.fixture
def registry() -> Any:
    return toys.toy_registry()


@pytest.fixture
def study_file(tmp_path: Path) -> Any:
    """Write a study of a small network of toys."""
    import tomli_w

    recipe = {name: table for name, table in toys.RECIPE.items() if name not in ("search", "energy", "seed")}
    recipe["architecture"] = {"use": "toy"}

    def write(text: str = toy_study.TEXT, **more: Any) -> Path:
        file = tmp_path / "widths.toml"
        file.write_text(f"{text}\n{tomli_w.dumps({'recipe': {**recipe, **more}})}")
        return file

    return write
