"""The toy components for all tests of the engine."""

from __future__ import annotations

import copy
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parent))
import toys


@pytest.fixture(autouse=True)
def figures_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes the longest of a small run: tests/report looks at the figures."""

    draw = Figure.savefig

    def blank(figure: Figure, file: Any, **options: Any) -> None:
        if isinstance(file, io.StringIO):
            file.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
        else:
            draw(figure, file, **options)

    monkeypatch.setattr(Figure, "savefig", blank)


@pytest.fixture
def toy_registry() -> Any:
    return toys.toy_registry()


@pytest.fixture
def toy_recipe() -> dict[str, Any]:
    return copy.deepcopy(toys.RECIPE)
