"""`snnplug stream`: a trained network on frames or events from a pipe, a decision after each step."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from snnplug.cli.run_argument import RunPath

if TYPE_CHECKING:
    from snnplug.engine.stream_input import Frame
    from snnplug.engine.streaming import Decision, Stream

__all__ = ["command"]


@click.command("stream")
@click.argument("directory", metavar="RUN", type=RunPath())
@click.option(
    "--input", "file", type=click.Path(path_type=Path), help="File to read [default: standard input]."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["npy", "raw", "events"]),
    default="npy",
    show_default=True,
    help="Arrays of numpy one after the other, raw frames, or lines 't x y p'.",
)
@click.option(
    "--dtype",
    type=click.Choice(["uint8", "float32"]),
    default="uint8",
    show_default=True,
    help="Of raw frames.",
)
@click.option(
    "--window", type=click.IntRange(1), metavar="US", help="Microseconds of events that make a frame."
)
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=0,
    metavar="STEPS",
    help="Begin another sample after so many steps; 0: only where an array [T, ...] begins.",
)
@click.option("--encoded", is_flag=True, help="Frames are as the network takes them.")
@click.option("--sure", default=0.9, show_default=True, help="Confidence from which a decision is sure.")
@click.option("--last", is_flag=True, help="Print the last decision of each sample only.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line each.")
@click.pass_context
def command(
    ctx: click.Context,
    directory: Path,
    file: Path | None,
    form: str,
    dtype: Any,
    window: int | None,
    sample: int,
    encoded: bool,
    sure: float,
    last: bool,
    device: str,
    as_json: bool,
) -> None:
    """Run the trained network of RUN step by step on what comes from a pipe, in constant memory.

    Prints a decision after each step: what the network says, how confident it is, and since which step it has
    been sure.
    """
    if (form == "events") != (window is not None):
        ctx.fail("--window belongs to --format events, and has to be given there")
    from snnplug.engine.result import load

    stream = load(directory).stream(device=device, sure=sure, encoded=encoded)
    opened: BinaryIO = sys.stdin.buffer if file is None else _open(ctx, file)
    with opened:
        told: tuple[int, Decision, int | None] | None = None
        number, begun = 0, False
        for frame in _frames(stream, opened, form, dtype, window):
            if begun and (frame.first or (sample and stream.steps >= sample)):
                if last and told is not None:
                    _tell(*told, as_json=as_json)
                stream.begin()
                told, number = None, number + 1
            begun = True
            decision = stream.step(frame.values)
            if decision is not None:
                told = number, decision, frame.time
                if not last:
                    _tell(*told, as_json=as_json)
        if last and told is not None:
            _tell(*told, as_json=as_json)


def _open(ctx: click.Context, file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        ctx.fail(f"--input {file}: {error.strerror}")


def _frames(stream: Stream, file: BinaryIO, form: str, dtype: Any, window: int | None) -> Iterator[Frame]:
    from snnplug.engine.stream_input import array_frames, event_frames, raw_frames

    if form == "raw":
        return raw_frames(file, stream.shape, dtype)
    if form == "npy":
        return array_frames(file, stream.shape)
    assert window is not None
    lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace")
    return event_frames(lines, stream.shape, window, binary=stream.binary)


def _tell(number: int, decision: Decision, time: int | None, *, as_json: bool) -> None:
    if as_json:
        record = {
            "sample": number,
            "step": decision.step,
            "time": time,
            "label": decision.label,
            "name": decision.name,
            "confidence": round(decision.confidence, 6),
            "sure": decision.sure,
        }
        print(json.dumps({k: v for k, v in record.items() if k != "time" or time is not None}), flush=True)
        return
    at = "" if time is None else f"  t={time} us"
    sure = "" if decision.sure is None else f"  sure since step {decision.sure}"
    line = f"sample {number}  step {decision.step}{at}  {decision.name}  {decision.confidence:.4f}{sure}"
    print(line, flush=True)
