"""Weights of the same network with other neurons: a checkpoint of another library, once `replace` has been.

    replace(model, {TheirNeuron: registry.use("neuron", "acme")}, loop=Stepwise)
    taken = take_weights(model, torch.load("theirs.pt", weights_only=True))
    print(taken.left)                     # of their neurons, and nothing here stands for it

Layers keep their names. What neurons have learned is at the same place under the same name, or under one that
the neuron's class says in `other_names`.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from torch import Tensor, nn

from snnplug.errors import ContractError, in_one_line
from snnplug.nn.looped import Stepwise
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["Taken", "take_weights"]

_WRAPPER = "module."  # of networks that were trained on several GPUs
_PART = "part."  # what `Stepwise` holds


@attrs.frozen
class Taken:
    """What became of a checkpoint.

    Attributes:
        renamed: names here by those in the checkpoint, of what stands under another one.
        left: names in the checkpoint, of their neurons, for which nothing here stands: what these were made
            with has to be given to ours by its parameters.
        new: names here, of our neurons, of which the checkpoint has nothing: they stay as they were.
    """

    renamed: Mapping[str, str]
    left: tuple[str, ...]
    new: tuple[str, ...]


def take_weights(model: nn.Module, state: Mapping[str, Tensor]) -> Taken:
    """Give a network, whose neurons are ours, the weights of the same network with others.

    Args:
        model: changed in place, unless the weights do not fit.
        state: a `state_dict` of the other one.

    Returns:
        What was renamed, left and stayed new; of neurons alone.

    Raises:
        ContractError: layers differ: a weight is missing, has no place, or has another shape.
    """
    if state and all(name.startswith(_WRAPPER) for name in state):
        state = {name.removeprefix(_WRAPPER): value for name, value in state.items()}
    own = model.state_dict(keep_vars=True)
    neurons = {
        f"{name}." if name else "": module
        for name, module in model.named_modules(remove_duplicate=False)
        if isinstance(module.part if isinstance(module, Stepwise) else module, SpikingNeuron)
    }
    found: dict[str, str] = {}
    for theirs in state:
        place = next((place for place in neurons if theirs.startswith(place)), None)
        name = theirs if place is None else _name(place, theirs.removeprefix(place), neurons[place])
        if name in own:
            found[theirs] = name
    inside = tuple(neurons)
    left = tuple(name for name in state if name not in found)
    new = tuple(name for name in own if name not in found.values())
    _check(
        [name for name in left if not name.startswith(inside)],
        [name for name in new if not name.startswith(inside)],
    )
    try:
        model.load_state_dict({name: state[theirs] for theirs, name in found.items()}, strict=False)
    except RuntimeError as error:
        raise ContractError(f"the weights are of another network: {in_one_line(str(error))[:300]}") from error
    return Taken({theirs: name for theirs, name in found.items() if theirs != name}, left, new)


def _name(place: str, name: str, neuron: nn.Module) -> str:
    """Return what a tensor of their neuron is called here."""
    part = neuron.part if isinstance(neuron, Stepwise) else neuron
    own: str = getattr(part, "other_names", {}).get(name, name)
    return f"{place}{_PART}{own}" if part is not neuron and not name.startswith(_PART) else f"{place}{own}"


def _check(surplus: list[str], missing: list[str]) -> None:
    told = [
        *(f"{', '.join(surplus[:3])} of the checkpoint has no place here" for _ in surplus[:1]),
        *(f"{', '.join(missing[:3])} is not in the checkpoint" for _ in missing[:1]),
    ]
    if told:
        raise ContractError(
            f"the weights are of another network: {'; '.join(told)}. All but its neurons has to be the same"
        )
