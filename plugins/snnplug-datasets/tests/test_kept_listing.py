"""Listings of large folders are kept until something in them changes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from snnplug_datasets import kept_listing, listing
from snnplug_datasets.listing import labelled_images

from snnplug.errors import DataError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of three classes, that has not been touched for a while."""
    monkeypatch.setattr(kept_listing, "_FROM", 4)
    monkeypatch.setattr(kept_listing, "data_root", lambda root: tmp_path / "kept")
    place = tmp_path / "images"
    for name in ("b", "a/deep", "c"):
        (place / name).mkdir(parents=True)
        for number in (2, 1):
            (place / name / f"{number}.png").touch()
    settle(place)
    return place


def settle(place: Path) -> None:
    long_ago = time.time() - 60
    for folder, _, _ in os.walk(place):
        os.utime(folder, (long_ago, long_ago))


def test_a_listing_is_taken_until_a_folder_changes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = labelled_images(place)
    assert first[0] == ["a", "b", "c"]
    assert [file.removeprefix(f"{place}/") for file, _ in first[1][:2]] == ["a/deep/1.png", "a/deep/2.png"]
    with monkeypatch.context() as patched:
        patched.setattr(listing, "_walk", None)
        assert labelled_images(place) == first
    for changed in ("a/deep/0.png", "c/9.png"):
        (place / changed).touch()
        found = labelled_images(place)
        assert str(place / changed) in [file for file, _ in found[1]]
        settle(place)
        assert labelled_images(place) == found
    (place / "d").mkdir()
    with pytest.raises(DataError, match="there are none for d"):
        labelled_images(place)


def test_what_changed_just_now_or_is_small_is_not_kept(place: Path, tmp_path: Path) -> None:
    (place / "a" / "new.png").touch()
    labelled_images(place)
    kept_listing.keep_listing(place, [str(place)], [("a", ["1.png"])])
    assert not (tmp_path / "kept").exists()


def test_a_damaged_listing_and_a_full_disk_cost_nothing(place: Path, tmp_path: Path) -> None:
    first = labelled_images(place)
    [file] = (tmp_path / "kept" / "listings").iterdir()
    for text in ("", "[]", '{"changed": {}}', '{"changed": {"/nowhere": 1}, "folders": []}'):
        file.write_text(text)
        assert labelled_images(place) == first
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("in the way")
    assert labelled_images(place) == first
