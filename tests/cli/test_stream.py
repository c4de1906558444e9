"""`snnplug stream`: frames and events from a pipe, a decision after each step."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("snnplug_tet", reason="needs the first plugins")

import numpy as np
import torch

import snnplug
from snnplug.cli import main


def recipe(**tables: Any) -> dict[str, Any]:
    return {
        "dataset": {"use": "digits"},
        "encoder": {"use": "direct", "steps": 4},
        "neuron": {"use": "lif"},
        "architecture": {"use": "dense", "hidden": [24]},
        "loss": {"use": "tet"},
        "train": {"epochs": 4, "batch_size": 128, "optimizer": {"use": "adam", "lr": 0.01}},
        **tables,
    }


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("streams") / "images"
    snnplug.run(recipe(), out=out)
    return out


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for event frames, hardly trained."""
    out = tmp_path_factory.mktemp("streams") / "events"
    tables = {"dataset": {"use": "moving_digits"}, "encoder": {"use": "direct"}}
    tables["train"] = {"epochs": 1, "batch_size": 256, "optimizer": {"use": "adam", "lr": 0.01}}
    snnplug.run(recipe(**tables), out=out)
    return out


def stream(*arguments: object, given: bytes = b"", code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["stream", *map(str, arguments)], input=given)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def saved(*arrays: Any) -> bytes:
    file = io.BytesIO()
    for array in arrays:
        np.save(file, array)
    return file.getvalue()


def pictures(count: int = 3) -> Any:
    return np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32)


def test_arrays_are_samples_and_decisions_are_the_networks(images: Path) -> None:
    run, x = snnplug.load(images), pictures()
    samples = [np.repeat(one[None], 4, 0) for one in x]
    found = lines(stream(images, "--json", given=saved(*samples)))
    assert [(one["sample"], one["step"]) for one in found] == [(s, t) for s in range(3) for t in range(1, 5)]
    prediction = run.predict(torch.from_numpy(x))
    for sample in range(3):
        last = found[4 * sample + 3]
        assert last["label"] == int(prediction.labels[sample])
        assert last["name"] == str(last["label"])
        confidence = float(prediction.probabilities[sample].max())
        assert last["confidence"] == pytest.approx(confidence, abs=2e-6)


def test_every_step_is_the_readout_of_the_outputs_so_far(images: Path) -> None:
    run = snnplug.load(images)
    frames = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    decider = run.stream(sure=0.3)
    mean, std = (getattr(run.predictor().parts.encoder, name) for name in ("mean", "std"))
    normal = frames if mean is None else (frames - mean) / std
    outputs = run.model()(normal.unsqueeze(1)).detach()
    since, before = None, None
    for t, frame in enumerate(frames, 1):
        decision = decider.step(frame)
        probabilities = run.readout(outputs[:t])[0].softmax(0)
        torch.testing.assert_close(decision.probabilities, probabilities, rtol=1e-5, atol=1e-6)
        label = int(probabilities.argmax())
        since = None if probabilities[label] < 0.3 else since if label == before and since else t
        before = label
        assert (decision.step, decision.label, decision.sure) == (t, label, since)
    decider.begin()
    assert decider.step(frames[0]).step == 1


@pytest.mark.parametrize(
    "loss",
    [{"use": "sdt"}, {"use": "lts"}, {"use": "lts", "steps": [0]}],
    ids=str,
)
def test_any_loss_reads_out_what_it_reads_of_the_outputs_so_far(tmp_path: Path, loss: dict[str, Any]) -> None:
    train = {"epochs": 1, "batch_size": 512}
    run = snnplug.run(recipe(loss=loss, train=train), out=tmp_path / "run")
    frame = torch.from_numpy(pictures(1))[0]
    decider = run.stream()
    found = [decider.step(frame) for _ in range(4)]
    outputs = run.model()(run.encode(frame[None])).detach()
    for t, decision in enumerate(found, 1):
        assert decision is not None
        expected = run.readout(outputs[:t])[0].softmax(0)
        torch.testing.assert_close(decision.probabilities, expected, rtol=1e-5, atol=1e-6)


def test_a_loss_that_reads_later_steps_decides_nothing_before(images: Path, monkeypatch: Any) -> None:
    run = snnplug.load(images)
    loss = snnplug.Registry.from_installed(quiet=True).create("loss", "lts", steps=[2])
    monkeypatch.setattr(run.predictor().parts.calls, "loss_module", loss)
    decider, frame = run.stream(), pictures(1)[0]
    found = [decider.step(frame) for _ in range(5)]
    assert [decision is None for decision in found] == [True, True, False, False, False]
    assert len({decision.confidence for decision in found[2:]}) == 1


def test_raw_frames_and_files_and_samples_of_so_many_steps(images: Path, tmp_path: Path) -> None:
    pixels = (255 * pictures(6)).astype(np.uint8)
    (tmp_path / "frames.raw").write_bytes(pixels.tobytes())
    options = "--format", "raw", "--sample", 3, "--json"
    found = lines(stream(images, "--input", tmp_path / "frames.raw", *options))
    assert [(one["sample"], one["step"]) for one in found] == [(s, t) for s in range(2) for t in range(1, 4)]
    floats = (pixels / np.float32(255)).astype("<f4")
    again = lines(stream(images, *options, "--dtype", "float32", given=floats.tobytes()))
    arrays = lines(stream(images, "--json", given=saved(floats[:3], floats[3:])))
    single = lines(stream(images, "--json", "--sample", 3, given=saved(*floats)))
    for one in (again, arrays, single):
        assert [o["label"] for o in one] == [o["label"] for o in found]
        assert [o["confidence"] for o in one] == pytest.approx([o["confidence"] for o in found], abs=1e-5)
    archive = io.BytesIO()
    np.savez(archive, a=floats[:3], b=floats[3:])
    assert lines(stream(images, "--json", given=archive.getvalue())) == arrays


