"""Standard streams that are closed, full or read by nobody do not end what runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell")
FULL = Path("/dev/full")
PYTHON = shlex.quote(sys.executable)
TALK = (
    "import os, sys; from snnplug.cli.streams import mend_streams; mend_streams(); "
    "file = open(sys.argv[1], 'wb'); os.write(1, b'out'); os.write(2, b'err'); "
    "print('said', file=sys.stderr, flush=True); file.write(b'kept'); file.close()"
)


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_file_never_gets_the_place_of_a_closed_stream(closed: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    done = shell(f"{shlex.join([sys.executable, '-c', TALK, str(file)])} {closed}")
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == b"kept"


def test_nobody_reading_standard_error_is_no_error() -> None:
    talk = (
        "import sys; from snnplug.cli.streams import mend_streams; mend_streams(); sys.stdin.read(); "
        "print('said', file=sys.stderr, flush=True); print('done')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", talk],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    stdout, _ = process.communicate("", timeout=60)
    assert (process.returncode, stdout) == (0, "done\n")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_a_mistake_keeps_its_exit_code_where_it_cannot_be_said(closed: str) -> None:
    if not FULL.exists():
        pytest.skip("no full device here")
    assert shell(f"{PYTHON} -m snnplug lst {closed}").returncode == 2


@pytest.mark.skipif(not FULL.exists(), reason="no full device here")
def test_output_that_cannot_be_written_is_one_line() -> None:
    done = shell(f"{PYTHON} -m snnplug list >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "snnplug: [Errno 28] No space left on device\n"
