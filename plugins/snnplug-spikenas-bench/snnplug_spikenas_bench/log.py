"""One training log, `train_process.txt`: a head, a table of epochs, and a tail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from snnplug.errors import DataError

__all__ = ["LAYERS", "Log", "read_log"]

_EDGES = ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")  # the order of the published code: by target
LAYERS = (
    *(f"{cell}_{edge}" for cell in ("cell1", "cell2") for edge in _EDGES),
    "reduction",
    "last",
    "classifier",
    "all",
)

_TIME = re.compile(r"([\d.]+)hour([\d.]+)minute([\d.]+)second")


class Log(NamedTuple):
    """What a log says; accuracies in [0, 1].

    Attributes:
        parameters: of the network as trained, dead edges included, at 128 channels.
        train_losses, val_accuracies: after each epoch.
        test_accuracy: after the last epoch.
        firing_rates: spikes per neuron and step by layer, those that the network has.
        seconds: of training.
    """

    parameters: int
    train_losses: tuple[float, ...]
    val_accuracies: tuple[float, ...]
    test_accuracy: float
    firing_rates: dict[str, float]
    seconds: float


def read_log(file: Path) -> Log:
    """Read a log.

    Raises:
        DataError: it cannot be read, or is not what the benchmark's authors published.
    """
    try:
        return _parse(file.read_text(encoding="utf-8").splitlines())
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, IndexError, KeyError) as error:
        raise DataError(
            f"{file} is not a training log of SpikeNAS-Bench ({error}); fetch it again or remove its folder"
        ) from error


def _parse(lines: list[str]) -> Log:
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    loss, accuracy = (lines[2].split(", ").index(name) for name in ("train_loss", "val_acc"))
    table = [line.split(", ") for line in lines[3:] if line[:1].isdigit()]
    rates = [float(rate) for rate in fields["firing rate of layers"].split(", ")]
    time = _TIME.search(fields["Elapsed time"])
    if not table or time is None:
        raise ValueError("it has no epochs" if not table else "it has no time")
    hours, minutes, seconds = map(float, time.groups())
    return Log(
        parameters=int(fields["model parameters"]),
        train_losses=tuple(float(row[loss]) for row in table),
        val_accuracies=tuple(float(row[accuracy]) / 100 for row in table),
        test_accuracy=float(fields["test accuracy"]) / 100,
        firing_rates={name: rate for name, rate in zip(LAYERS, rates, strict=True) if rate >= 0},
        seconds=3600 * hours + 60 * minutes + seconds,
    )