def test_lines_for_people_and_the_last_of_each_sample(images: Path) -> None:
    samples = [np.repeat(one[None], 4, 0) for one in pictures()]
    said = stream(images, "--last", "--sure", 0.05, given=saved(*samples)).stdout.splitlines()
    assert len(said) == 3
    assert said[1].startswith("sample 1  step 4  ")
    assert "  sure since step " in said[0]


def test_events_become_frames_of_a_window(events: Path) -> None:
    run = snnplug.load(events)
    shape = run.stream().shape
    rng = np.random.default_rng(1)
    n, window = 400, 1000
    t = np.sort(rng.integers(0, 5 * window, n))
    t[0] = 0
    x, y, p = (rng.integers(0, high, n) for high in (shape[2], shape[1], 2))
    text = "t,x,y,p\n# a comment\n" + "".join(
        f"{a},{b},{c},{d}\n" for a, b, c, d in zip(t, x, y, p, strict=True)
    )
    found = lines(stream(events, "--format", "events", "--window", window, "--json", given=text.encode()))
    assert [one["time"] for one in found] == [window * k for k in range(1, 6)]
    frames = torch.zeros(5, *shape)
    for a, b, c, d in zip(t, x, y, p, strict=True):
        frames[a // window, d if shape[0] == 2 else 0, c, b] += 1
    if run.stream().binary:
        frames.clamp_(max=1)
    decider = run.stream()
    assert [decider.step(frame).confidence for frame in frames] == pytest.approx(
        [one["confidence"] for one in found], abs=2e-6
    )


def test_windows_without_events_pass(events: Path) -> None:
    given = b"10 1 1 1\n4010 1 1 0\n"
    found = lines(stream(events, "--format", "events", "--window", 1000, "--json", given=given))
    assert [one["time"] for one in found] == [1010, 2010, 3010, 4010, 5010]


# refused


@pytest.mark.parametrize(
    ("options", "given", "words"),
    [
        ((), saved(np.zeros((1, 9, 8), np.float32)), "takes frames [1, 8, 8] or arrays [T, 1, 8, 8]"),
        ((), saved(np.zeros((2, 1, 8, 8), np.float32))[:-1], "the last frame is cut off"),
        ((), b"hello, world", "expected arrays in numpy's format"),
        (("--format", "raw"), bytes(65), "the last frame is cut off: [1, 8, 8] of uint8 are 64 bytes, got 1"),
        (("--sure", "1.5"), b"", "sure must be a confidence above 0 and at most 1, got 1.5"),
        (("--format", "events"), b"", "--window belongs to --format events"),
        (("--window", "5"), b"", "--window belongs to --format events"),
        (("--input", "/nowhere"), b"", "--input /nowhere: No such file"),
    ],
)
def test_wrong_input_is_one_line(images: Path, options: tuple[str, ...], given: bytes, words: str) -> None:
    result = stream(images, *options, given=given, code=2)
    assert words in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"1 2 3", "line 2: expected an event 't x y p' of whole numbers, got '1 2 3'"),
        (b"1 999 3 0", "line 2: x must be below"),
        (b"0 1 1 0", "line 2: events must be in the order of time, got 0 after 1"),
    ],
)
def test_wrong_events_are_named_by_line(events: Path, line: bytes, words: str) -> None:
    given = b"1 1 1 1\n" + line
    result = stream(events, "--format", "events", "--window", 10, given=given, code=2)
    assert words in result.stderr


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"encoder": {"use": "latency", "steps": 4}}, "needs the whole window of a sample"),
        ({"neuron": {"use": "psn"}}, "layers.2 (PSN) needs the whole window of steps"),
    ],
)
def test_what_needs_the_whole_says_why_not(tmp_path: Path, tables: dict[str, Any], words: str) -> None:
    out = tmp_path / "run"
    snnplug.run(recipe(**tables, train={"epochs": 1, "batch_size": 512}), out=out)
    assert words in stream(out, given=b"", code=2).stderr
    if "encoder" in tables:
        shape = (4, *snnplug.load(out).stream(encoded=True).shape)
        assert (
            len(stream(out, "--encoded", given=saved(np.zeros(shape, np.float32))).stdout.splitlines()) == 4
        )


# in a process of its own


def process(run: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "snnplug", "stream", str(run), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def test_decisions_come_while_the_pipe_is_open(images: Path) -> None:
    running = process(images, "--json")
    assert running.stdin is not None and running.stdout is not None and running.stderr is not None
    try:
        for step, frame in enumerate(pictures(3), 1):
            running.stdin.write(saved(frame))
            running.stdin.flush()
            assert json.loads(running.stdout.readline())["step"] == step
        running.send_signal(signal.SIGINT)
        running.wait(60)
        assert running.returncode in (130, -signal.SIGINT)
        assert b"Traceback" not in running.stderr.read()
    finally:
        running.kill()
        running.communicate()


def test_a_reader_that_has_gone_ends_it_quietly(images: Path) -> None:
    running = process(images)
    assert running.stdout is not None and running.stderr is not None
    running.stdout.close()
    try:
        running.communicate(saved(*[np.repeat(one[None], 50, 0) for one in pictures(3)]), timeout=120)
    except ValueError:
        running.wait(120)
    assert b"Traceback" not in (b"" if running.stderr.closed else running.stderr.read())
