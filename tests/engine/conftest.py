"""The toy components for all tests of the engine."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parent))
import toys
import undrawn


@pytest.fixture(autouse=True)
def figures_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes the longest of a small run: tests/report looks at the figures."""
    monkeypatch.setattr(Figure, "savefig", undrawn.save)


@pytest.fixture
def toy_registry() -> Any:
    return toys.toy_registry()


@pytest.fixture
def toy_recipe() -> dict[str, Any]:
    return copy.deepcopy(toys.RECIPE)
