"""The network of a NIR graph, built of our own neurons.

    LIF    h = v + dt/tau (v_leak - v + r x)
    IF     h = v + dt r x

`dt` is what the file says, or is given where it does not. A current that counts otherwise than in our neurons
is undone in threshold and reset: with g = r dt / tau, h / g = v / g + ... fires at threshold / g.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import torch
from torch import Tensor, nn

from snnplug.errors import ContractError, DataError
from snnplug.nn import TimeModule, fold
from snnplug_nir.neuron import NIRNeuron

__all__ = ["NIRNetwork", "read_graph"]

_CLOSE = 1e-5  # relative, of constants that were float32


class NIRNetwork(TimeModule):
    """A network: input `[T, B, *]` to outputs `[T, B, *]`.

    Args:
        graph: of NIR, without edges that lead back.
        dt: seconds of a time step; None for what the graph says.

    Raises:
        ContractError: it has a node that is not known, several inputs or outputs, a way back, or neurons of
            one layer that are not alike.
    """

    def __init__(self, graph: nir.NIRGraph, *, dt: float | None = None) -> None:
        super().__init__()
        dt = _step(graph) if dt is None else dt
        nodes: Mapping[str, Any] = graph.nodes
        ends = [name for name, node in nodes.items() if isinstance(node, nir.Input | nir.Output)]
        kinds = [type(nodes[name]).__name__ for name in ends]
        if sorted(kinds) != ["Input", "Output"]:
            raise ContractError(
                f"the graph has {', '.join(kinds) or 'no ends'}; one Input and one Output are read"
            )
        self.inputs, self.outputs = (
            next(name for name in ends if isinstance(nodes[name], kind)) for kind in (nir.Input, nir.Output)
        )
        self.sources = {name: [a for a, b in graph.edges if b == name] for name in nodes}
        try:
            order = TopologicalSorter(self.sources).static_order()
            self.order = [name for name in order if name not in ends]
        except CycleError as error:
            raise ContractError(
                f"edges lead back ({' to '.join(error.args[1])}), which is not read"
            ) from error
        self.nodes = nn.ModuleDict({name: _module(name, nodes[name], dt) for name in self.order})

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, *]` to `[T, B, *]`."""
        found = {self.inputs: x}
        for name in self.order:
            given, module = self._given(name, found), self.nodes[name]
            found[name] = module(given) if isinstance(module, TimeModule) else fold(module, given)
        return self._given(self.outputs, found)

    def _given(self, name: str, found: Mapping[str, Tensor]) -> Tensor:
        first, *others = (found[source] for source in self.sources[name])
        for other in others:
            first = first + other
        return first


def read_graph(file: Path) -> nir.NIRGraph:
    """Return the graph of a file.

    Raises:
        DataError: it is missing, or no NIR file.
    """
    if not file.is_file():
        raise DataError(f"{file} is no file; give the NIR file that another tool has written")
    try:
        if not h5py.is_hdf5(file):
            raise ValueError("it is no HDF5 file")
        graph = nir.read(file)
    except Exception as error:  # whatever h5py and nir raise at what others write
        raise DataError(f"{file} cannot be read as NIR: {str(error).splitlines()[0]}") from error
    if not isinstance(graph, nir.NIRGraph):
        raise DataError(f"{file} holds a {type(graph).__name__}, and a whole graph is read")
    return graph


def _step(graph: nir.NIRGraph) -> float:
    found = (graph.metadata or {}).get("dt")
    if found is None:
        raise ContractError(
            "the file does not say how long a time step is; give dt in seconds, for many writers 0.0001"
        )
    return float(found)


def _module(name: str, node: Any, dt: float) -> nn.Module:
    if isinstance(node, nir.LIF):
        return _lif(name, node, dt)
    if isinstance(node, nir.IF):
        gain = _alike(name, "r", node.r) * dt
        return NIRNeuron(tau=None, **_scaled(name, node, gain))
    if isinstance(node, nir.Affine | nir.Linear):
        return _filled(nn.Linear(*reversed(node.weight.shape), bias=isinstance(node, nir.Affine)), node)
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        kind = nn.Conv1d if isinstance(node, nir.Conv1d) else nn.Conv2d
        outputs, inputs, *kernel = node.weight.shape
        groups = int(node.groups)
        sizes = [_sizes(getattr(node, key), len(kernel)) for key in ("stride", "padding", "dilation")]
        return _filled(kind(inputs * groups, outputs, tuple(kernel), *sizes, groups), node)
    if isinstance(node, nir.AvgPool2d | nir.SumPool2d):
        kernel, stride, padding = (_sizes(getattr(node, k), 2) for k in ("kernel_size", "stride", "padding"))
        sums = isinstance(node, nir.SumPool2d)
        return nn.AvgPool2d(kernel, stride, padding, divisor_override=1 if sums else None)
    if isinstance(node, nir.Flatten):
        first, last = (int(end) + 1 if int(end) >= 0 else int(end) for end in (node.start_dim, node.end_dim))
        return nn.Flatten(first, last)
    raise ContractError(f"{name} is a {type(node).__name__}, which is not read")


def _lif(name: str, node: nir.LIF, dt: float) -> NIRNeuron:
    rate = dt / _alike(name, "tau", node.tau)
    if not 0 < rate < 1:
        raise ContractError(f"{name} has tau = {dt / rate:g} s, no more than a time step of {dt:g} s")
    r, rest = _alike(name, "r", node.r), _alike(name, "v_leak", node.v_leak)
    reset = _alike(name, "v_reset", node.v_reset)
    if rest != reset:
        raise ContractError(f"{name} leaks towards {rest:g} and is reset to {reset:g}, which must be one")
    threshold = _alike(name, "v_threshold", node.v_threshold)
    tau = _whole(1 / rate)
    if abs(r - 1) <= _CLOSE:
        return NIRNeuron(tau=tau, threshold=threshold, reset_value=reset, decay_input=True)
    return NIRNeuron(tau=tau, **_scaled(name, node, r * rate))


def _scaled(name: str, node: Any, gain: float) -> dict[str, float]:
    """Return threshold and reset for a current that counts `gain`."""
    gain = 1.0 if abs(gain - 1) <= _CLOSE else gain
    if not gain > 0:
        raise ContractError(f"{name} counts its input {gain:g} times, which must be above 0")
    threshold, reset = _alike(name, "v_threshold", node.v_threshold), _alike(name, "v_reset", node.v_reset)
    return {"threshold": threshold / gain, "reset_value": reset / gain}


def _whole(tau: float) -> float:
    """Return a time constant in steps as it was before it was written in float32 seconds."""
    short = float(f"{tau:.6g}")
    return short if abs(short - tau) <= 2e-7 * tau else tau


def _alike(name: str, key: str, values: Any) -> float:
    found = np.unique(np.asarray(values))
    if len(found) != 1:
        raise ContractError(f"the neurons of {name} have {len(found)} values of {key}; one for all is read")
    return float(found[0])


def _filled(module: nn.Module, node: Any) -> nn.Module:
    with torch.no_grad():
        for key in ("weight", "bias"):
            held = getattr(module, key)
            if held is not None:
                held.copy_(torch.from_numpy(np.asarray(getattr(node, key))))
    return module


def _sizes(value: Any, axes: int) -> Any:
    if isinstance(value, str):
        return value
    sizes = [int(one) for one in np.atleast_1d(value)]
    return tuple(sizes if len(sizes) == axes else sizes * axes)
