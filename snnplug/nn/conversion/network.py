"""The spiking network that a model becomes."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from snnplug.errors import ContractError
from snnplug.nn.conversion.layers import BatchNorm, Convolution, Linear
from snnplug.nn.neuron import SpikingNeuron
from snnplug.nn.time import TimeModule

__all__ = ["ConvertedNetwork"]


class ConvertedNetwork(fx.GraphModule, TimeModule):
    """A converted model: `[T, B, *]` to `[T', B, K]`.

    Layers have the names that they had in the model, neurons those of the activations that they replace.
    `print_readable()` shows what it does.
    """

    def __reduce__(self) -> Any:
        raise ContractError(
            "a converted network is not saved whole, but by its state_dict: "
            "torch.save(network.state_dict(), path); to read it, convert the model again and call "
            "network.load_state_dict(torch.load(path))"
        )

    def neurons(self) -> dict[str, SpikingNeuron]:
        """Return the neurons by name, in the order in which they work."""
        nodes = [node for node in self.graph.nodes if node.op == "call_module"]
        found = {str(node.target): self.get_submodule(str(node.target)) for node in nodes}
        return {name: module for name, module in found.items() if isinstance(module, SpikingNeuron)}

    def fold(self) -> tuple[str, ...]:
        """Fold every batch norm into the convolution or linear layer before it, where there is one.

            W ← W·γ/σ    b ← β + (b − μ)·γ/σ    σ = sqrt(variance + eps)      per output channel

        Feng et al., Computer Science 51(3):244-250, 2024, Eq. 24, which omits eps.

        Returns:
            Names of the batch norms that are gone.
        """
        pairs: dict[tuple[str, str], list[fx.Node]] = {}
        for node in self.graph.nodes:
            if self._folds(node):
                pairs.setdefault((node.args[0].target, node.target), []).append(node)
        for (name, norm), nodes in pairs.items():
            layer = self.get_submodule(name)
            if self._calls(name) > len(nodes):  # other calls need it as it is
                layer, name = copy.deepcopy(layer), _free(self, name)
                self.add_submodule(name, layer)
            _scale(layer, self.get_submodule(norm))
            for node in nodes:
                before: Any = node.args[0]
                before.target = name
                node.replace_all_uses_with(before)
                self.graph.erase_node(node)
        self.delete_all_unused_submodules()
        self.recompile()
        return tuple(dict.fromkeys(norm for _, norm in pairs))

    def _folds(self, node: fx.Node) -> bool:
        if not isinstance(self._called(node), BatchNorm):
            return False
        before: Any = node.args[0]
        layer = self._called(before)
        over_channels = isinstance(layer, Convolution) or (
            isinstance(layer, Linear) and before.meta["axes"] == 1
        )
        return over_channels and len(before.users) == 1

    def _called(self, node: Any) -> nn.Module | None:
        called = isinstance(node, fx.Node) and node.op == "call_module"
        return self.get_submodule(str(node.target)) if called else None

    def _calls(self, name: str) -> int:
        return sum(node.op == "call_module" and node.target == name for node in self.graph.nodes)


def _free(root: nn.Module, name: str) -> str:
    names = {path for path, _ in root.named_modules()}
    return next(one for i in range(1, len(names) + 2) if (one := f"{name}_{i}") not in names)


@torch.no_grad()
def _scale(layer: nn.Module, norm: nn.Module) -> None:
    assert isinstance(norm, BatchNorm)
    factor, shift = norm.affine()
    weight, bias = layer.get_parameter("weight"), cast("Tensor | None", layer.bias)
    scaled = weight * factor.view(-1, *[1] * (weight.ndim - 1))
    layer.weight = nn.Parameter(scaled, weight.requires_grad)
    layer.bias = nn.Parameter(shift if bias is None else shift + bias * factor, norm.bias.requires_grad)
