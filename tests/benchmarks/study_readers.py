"""Which reader of NIR files gives our spikes: neurons of ours in two networks, by reader and dialect.

    python tests/benchmarks/study_readers.py [--seeds 5] [--reader sinabs=PYTHON]

prints a table in Markdown: the least share of equal spikes over layers and seeds. Readers that are not
installed are left out; one may run in the Python of another environment.
"""

from __future__ import annotations

import argparse
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
from snnplug.engine.read_back import Place, Refused, read_back, version_there
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


def share(place: Place, exporter: NIR, network: nn.Module, x: Tensor) -> float | str:
    """Return the least share of equal spikes of a reader over the layers, or why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        file, inputs, result = (Path(folder) / name for name in ("model.nir", "inputs.npz", "result.npz"))
        try:
            exported = exporter(network, x, file)
            np.savez(inputs, x=x.numpy())
            answered = read_back(place, file, inputs, result)
        except ExportError:
            return "not written"
        except Refused:
            return "not read"
    sent = sent_by_layers(network, x)
    expected = {name: y.double().numpy() for name, y in {**sent.layers, "output": sent.output}.items()}
    known = {exported.layers.get(name, name): value for name, value in answered.items()}
    return min(one.share or 0.0 for one in agreements(expected, known))


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
    registry = Registry.from_installed()
    columns = []
    for dialect in DIALECTS:
        exporter = NIR(dialect=dialect)
        for reader in exporter.readers:
            place = Place(reader, pythons.get(reader.name, ""))
            if version := version_there(place):
                columns.append((f"{reader.name} {version}, {dialect}", exporter, place))
    print("| neuron, network |", " | ".join(name for name, *_ in columns), "|")
    print("|---|" + "---:|" * len(columns))
    for label, table in NEURONS.items():
        for make in (dense, convolutional):
            cells = []
            for _, exporter, place in columns:
                found = []
                for seed in range(given.seeds):
                    torch.manual_seed(seed)
                    neuron = registry.component("neuron", table, "neuron")
                    network, x = make(neuron.build)
                    found.append(share(place, exporter, network.eval(), x))
                    if isinstance(found[-1], str):
                        break
                cells.append(told(found))
            print(f"| {label}, {make.__name__} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
