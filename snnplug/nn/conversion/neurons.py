"""Makes the neurons of a converted network, one for each activation."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from snnplug.contracts import Buildable
from snnplug.errors import ContractError, ParameterError
from snnplug.nn.neuron import SpikingNeuron, as_neuron

__all__ = ["NeuronLike", "Neurons", "Unbounded"]

NeuronLike = Buildable | SpikingNeuron | type[SpikingNeuron] | Callable[..., SpikingNeuron]


class Unbounded(Exception):
    """A neuron cannot be told the upper bound of an activation."""


class Neurons:
    """Builds neurons of one kind.

    Args:
        neuron: a component, a neuron to copy, a class, or a function. An activation's upper bound is
            given as the parameter `upper`; of a neuron to copy it is the attribute.

    Attributes:
        bias_every: of the neurons.
        follow_pools: what they send grows with what they get, so the largest may be found before.

    Raises:
        ContractError: it is nothing of that kind.
    """

    def __init__(self, neuron: NeuronLike) -> None:
        self._neuron: Any = neuron
        self._first: SpikingNeuron | None = self._one(math.inf)
        self.bias_every = self._first.bias_every
        self.follow_pools = self.bias_every is None or self._first.analog

    def build(self, upper: float, like: Tensor) -> SpikingNeuron:
        """Return a new neuron.

        Args:
            upper: bound of the activation, or infinity.
            like: its type and device are those of the network.

        Raises:
            ContractError: neurons do not agree about the bias.
            Unbounded: it takes no bound.
        """
        if self._first is not None and math.isinf(upper):
            made, self._first = self._first, None
        else:
            made = self._one(upper)
        if made.bias_every != self.bias_every:
            raise ContractError(
                "neurons of one network must agree about bias_every, "
                f"got {made.bias_every} and {self.bias_every}"
            )
        return made.to(device=like.device, dtype=like.dtype)

    def _one(self, upper: float) -> SpikingNeuron:
        given, bound = self._neuron, {} if math.isinf(upper) else {"upper": upper}
        if isinstance(given, SpikingNeuron):
            made = copy.deepcopy(given)
            if bound and not hasattr(made, "upper"):
                raise self._unbounded()
            for name, value in bound.items():
                setattr(made, name, value)
            return made
        if hasattr(given, "build"):
            try:
                return as_neuron(given.build(**bound))
            except ParameterError as error:
                raise (self._unbounded() if bound else error) from error
        if not callable(given) or isinstance(given, torch.nn.Module):
            return as_neuron(given)  # which says what is wrong
        if bound and not _takes_upper(given):
            raise self._unbounded()
        return as_neuron(given(**bound))

    def _unbounded(self) -> Unbounded:
        name = getattr(self._neuron, "name", None) or getattr(self._neuron, "__name__", None)
        name = name or type(self._neuron).__name__
        return Unbounded(
            f"its neuron {name} has no parameter `upper` for its upper bound; choose one that has"
        )


def _takes_upper(build: Callable[..., Any]) -> bool:
    parameters = inspect.signature(build).parameters.values()
    return any(p.name == "upper" or p.kind is p.VAR_KEYWORD for p in parameters)
