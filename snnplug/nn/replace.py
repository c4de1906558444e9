"""Our neurons in the networks of other libraries, in place of theirs.

    replace(model, {TheirNeuron: registry.use("neuron", "acme"), nn.ReLU: MyNeuron}, loop=Stepwise)

Weights and everything else stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from snnplug.contracts import Buildable
from snnplug.errors import ContractError
from snnplug.nn.looped import Stepwise
from snnplug.nn.neuron import SpikingNeuron, as_neuron

__all__ = ["Replacement", "replace"]

Replacement = Buildable | SpikingNeuron | type[SpikingNeuron] | Callable[[Any], nn.Module]
"""A neuron's component, a neuron (each place gets a copy), a class, or a function of the module there."""


def replace(
    model: nn.Module,
    neurons: Mapping[type[nn.Module], Replacement],
    *,
    loop: type[Stepwise] | None = None,
) -> dict[str, nn.Module]:
    """Put our neurons where modules of some types stand, and leave all else, weights too, as it is.

    Args:
        model: a network; it is changed in place.
        neurons: what stands in place of each type; a subclass counts as the type, and what is named first
            goes first.
        loop: `snnplug.nn.Stepwise`, or a class derived from it, where the network is called in a loop, one
            step `[B, *]` at a time; None where it is called with whole sequences `[T, B, *]`.

    Returns:
        What was put in, by its place.

    Raises:
        ContractError: no module is of any of the types, or a neuron does not fit the loop.
    """
    found: dict[str, nn.Module] = {}
    made: dict[int, nn.Module] = {}  # a module that stands in several places is one in all of them
    for name, module in list(model.named_modules(remove_duplicate=False)):
        wanted = next((new for old, new in neurons.items() if isinstance(module, old)), None)
        if wanted is None or any(name.startswith(f"{outer}.") for outer in found):
            continue
        if id(module) not in made:
            made[id(module)] = _neuron(wanted, module, loop)
        if not name:
            raise ContractError("the model is itself what would be replaced; build the neuron in its place")
        model.set_submodule(name, made[id(module)])
        found[name] = made[id(module)]
    if not found:
        kinds = sorted({type(part).__name__ for part in model.modules()})
        raise ContractError(
            f"nothing was replaced: the model has no {' or '.join(old.__name__ for old in neurons)}; it has "
            f"{', '.join(kinds)}"
        )
    return found


def _neuron(wanted: Any, module: nn.Module, loop: type[Stepwise] | None) -> nn.Module:
    if isinstance(wanted, nn.Module):
        neuron: Any = copy.deepcopy(wanted)
    elif isinstance(wanted, type) or hasattr(wanted, "build"):
        neuron = as_neuron(wanted)
    else:
        neuron = wanted(module)
    if not isinstance(neuron, nn.Module):
        raise ContractError(f"expected a neuron in place of {type(module).__name__}, got {neuron!r}")
    return (neuron if loop is None else loop(neuron)).train(module.training)
