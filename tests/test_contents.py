"""The hash of a distribution's files."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from pathlib import Path

import pytest

from snnplug.registry.contents import content_hash

FILES = {
    "acme_drift/__init__.py": "",
    "acme_drift/plugin.py": "x = 1\n",
    "acme_drift/data/table.csv": "1,2\n",
}


def install(site: Path, files: dict[str, str], *, editable: Path | None = None) -> None:
    """Leave what pip leaves: a wheel's files with their hashes, or only where the sources are."""
    info = site / "acme_drift-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-drift\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[snnplug]\nit = acme_drift.plugin\n")
    lines = ["acme_drift-1.0.dist-info/RECORD,,", "acme_drift-1.0.dist-info/INSTALLER,sha256=x,4"]
    for path, text in files.items():
        target = (editable or site) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        known = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines += [] if editable else [f"{path},sha256={known},{len(text)}"]
    if editable:
        lines.append("__editable__.acme_drift.pth,sha256=y,10")
        (info / "direct_url.json").write_text(json.dumps({"url": "", "dir_info": {"editable": True}}))
    (info / "RECORD").write_text("\n".join([*lines, "../../bin/acme,sha256=z,3"]))


def hash_of(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> str:
    with monkeypatch.context() as patch:
        for path in paths:
            patch.syspath_prepend(str(path))
        importlib.invalidate_caches()
        return content_hash("acme-drift")


def test_a_wheel_and_its_sources_have_the_same_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "wheel", FILES)
    install(tmp_path / "site", FILES, editable=tmp_path / "source")
    (tmp_path / "source" / "acme_drift" / "__pycache__").mkdir()
    (tmp_path / "source" / "acme_drift" / "__pycache__" / "plugin.pyc").write_bytes(b"compiled")
    wheel = hash_of(monkeypatch, tmp_path / "wheel")
    assert len(wheel) == 16
    assert hash_of(monkeypatch, tmp_path / "site", tmp_path / "source") == wheel


@pytest.mark.parametrize("path", FILES)
def test_every_file_counts(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", FILES, editable=tmp_path / "source")
    before = hash_of(monkeypatch, tmp_path / "site", tmp_path / "source")
    (tmp_path / "source" / path).write_text("changed")
    assert hash_of(monkeypatch, tmp_path / "site", tmp_path / "source") != before


def test_a_name_without_a_distribution_has_none() -> None:
    assert content_hash("nobody-has-this") == ""
    assert content_hash("local") == ""


def test_of_an_unusable_record_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", FILES)
    (tmp_path / "site" / "acme_drift-1.0.dist-info" / "direct_url.json").write_text("{")
    assert hash_of(monkeypatch, tmp_path / "site") == ""
