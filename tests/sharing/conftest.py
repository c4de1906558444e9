"""A hub on this machine for the real client, and runs to share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "engine")]
import undrawn  # noqa: E402
from shared_recipes import RECIPES  # noqa: E402

import snnplug  # noqa: E402
from snnplug import Run  # noqa: E402

_MADE: dict[str, Run] = {}


@pytest.fixture(autouse=True)
def figures_are_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes the longest of a small run: tests/report looks at the figures."""
    monkeypatch.setattr(Figure, "savefig", undrawn.save)


@pytest.fixture
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """Return the finished run of one of the recipes; it is made once."""

    def made(name: str) -> Run:
        if name not in _MADE:
            folder = tmp_path_factory.mktemp("runs") / name.replace(" ", "-")
            _MADE[name] = snnplug.run(RECIPES[name], out=folder, device="cpu")
        return _MADE[name]

    return made


@pytest.fixture
def trained(run_of: Callable[[str], Run]) -> Run:
    """Return a run of a network that was trained."""
    return run_of("trained")


@pytest.fixture
def folder(trained: Run, tmp_path: Path) -> Path:
    """Return the folder that it is shared as."""
    return Path(trained.push("acme/digits", folder=tmp_path / "shared", dry_run=True))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A hub that the client of this process talks to, logged in; what it downloads goes into a new cache."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs huggingface_hub")
    from local_hub import TOKEN, LocalHub

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True, raising=False)  # large files by plain HTTP
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "agents.json"), raising=False)
    with LocalHub().serving() as served:
        place = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", place)
        yield served
