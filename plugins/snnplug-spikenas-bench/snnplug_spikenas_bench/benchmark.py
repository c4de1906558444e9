"""SpikeNAS-Bench (IEEE TAI 2025): all 15,625 networks of one cell space, each trained on CIFAR-10.

The cells are those of SNASNet without feedback, with convolutions of three thresholds; both cells
of a network are equal, 128 channels wide, LIF with tau = 4/3 time steps, T = 5, SGD for 100 epochs
(some of the logs: 200) on one half of the training images. Accuracies while training are on the other
half. The logs are not part of this package: they have no licence, so everyone reads their own copy of
https://github.com/tju-sun-lab/SpikeNAS-Bench.
"""

from __future__ import annotations

import os
from pathlib import Path

from snnplug import Benchmark, TrainedNetwork
from snnplug.errors import DataError
from snnplug_spikenas_bench.cell import CELLS, OPERATIONS, PAIRS, canonical, decode, live, text
from snnplug_spikenas_bench.log import read_log

__all__ = ["spikenas_bench"]

_FILE = "train_process.txt"
_FIXED_SPIKING_LAYERS = 3  # reduction, last, hidden layer of the classifier


def spikenas_bench(*, root: str) -> Benchmark:
    """Read the networks whose logs are there.

    Args:
        root: folder of the repository, or its folder `data/CIFAR10`, which holds
            `<number>/train_process.txt`. It may hold a part of the networks.

    Raises:
        DataError: there are no logs, or one cannot be read.
    """
    try:
        folder = _folder(Path(os.path.expanduser(root)))  # a home that is not there leaves the ~
    except PermissionError as error:
        raise DataError(f"cannot read root = {str(root)!r}: {error.strerror}") from error
    numbers = sorted(int(path.parent.name) for path in folder.glob(f"[0-9]*/{_FILE}"))
    networks = tuple(_network(number, folder / str(number) / _FILE) for number in numbers)
    unique = len({network.key for network in networks if network.genotype is not None})
    idle = sum(network.genotype is None for network in networks)
    return Benchmark(
        networks=networks,
        recipe={
            "dataset": {"use": "cifar10", "val_fraction": 0.0},
            "encoder": {"use": "direct", "steps": 5},
            "neuron": {"use": "lif", "tau": 4 / 3, "threshold": 1.0},
            "search": {
                "space": {
                    "use": "snasnet",
                    "channels": 16,
                    "backward": False,
                    "require_direct": False,
                    "operations": list(OPERATIONS),
                }
            },
        },
        note=f"{len(networks):,} of {CELLS:,} networks of SpikeNAS-Bench, CIFAR-10: {unique:,} functionally "
        f"different, {idle:,} without a path from input to output",
    )


def _folder(root: Path) -> Path:
    for folder in (root / "data" / "CIFAR10", root / "CIFAR10", root):
        if any(folder.glob(f"[0-9]*/{_FILE}")):
            return folder
    raise DataError(
        f"no training logs of SpikeNAS-Bench in root = {str(root)!r}: expected data/CIFAR10/<number>/{_FILE} "
        "there; clone https://github.com/tju-sun-lab/SpikeNAS-Bench and give its folder"
    )


def _network(number: int, file: Path) -> TrainedNetwork:
    log = read_log(file)
    try:
        cell = decode(number)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error
    alive, same = live(cell), canonical(cell)
    codes = [same.get(pair, 0) for pair in PAIRS]
    convolutions = sum(code > 1 for code in alive.values())
    return TrainedNetwork(
        id=str(number),
        genotype=text(cell) if alive else None,
        key=text(same),
        accuracy=log.test_accuracy,
        epochs=log.val_accuracies,
        losses=log.train_losses,
        structure=tuple(OPERATIONS[code] for code in codes),
        facts={
            "parameters": float(log.parameters),
            "spiking_layers": float(2 * convolutions + _FIXED_SPIKING_LAYERS) if alive else 0.0,
            "seconds": log.seconds,
            **{f"firing_rate.{layer}": rate for layer, rate in log.firing_rates.items()},
        },
    )
