"""A network as a graph of NIR.

One node for a layer, one edge for each layer that its input adds up. A convolution or fully connected layer
takes the batch norms behind it; a norm that folds into nothing becomes a convolution of one pixel. Before a
fully connected layer that takes images there is a node that flattens them. Where the network returns means
over groups of neighbouring outputs ("voting"), an `Affine` node takes them.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from typing import Any

import attrs
import nir
import numpy as np
import torch
from torch import Tensor, nn

from snnplug import Layer, LayerGraph
from snnplug.errors import ExportError
from snnplug.nn import SpikingNeuron
from snnplug_nir.neurons import Dialect, neuron_node
from snnplug_nir.weights import Weights, folded_weights, norm_factors

__all__ = ["Written", "to_graph"]


@attrs.frozen(eq=False)
class Written:
    """A graph, and the layers of neurons by the names of their nodes."""

    graph: nir.NIRGraph
    neurons: Mapping[str, str]


def to_graph(
    network: LayerGraph,
    modules: Mapping[str, nn.Module],
    starts: Mapping[str, Tensor],
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    dt: float,
    dialect: Dialect,
) -> Written:
    """Return a network as NIR.

    Args:
        network: its layers.
        modules: its modules by name.
        starts: potential of each layer of neurons before the first step, `[*]`.
        input_shape, output_shape: of a sample in one step.
        dt: seconds of a time step.
        dialect: of neurons and pools.

    Raises:
        ExportError: it holds what NIR cannot say; all of it is named.
    """
    return _Builder(network, modules, starts, dt, dialect).build(input_shape, output_shape)


class _Builder:
    def __init__(
        self,
        network: LayerGraph,
        modules: Mapping[str, nn.Module],
        starts: Mapping[str, Tensor],
        dt: float,
        dialect: Dialect,
    ) -> None:
        self.network, self.modules, self.starts = network, modules, starts
        self.dt, self.dialect = dt, dialect
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.first: dict[str, str] = {}  # node that takes a layer's input
        self.last: dict[str, str] = {"input": "input"}  # node that sends its output
        self.weights: Mapping[str, Weights] = {}
        self.votes = 0

    def build(self, input_shape: tuple[int, ...], output_shape: tuple[int, ...]) -> Written:
        self.votes = self._votes(output_shape)
        reasons = list(self._structure())
        for step in (self._fold, *(lambda layer=layer: self._add(layer) for layer in self.network.layers)):
            try:
                step()
            except ExportError as error:
                reasons += error.reasons
        if reasons:
            raise ExportError(reasons)
        for layer in self.network.layers:
            self.edges += [(self.last[name], self.first[layer.name]) for name in layer.inputs]
        last = "output"
        if self.votes > 1:
            [classes] = output_shape
            last = self._name("vote")
            means = np.kron(np.eye(classes), np.full((1, self.votes), 1 / self.votes)).astype(np.float32)
            self.nodes[last] = nir.Affine(means, np.zeros(classes, dtype=np.float32))
            self.edges.append((last, "output"))
        self.edges += [(self.last[name], last) for name in self.network.outputs]
        ends = {
            "input": nir.Input({"input": np.array(input_shape)}),
            "output": nir.Output({"output": np.array(output_shape)}),
        }
        nodes = {"input": ends["input"], **self.nodes, "output": ends["output"]}
        graph = nir.NIRGraph(nodes, self.edges, type_check=False)
        neurons = {self.last[layer.name]: layer.name for layer in self.network.neurons}
        return Written(graph, neurons)

    def _votes(self, output_shape: tuple[int, ...]) -> int:
        """Return how many neighbouring outputs of the last layer are averaged; 0 where they are not."""
        sizes = {self.network.by_name[name].out_shape for name in self.network.outputs if name != "input"}
        if self.network.through != ("mean",) or len(sizes) != 1 or len(output_shape) != 1:
            return 0
        [[outputs, *places]] = sizes
        return 0 if places or outputs % output_shape[0] else outputs // output_shape[0]

    def _fold(self) -> None:
        self.weights = folded_weights(self.network, self.modules)

    def _structure(self) -> Any:
        for sender, taker in self.network.feedback:
            yield (
                f"{sender.name} sends back to {taker.name}, one step later, and readers do not agree on how "
                "long an edge of NIR that leads back takes; search with backward = false"
            )
        places = [(f"before {layer.name}", layer.through) for layer in self.network.layers]
        if not self.votes:
            places.append(("behind the last layer", self.network.through))
        for place, through in places:
            if through:
                yield (
                    f"{place} the network changes values by {', '.join(through)}, for which NIR has no node; "
                    "let layers with weights do it"
                )
        if "input" in self.network.outputs or not self.network.outputs:
            yield "the network returns its input, or nothing that comes from a layer"

    def _add(self, layer: Layer) -> None:
        name = self._name(layer.name)
        node: nir.NIRNode
        if layer.kind == "neuron":
            node = self._neurons(layer)
        elif layer.kind == "conv":
            node = self._conv(layer)
        elif layer.kind == "linear":
            if len(layer.in_shape) > 1:
                flat = self._name(f"{layer.name}_flatten")
                self.nodes[flat] = nir.Flatten({"input": np.array(layer.in_shape)}, start_dim=0)
                self.edges.append((flat, name))
                self.first[layer.name] = flat
            weight, bias = self._of(layer)
            node = nir.Affine(weight, bias)
        elif layer.kind == "pool":
            node = self._pool(layer)
        elif layer.kind == "norm":
            node = self._norm(layer)
        else:
            raise ExportError([f"{layer.name} computes {layer.operation}, for which NIR has no node"])
        self.nodes[name] = node
        self.first.setdefault(layer.name, name)
        self.last[layer.name] = name

    def _neurons(self, layer: Layer) -> nir.NIRNode:
        neuron = self.modules[layer.name]
        dynamics = neuron.dynamics() if isinstance(neuron, SpikingNeuron) else None
        if dynamics is None:
            raise ExportError(
                [
                    f"{layer.name} is a {layer.operation}, which is no leaky integrate-and-fire neuron with "
                    "constant leak and threshold; NIR has no node for it"
                ]
            )
        rest = dynamics.reset_value if dynamics.reset == "hard" else dynamics.rest
        if bool((self.starts[layer.name] != rest).any()):
            raise ExportError(
                [
                    f"{layer.name} begins at a potential of its own, and NIR cannot say where neurons begin; "
                    "train it without a learned initial potential"
                ]
            )
        return neuron_node(layer.name, dynamics, layer.out_shape, self.dt, self.dialect)

    def _conv(self, layer: Layer) -> nir.NIRNode:
        module = self.modules.get(layer.name)
        if getattr(module, "padding_mode", "zeros") != "zeros":
            raise ExportError([f"{layer.name} pads with other values than zeros, which NIR does not"])
        if len(layer.kernel) == 2:
            return self._conv2d(layer)
        if len(layer.kernel) != 1:
            raise ExportError(
                [f"{layer.name} is a convolution over {len(layer.kernel)} axes; NIR has 1 and 2"]
            )
        weight, bias = self._of(layer)
        return nir.Conv1d(
            input_shape=layer.in_shape[-1],
            weight=weight,
            stride=layer.stride[0],
            padding=layer.padding[0],
            dilation=layer.dilation[0],
            groups=1,
            bias=bias,
        )

    def _conv2d(self, layer: Layer) -> nir.NIRNode:
        weight, bias = self._of(layer)
        return nir.Conv2d(
            input_shape=tuple(layer.in_shape[1:]),
            weight=weight,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=1,
            bias=bias,
        )

    def _pool(self, layer: Layer) -> nir.NIRNode:
        if layer.pooling == "max":
            raise ExportError([f"{layer.name} takes the maximum, for which NIR has no node; pool averages"])
        if len(layer.kernel) != 2:
            raise ExportError([f"{layer.name} pools over {len(layer.kernel)} axes; NIR pools over 2"])
        sizes = {
            "kernel_size": np.array(layer.kernel),
            "stride": np.array(layer.stride),
            "padding": np.array(layer.padding),
        }
        if layer.pooling == "sum":
            return nir.SumPool2d(**sizes)
        if self.dialect in ("norse", "sinabs"):  # they have no average
            if any(layer.padding):
                raise ExportError([f"{layer.name} pads, and {self.dialect} has no node for its average"])
            return self._average(layer)
        return nir.AvgPool2d(**sizes)

    def _average(self, layer: Layer) -> nir.NIRNode:
        """Return an average as a convolution of each channel by itself."""
        channels, size = layer.in_shape[0], math.prod(layer.kernel)
        weight = torch.full((channels, 1, *layer.kernel), 1 / size)
        return nir.Conv2d(
            input_shape=tuple(layer.in_shape[1:]),
            weight=_ungrouped(weight, channels).numpy(),
            stride=layer.stride,
            padding=layer.padding,
            dilation=(1, 1),
            groups=1,
            bias=np.zeros(channels, dtype=np.float32),
        )

    def _norm(self, layer: Layer) -> nir.NIRNode:
        if "batch" not in layer.operation.lower():
            raise ExportError([f"{layer.name} is a {layer.operation}, for which NIR has no node"])
        channels = layer.in_shape[0]
        factor, shift = norm_factors(layer.name, self.modules, channels)
        diagonal = torch.diag(factor).float()
        if len(layer.in_shape) == 1:
            return nir.Affine(diagonal.numpy(), shift.float().numpy())
        if len(layer.in_shape) != 3:
            raise ExportError(
                [f"{layer.name} normalises {len(layer.in_shape) - 1} axes; NIR has no node for it"]
            )
        return nir.Conv2d(
            input_shape=tuple(layer.in_shape[1:]),
            weight=diagonal.reshape(channels, channels, 1, 1).numpy(),
            stride=(1, 1),
            padding=(0, 0),
            dilation=(1, 1),
            groups=1,
            bias=shift.float().numpy(),
        )

    def _of(self, layer: Layer) -> tuple[Any, Any]:
        if layer.name not in self.weights:
            raise ExportError([])  # said already
        weight, bias = self.weights[layer.name]
        return _ungrouped(weight.float(), layer.groups).numpy(), bias.float().numpy()

    def _name(self, name: str) -> str:
        """Return a name that every reader takes: a word, and no word of Python."""
        word = re.sub(r"\W", "_", name)
        word = f"layer_{word}" if word[:1].isdigit() or keyword.iskeyword(word) else word
        while word in self.nodes or word in ("input", "output"):
            word += "_"
        return word


def _ungrouped(weight: Tensor, groups: int) -> Tensor:
    """Return the weights of a convolution of groups `[O, I / groups, *]` as those of one without `[O, I, *]`.

    Readers refuse groups, and the types of NIR do not know them.
    """
    if groups == 1:
        return weight
    outputs, inputs, *kernel = weight.shape
    dense = weight.new_zeros(groups, outputs // groups, groups, inputs, *kernel)
    each = torch.arange(groups)
    dense[each, :, each] = weight.reshape(groups, outputs // groups, inputs, *kernel)
    return dense.reshape(outputs, groups * inputs, *kernel)
