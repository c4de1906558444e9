"""Conformance of exporters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from snnplug.contracts import Exported, Exporter, Reader
from snnplug.contracts.export import OUTPUT
from snnplug.engine.agreement import agreements
from snnplug.engine.read_back import Place, Refused, read_back, version_there
from snnplug.nn import IntegrateAndFire, Leak, TimeSequential
from snnplug.nn.margins import sent_by_layers
from snnplug.registry.component import Component
from snnplug.testing.base import Conformance

__all__ = ["ExporterConformance", "tiny_inputs", "tiny_network"]


class _Neuron(IntegrateAndFire):
    def __init__(self) -> None:
        super().__init__(
            threshold=0.5, reset="hard", reset_value=0.0, detach_reset=True, surrogate="atan", alpha=None
        )

    def leak(self) -> Leak:
        return Leak(tau=2.0)


class ExporterConformance(Conformance):
    """Checks of an exporter: it writes a tiny network, and whoever is installed reads it back as what it is.

    class TestArrays(ExporterConformance):
        name = "acme-arrays:arrays"
    """

    kind = "exporter"

    def write(self, component: Component, folder: Path, seed: int = 0) -> tuple[Exporter, Exported]:
        """Write the tiny network of a seed as `tiny` with the format's suffix."""
        exporter: Exporter = component.build()
        exported: Any = exporter(tiny_network(seed), tiny_inputs(), folder / f"tiny{exporter.suffix}")
        assert isinstance(exported, Exported), f"an exporter must return a snnplug.Exported, got {exported!r}"
        return exporter, exported

    def test_it_says_what_it_writes_and_who_reads_it(self, component: Component) -> None:
        """A suffix, and readers whose programs are there."""
        exporter: Any = component.build()
        suffix, readers = getattr(exporter, "suffix", None), getattr(exporter, "readers", None)
        assert isinstance(suffix, str) and suffix.startswith("."), (
            f"set self.suffix to that of its files, with the dot, got {suffix!r}"
        )
        assert isinstance(readers, list | tuple) and readers, (
            f"set self.readers to a list of one snnplug.Reader at least that reads the file back: {readers!r}"
        )
        for reader in readers:
            assert isinstance(reader, Reader), f"readers must be snnplug.Readers, got {reader!r}"
            assert Path(reader.script).is_file(), (
                f"the program of the reader {reader.name} is no file: {reader}"
            )

    def test_it_writes_the_file_it_is_given(self, component: Component, tmp_path: Path) -> None:
        """The first file is the one that was asked for, and nothing lies elsewhere."""
        exporter, exported = self.write(component, tmp_path)
        files = [Path(file) for file in exported.files]
        expected = tmp_path / f"tiny{exporter.suffix}"
        assert files and files[0] == expected, f"the first of Exported.files must be {expected}, got {files}"
        there = set(tmp_path.iterdir())
        assert there == set(files), f"Exported.files must name all that was written: {sorted(there)}"

    def test_the_network_stays_as_it_is(self, component: Component, tmp_path: Path) -> None:
        """Weights and mode are as before."""
        network = tiny_network()
        exporter: Exporter = component.build()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        exporter(network, tiny_inputs(), tmp_path / f"tiny{exporter.suffix}")
        changed = [
            name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
        ]
        assert not changed and not network.training, (
            "the network must stay as it was given; work on a copy: changed are "
            f"{', '.join(changed) or 'its mode'}"
        )

    def test_it_is_read_back_as_what_it_is(self, component: Component, tmp_path: Path) -> None:
        """Every installed reader gives the values of the network, and not those of another."""
        exporter, exported = self.write(component, tmp_path)
        there = [Place(reader) for reader in exporter.readers]
        there = [place for place in there if version_there(place)]
        if not there:
            pytest.skip(f"none of its readers is installed: {', '.join(r.name for r in exporter.readers)}")
        read = []
        for place in there:
            try:
                answered = _answers(place, exported, tmp_path)
            except Refused:
                continue  # it says so itself
            read.append(place.reader.name)
            own, other = (_least(answered, _expected(exported, seed)) for seed in (0, 1))
            assert own == 1, f"{read[-1]} reads other values than the network's: {own:.4f} of them are equal"
            assert other < 1, (
                f"{read[-1]} answers the same for a network with other weights: the file must hold the "
                "weights, and the reader must run them"
            )
        assert read, f"no reader that is installed reads the file: {', '.join(p.reader.name for p in there)}"


def _answers(place: Place, exported: Exported, folder: Path) -> dict[str, Any]:
    """Return what a reader answers to the tiny inputs, by layer of the network."""
    inputs, result = folder / "inputs.npz", folder / "result.npz"
    np.savez(inputs, x=tiny_inputs().numpy())
    result.unlink(missing_ok=True)
    answered = read_back(place, Path(exported.files[0]), inputs, result)
    return {exported.layers.get(name, name): value for name, value in answered.items()}


def _expected(exported: Exported, seed: int) -> dict[str, Any]:
    """Return what readers are to answer of the tiny network of a seed."""
    if exported.expected is not None:
        return {name: np.asarray(value, dtype=float) + seed for name, value in exported.expected.items()}
    sent = sent_by_layers(tiny_network(seed), tiny_inputs())
    layers = {name: sent.layers[name] for name in exported.layers.values()}
    return {name: value.double().numpy() for name, value in {**layers, OUTPUT: sent.output}.items()}


def _least(answered: dict[str, Any], expected: dict[str, Any]) -> float:
    """Return the least share of equal values over the layers."""
    return min(one.share or 0.0 for one in agreements(expected, answered))


def tiny_network(seed: int = 0) -> TimeSequential:
    """Return a network in evaluation mode: convolution, norm, neurons, average pool, and a linear layer.

    Args:
        seed: of its weights.
    """
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    network = TimeSequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        _Neuron(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 8),
        _Neuron(),
        nn.Linear(8, 3),
    )
    torch.random.set_rng_state(state)
    return network.eval()


def tiny_inputs() -> Tensor:
    """Return inputs `[4, 2, 1, 8, 8]` for it."""
    return 2 * torch.rand((4, 2, 1, 8, 8), generator=torch.Generator().manual_seed(0))
