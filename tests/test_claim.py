"""A run directory belongs to one run."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from snnplug.errors import RunDirectoryError
from snnplug.runs.claim import claim_directory, hold
from snnplug.runs.directory import RunDirectory

HOLD = """
import sys
from pathlib import Path
from snnplug.runs.claim import hold
with hold(Path(sys.argv[1]), "snnplug run wide"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_claims_of_one_moment_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(20) as pool:
        paths = list(pool.map(claim_directory, ["same"] * 60))
    assert len(set(paths)) == 60
    assert all(path.is_dir() and path.parent.name == "runs" for path in paths)


def test_a_place_that_cannot_be_made_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunDirectoryError, match="cannot make the run directory runs"):
        claim_directory("some")


def test_a_directory_in_use_says_by_whom(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        who = (
            rf"another snnplug is running in .*: process {process.pid} on .+ since 20.+ \(snnplug run wide\)"
        )
        with pytest.raises(RunDirectoryError, match=who), hold(tmp_path, "snnplug run narrow"):
            pass
        with pytest.raises(RunDirectoryError, match=rf"{who}; choose another --out, or wait"):
            RunDirectory.create(tmp_path)
        process.kill()
        process.wait()
    assert (tmp_path / ".owner").exists()  # left by the killed one, and not believed
    RunDirectory.create(tmp_path)
    with hold(tmp_path, "snnplug run narrow"):
        assert "narrow" in (tmp_path / ".owner").read_text()
    assert not (tmp_path / ".owner").exists()


@pytest.mark.parametrize("owner", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff\xfe"])
def test_an_owner_that_says_nothing_is_passed_over(owner: bytes, tmp_path: Path) -> None:
    with hold(tmp_path, "snnplug run"):
        (tmp_path / ".owner").write_bytes(owner)
        with (
            pytest.raises(RunDirectoryError, match=r"is running in .*; wait"),
            hold(tmp_path, "snnplug run"),
        ):
            pass
