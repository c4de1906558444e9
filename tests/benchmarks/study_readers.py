"""Which reader of NIR files gives our spikes: neurons of ours in two networks, by reader and dialect.

    python tests/benchmarks/study_readers.py [--seeds 5] [--reader sinabs=PYTHON]

prints a table in Markdown: the least share of equal spikes over layers and seeds. Readers that are not
installed are left out; one may run in the Python of another environment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from snnplug_nir.exporter import NIR
from snnplug_nir.neurons import DIALECTS
from torch import Tensor, nn

from snnplug import Registry
from snnplug.engine.agreement import agreements
from snnplug.engine.read_back import Place, version_there
from snnplug.errors import ExportError
from snnplug.nn import TimeSequential, sent_by_layers

NEURONS: dict[str, dict[str, Any]] = {
    "LIF, decay_input": {"use": "lif"},
    "LIF, no decay_input": {"use": "lif", "decay_input": False},
    "LIF, tau 4/3": {"use": "lif", "tau": 4 / 3},
    "LIF, reset_value -0.5": {"use": "lif", "reset_value": -0.5},
    "LIF, soft reset": {"use": "lif", "reset": "soft"},
    "IF": {"use": "if"},
    "PLIF": {"use": "plif"},
    "Leaky, reset to zero": {"use": "leaky", "reset_mechanism": "zero"},
}


def dense(new: Any) -> tuple[nn.Module, Tensor]:
    """Return two linear layers with neurons, and 200 steps of four samples."""
    return TimeSequential(nn.Linear(6, 32), new(), nn.Linear(32, 8), new()), 2 * torch.rand(200, 4, 6)


def convolutional(new: Any) -> tuple[nn.Module, Tensor]:
    """Return convolution, norm, pool, flatten and linear with neurons, and 50 steps of three samples."""
    norm = nn.BatchNorm2d(8)
    nn.init.normal_(norm.running_mean)  # type: ignore[arg-type]
    nn.init.uniform_(norm.running_var, 0.5, 2)  # type: ignore[arg-type]
    head = nn.Conv2d(2, 8, 3, padding=1), norm, new(), nn.AvgPool2d(2), nn.Conv2d(8, 8, 3, stride=2), new()
    return TimeSequential(*head, nn.Flatten(), nn.Linear(32, 5), new()), 2 * torch.rand(50, 3, 2, 10, 10)


MANY = """
import runpy, sys
script, *cases = sys.argv[1:]
sys.path.insert(0, script.rpartition("/")[0])
for case in cases:
    sys.argv = [script, case + "/model.nir", case + "/inputs.npz", case + "/result.npz"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        pass
"""


def write(exporter: NIR, network: nn.Module, x: Tensor, folder: Path) -> dict[str, np.ndarray] | None:
    """Write a network and its inputs; return what it sends, by the names in the file, None if refused."""
    folder.mkdir()
    try:
        exported = exporter(network, x, folder / "model.nir")
    except ExportError:
        return None
    np.savez(folder / "inputs.npz", x=x.numpy())
    sent = sent_by_layers(network, x)
    layers = {node: sent.layers[layer].double().numpy() for node, layer in exported.layers.items()}
    return {**layers, "output": sent.output.double().numpy()}


def share(expected: dict[str, np.ndarray] | None, folder: Path) -> float | str:
    """Return the least share of equal spikes over the layers, or why there is none."""
    if expected is None:
        return "not written"
    if not (folder / "result.npz").exists():
        return "not read"
    with np.load(folder / "result.npz") as answered:
        return min(one.share or 0.0 for one in agreements(expected, dict(answered)))


def column(exporter: NIR, place: Place, seeds: int, root: Path) -> dict[str, str]:
    """Return the cells of a reader, by row; it reads all files in one process."""
    registry, expected = Registry.from_installed(), {}
    for label, table in NEURONS.items():
        neuron = registry.component("neuron", table, "neuron")
        for make in (dense, convolutional):
            for seed in range(seeds):
                torch.manual_seed(seed)
                network, x = make(neuron.build)
                folder = root / str(len(expected))
                expected[f"{label}, {make.__name__}", seed] = (
                    folder,
                    write(exporter, network.eval(), x, folder),
                )
    cases = [str(folder) for folder, sent in expected.values() if sent is not None]
    script = str(place.reader.script)
    subprocess.run([place.python or sys.executable, "-c", MANY, script, *cases], capture_output=True)
    rows = dict.fromkeys(row for row, _ in expected)
    return {row: told([share(*expected[row, seed][::-1]) for seed in range(seeds)]) for row in rows}


def told(found: list[float | str]) -> str:
    """Return the least of shares, rounded down, or the word that stands for one."""
    words = [one for one in found if isinstance(one, str)]
    if words:
        return words[0]
    least = min(one for one in found if not isinstance(one, str))
    return "1" if least == 1 else f"{int(least * 1000) / 1000:.3f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--reader", action="append", default=[], metavar="NAME=PYTHON")
    given = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in given.reader)
    columns = {}
    for dialect in DIALECTS:
        exporter = NIR(dialect=dialect)
        for reader in exporter.readers:
            place = Place(reader, pythons.get(reader.name, ""))
            if version := version_there(place):
                with tempfile.TemporaryDirectory() as root:
                    name = f"{reader.name} {version}, {dialect}"
                    columns[name] = column(exporter, place, given.seeds, Path(root))
    print("| neuron, network |", " | ".join(columns), "|")
    print("|---|" + "---:|" * len(columns))
    for row in next(iter(columns.values())):
        print(f"| {row} | {' | '.join(cells[row] for cells in columns.values())} |")


if __name__ == "__main__":
    main()
