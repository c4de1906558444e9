"""Ctrl-C and SIGTERM: one line that says how to go on, however often, and none where it is ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from snnplug.cli.interrupts import Interrupts

SLOW_SEARCH = (
    "-s",
    "search.strategy.draws=5000",
    "-s",
    "search.strategy.use=random",
    "-s",
    "search.scorer.steps=2",
    "--device",
    "cpu",
    "-q",
)


def start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "snnplug", "run", "--out", str(out), *SLOW_SEARCH],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_trials(process: subprocess.Popen[str], out: Path) -> None:
    journal, deadline = out / "trials.journal", time.monotonic() + 120
    while not journal.exists() or journal.stat().st_size < 2000:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_handlers_are_put_back(handlers: None) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_the_first_unwinds_and_is_said_once(
    number: signal.Signals, code: int, word: str, handlers: None, capsys: pytest.CaptureFixture[str]
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(number)
        signal.raise_signal(number)  # the same wish
        caught.value.add_note("continue with: snnplug run --resume runs/x")
        interrupts.say(caught.value)
        interrupts.say()
    assert interrupts.exit_code == code
    assert capsys.readouterr().err == f"snnplug: {word}; continue with: snnplug run --resume runs/x\n"


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_later_one_ends_what_does_not_end_by_itself() -> None:
    script = (
        "import signal, snnplug.cli.interrupts as it; it._PATIENCE = 0.1\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "with it.Interrupts():\n"
        "    while True:\n"
        "        try:\n"
        "            print('on', flush=True)\n"
        "            signal.pause()\n"
        "        except BaseException:\n"
        "            pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(2):
        assert process.stdout.readline() == "on\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "snnplug: interrupted\n")


def test_what_is_ignored_stays_ignored(handlers: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts():
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_repeated_ctrl_c_gives_one_line(tmp_path: Path, handlers: None) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("snnplug_snasnet", reason="the built-in recipe needs the first plugins")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else the run inherits that it is ignored
    out = tmp_path / "run"
    process = start(out)
    wait_for_trials(process, out)
    for _ in range(50):
        process.send_signal(signal.SIGINT)
        time.sleep(0.001)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)  # the last one may find no Python any more
    assert stderr == f"snnplug: interrupted; continue with: snnplug run --resume {out}\n"
    assert not stdout


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_a_job_in_the_background_ends_by_sigterm_alone_and_says_how_to_go_on(
    tmp_path: Path, handlers: None
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("snnplug_snasnet", reason="the built-in recipe needs the first plugins")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = tmp_path / "run"
    process = start(out)
    wait_for_trials(process, out)
    process.send_signal(signal.SIGINT)
    size = (out / "trials.journal").stat().st_size
    while (out / "trials.journal").stat().st_size == size:
        assert process.poll() is None, "it has listened to what it was to ignore"
        time.sleep(0.01)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert stderr == f"snnplug: terminated; continue with: snnplug run --resume {out}\n"


def test_exit_code_of_a_stop_inside_generated_code(tmp_path: Path) -> None:
    """Python ends itself by SIGINT, after all else, if the exception went through `exec` of a text."""
    (tmp_path / "stopped.py").write_text(
        "from snnplug.cli import list_command, main\n"
        "def stopped(**given):\n"
        "    exec('raise KeyboardInterrupt')\n"
        "list_command.command.callback = stopped\n"
        "main(['list'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stopped"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "snnplug: interrupted"
