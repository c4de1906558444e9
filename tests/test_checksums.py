"""Checksums of a run directory: what was damaged is found, and a kill at any moment damages nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from snnplug.errors import RunDirectoryError
from snnplug.runs.checksums import known_files, note_checksum
from snnplug.runs.directory import RunDirectory


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path / "run")
    made.write_text("resolved.json", "{}")
    made.write_text("trials.json", "[1]")
    return made


def test_every_flipped_byte_is_found(directory: RunDirectory) -> None:
    directory.write_text("trials.json", '["a text", 0.25]')
    file = directory.file("trials.json")
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(
            RunDirectoryError, match=r"trials\.json is damaged: .*checksum.*made again by: snn"
        ):
            directory.read_json("trials.json")
    file.write_bytes(content)
    assert directory.read_json("trials.json") == ["a text", 0.25]


def test_a_kill_between_checksum_and_file_damages_nothing(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced: list[str] = []
    original = os.replace

    def killed(source: object, target: object) -> None:
        if str(target).endswith("trials.json"):
            raise KeyboardInterrupt
        replaced.append(str(target))
        original(source, target)  # type: ignore[call-overload]

    for text in ("[2]", "[3]", "[4]"):  # killed again and again
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                directory.write_text("trials.json", text)
        assert directory.read_json("trials.json") == [1]
        assert len((known_files(directory.path) or {})["trials.json"]) == 2
        directory = RunDirectory(directory.path)  # the next process
    assert len(replaced) == 3
    for text in ("[5]", "[6]", "[7]"):
        directory.write_text("trials.json", text)
        assert directory.read_json("trials.json") == json.loads(text)
    assert len((known_files(directory.path) or {})["trials.json"]) == 2


def test_what_is_whole_is_said(directory: RunDirectory) -> None:
    directory.write_text("summary.json", "{}")
    directory.write_text("metrics.jsonl", "")
    directory.write_text("activity.json", "{}")
    for name in ("trials.json", "activity.json"):
        directory.file(name).write_text("?")
    with pytest.raises(RunDirectoryError, match=r"one\. Whole are summary\.json, metrics\.jsonl\. It is"):
        directory.read_json("trials.json")


def test_checksums_are_checked_themselves(directory: RunDirectory) -> None:
    file = directory.file("checksums.json")
    content = file.read_text()
    for text in (
        content.replace("a", "b"),
        content[:40],
        "",
        "[]",
        "{}",
        "3",
        '{"files": 3, "checksum": ""}',
    ):
        file.write_text(text)
        with pytest.raises(RunDirectoryError, match=r"checksums\.json is damaged.*remove it"):
            directory.read_json("trials.json")
    file.unlink()
    assert directory.read_json("trials.json") == [1]
    assert "has no checksums of resolved.json, trials.json" in directory.notes[0]


def test_what_may_be_edited_has_no_checksum(directory: RunDirectory) -> None:
    directory.write_text("recipe.toml", "seed = 1")
    assert "recipe.toml" not in (known_files(directory.path) or {})
    assert directory.notes == ()


def test_an_earlier_file_without_checksum_is_read_and_noted(directory: RunDirectory) -> None:
    directory.file("activity.json").write_text("{}")
    assert directory.read_json("activity.json") == {}
    assert "no checksums of activity.json" in directory.notes[0]


def test_a_reader_beside_the_writer_reads_again(
    directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, written = Path.read_bytes, []

    def read(file: Path) -> bytes:
        content = original(file)
        if file.name == "trials.json" and not written:
            written.append(True)
            directory.write_text("trials.json", "[2]")
            directory.write_text("trials.json", "[3]")
        return content

    monkeypatch.setattr(Path, "read_bytes", read)
    assert directory.read_json("trials.json") == [3]


def test_a_file_that_is_none_is_named(directory: RunDirectory) -> None:
    directory.file("activity.json").mkdir()
    with pytest.raises(RunDirectoryError, match=r"activity\.json is damaged: Is a directory"):
        directory.read_json("activity.json")


def test_what_is_held_back_is_read_but_not_written(directory: RunDirectory) -> None:
    with directory.held_back():
        directory.write_text("trials.json", "[2]")
        directory.write_text("summary.json", "{}")  # was not there: nothing is overwritten
        assert directory.read_json("trials.json") == [2]
        assert directory.file("trials.json").read_text() == "[1]"
        assert directory.file("summary.json").exists()
    assert directory.read_json("trials.json") == [1]
    with directory.held_back():
        directory.write_text("trials.json", "[2]")
        directory.let_go()
    assert directory.read_json("trials.json") == [2]


def test_what_is_set_aside_keeps_its_checksum(directory: RunDirectory) -> None:
    assert directory.set_aside("trials.json") == "trials.old-1.json"
    directory.write_text("trials.json", "[2]")
    assert directory.set_aside("trials.json") == "trials.old-2.json"
    assert directory.read_json("trials.old-1.json") == [1]
    directory.file("trials.old-1.json").write_text("[9]")
    with pytest.raises(RunDirectoryError, match="is damaged"):
        directory.read_json("trials.old-1.json")


def test_a_full_disk_is_no_damage(directory: RunDirectory) -> None:
    note_checksum(directory.path, "trials.json", b"[7]")  # the file itself was never written
    assert directory.read_json("trials.json") == [1]
