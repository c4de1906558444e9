"""The neurons of a converted network beside those of its ANN: they have the same names."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from snnplug.errors import ContractError
from snnplug.nn.naming import outermost, plain_name
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["matched_neurons", "neurons_of"]

_SHOWN = 5


def matched_neurons(ann: nn.Module, snn: nn.Module) -> dict[str, SpikingNeuron]:
    """Return the neurons of an SNN by name.

    Raises:
        ContractError: the ANN has spiking neurons, or the names differ.
    """
    activations, neurons = neurons_of(ann), neurons_of(snn)
    spiking = [name for name, neuron in activations.items() if not neuron.analog]
    if spiking:
        raise ContractError(
            f"the first network must be the ANN, with analog neurons such as relu, but has spiking ones: "
            f"{_listed(spiking)}"
        )
    if not activations or not neurons:
        which = "ANN" if not activations else "SNN"
        raise ContractError(
            f"the {which} has no layer of neurons; build or convert both networks alike, "
            "the ANN with relu as its neuron"
        )
    differences = [
        f"only the {which} has {_listed(names)}"
        for which, names in (("ANN", activations.keys() - neurons), ("SNN", neurons.keys() - activations))
        if names
    ]
    if differences:
        raise ContractError(
            f"the neurons of ANN and SNN must have the same names, but {' and '.join(differences)}; build or "
            "convert both networks alike"
        )
    return neurons


def neurons_of(model: nn.Module) -> dict[str, SpikingNeuron]:
    """Return the layers of neurons of a model by name."""
    return {
        plain_name(name): part
        for name, part in outermost(model, (SpikingNeuron,))
        if isinstance(part, SpikingNeuron)
    }


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return ", ".join(map(repr, ordered[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
