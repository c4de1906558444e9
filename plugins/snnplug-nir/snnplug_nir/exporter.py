"""NIR files: one canonical form, and dialects for readers that take other words for the same.

Pedersen et al., *Neuromorphic intermediate representation: a unified instruction set for interoperable
brain-inspired computing*, Nature Communications 2024, arXiv:2311.14641. What a file says is read back into
neurons of our own before anybody sees it; a network that computes something between its layers is refused so.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import nir
import torch
from annotated_types import Gt
from torch import Tensor, nn

import snnplug
from snnplug import Exported, LayerGraph, Reader, check_ranges
from snnplug.errors import ExportError
from snnplug.nn import SpikingNeuron, layer_graph, sent_by_layers
from snnplug_nir.graph import Written, to_graph
from snnplug_nir.network import NIRNetwork
from snnplug_nir.neurons import Dialect

__all__ = ["NIR"]

_FOLDER = Path(__file__).parent / "readers"
_AGREED = 1e-4  # seconds of a time step that all readers take
_CLOSE = 1e-3  # of outputs
_ENOUGH = 0.98  # share of spikes that rounding leaves; a network that computes something else has fewer


def _reader(name: str, module: str, distribution: str, refuses: str = "") -> Reader:
    script = _FOLDER / f"read_{name}.py"
    return Reader(name=name, module=module, distribution=distribution, script=script, refuses=refuses)


_READERS = {
    reader.name: reader
    for reader in (
        _reader("spikingjelly", "spikingjelly", "spikingjelly"),
        _reader("nirtorch", "nirtorch", "nirtorch"),
        _reader(
            "snntorch",
            "snntorch",
            "snntorch",
            "its time step is 0.0001 s whatever the file says, it fires above the threshold alone, and has "
            "no neuron without a leak: dialect 'snntorch'",
        ),
        _reader(
            "norse",
            "norse",
            "norse",
            "it ignores r and v_reset, fires above the threshold alone, and has no average: dialect 'norse'",
        ),
        _reader(
            "sinabs",
            "sinabs",
            "sinabs",
            "it takes tau in steps and an exponential decay, and ignores r: dialect 'sinabs'",
        ),
        _reader("snnplug", "snnplug_nir", "snnplug-nir"),
    )
}
_READ_BY = {
    "canonical": ("snnplug", "spikingjelly", "nirtorch", "snntorch", "norse"),
    "norse": ("norse",),
    "snntorch": ("snntorch",),
    "sinabs": ("sinabs",),
}


@check_ranges
class NIR:
    """NIR files.

    Args:
        dialect: "canonical", or the reader in whose words neurons and pools are written: "norse", "snntorch",
            "sinabs".
        dt: seconds of a time step; snnTorch cannot be told another than 0.0001.
    """

    def __init__(self, *, dialect: Dialect = "canonical", dt: Annotated[float, Gt(0)] = _AGREED) -> None:
        self.dialect, self.dt = dialect, dt
        self.suffix = ".nir" if dialect == "canonical" else f".{dialect}.nir"
        names = [name for name in _READ_BY[dialect] if name != "snntorch" or dt == _AGREED]
        self.readers = tuple(_READERS[name] for name in names)

    def __call__(self, network: nn.Module, x: Tensor, path: Path) -> Exported:
        """Write a network; see `snnplug.Exporter`."""
        layers = layer_graph(network, x[:, :1])
        modules = dict(network.named_modules())
        with torch.no_grad():
            shapes = tuple(x.shape[2:]), tuple(network(x[:, :1]).shape[2:])
        written = to_graph(layers, modules, _starts(network, layers), *shapes, self.dt, self.dialect)
        if self.dialect == "canonical":
            _check(network, x, written, self.dt)
        after = _after_import(modules, layers) if self.dialect == "sinabs" else []
        written.graph.metadata = {
            "writer": f"snnplug {snnplug.__version__}",
            "dt": self.dt,
            "dialect": self.dialect,
            "rounding": "explicit Euler; a potential equal to the threshold fires",
            "after_import": "; ".join(after),
        }
        nir.write(path, written.graph)
        return Exported(files=[path], layers=written.neurons, notes=self._notes(layers, after))

    def _notes(self, layers: LayerGraph, after: Sequence[str]) -> list[str]:
        told = [f"one step of time is {self.dt:g} s"]
        if self.dialect != "canonical":
            told.append(f"it is written in the words of {self.dialect}: others read something else into it")
        told += [f"after the import set {what} of all neurons" for what in after]
        if any(len(layer.in_shape) > 1 for layer in layers.layers if layer.kind == "linear"):
            told.append(
                "readers that count the batch as an axis flatten it too: give them one sample at a time"
            )
        return told


def _starts(network: nn.Module, layers: LayerGraph) -> Mapping[str, Tensor]:
    """Return the potential of each layer of neurons before the first step."""
    modules, found = dict(network.named_modules()), {}
    for layer in layers.neurons:
        neuron = modules[layer.name]
        if isinstance(neuron, SpikingNeuron) and neuron.dynamics() is not None:
            with torch.no_grad():
                found[layer.name] = neuron.initial_state(torch.zeros(1, *layer.in_shape)).v[0]
    return found


def _check(network: nn.Module, x: Tensor, written: Written, dt: float) -> None:
    """Read the graph back, in double precision, in which rounding decides nothing.

    Raises:
        ExportError: it does something else than the network.
    """
    ours = sent_by_layers(copy.deepcopy(network).double(), x.double(), margins=False)
    theirs = sent_by_layers(NIRNetwork(written.graph, dt=dt).double(), x.double(), margins=False)
    for node, layer in written.neurons.items():
        sent, read = ours.layers[layer], theirs.layers[f"nodes.{node}"]
        if sent.shape != read.shape:
            raise ExportError([f"{layer} runs several times in a pass, which a graph of NIR does not"])
        share = float((sent == read).double().mean())
        if share < _ENOUGH:
            raise ExportError(
                [
                    f"the network computes something before {layer} that is no layer of it: the graph "
                    f"gives {share:.1%} of its spikes; let layers with weights do it"
                ]
            )
    room = _CLOSE * float(ours.output.abs().max())
    if not torch.allclose(ours.output, theirs.output, rtol=_CLOSE, atol=room):
        raise ExportError(["the network changes values behind its last layer; let layers with weights do it"])


def _after_import(modules: Mapping[str, nn.Module], layers: LayerGraph) -> list[str]:
    """Return what sinabs cannot be told by a file.

    Raises:
        ExportError: neurons are reset in several ways.
    """
    told = [modules[layer.name].dynamics() for layer in layers.neurons]  # type: ignore[operator]
    resets = {dynamics.reset for dynamics in told}
    if len(resets) > 1:
        raise ExportError(
            [f"neurons are reset in several ways ({', '.join(sorted(resets))}), sinabs knows one"]
        )
    hard = ["reset_fn=MembraneReset()"] if "hard" in resets else []
    return ["spike_fn=SingleSpike", "min_v_mem=None", *hard]
