"""Neurons that take their input once in a period, as some codes do: no frame of a stream is that."""

from __future__ import annotations

from torch import nn

from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, outermost

__all__ = ["check_every_step"]


def check_every_step(network: nn.Module) -> None:
    """Refuse a network that would not take the same input in every step.

    Raises:
        ContractError: a neuron takes its input once in some steps.
    """
    for name, part in outermost(network, (SpikingNeuron,)):
        if isinstance(part, SpikingNeuron) and part.bias_every not in (1, None):
            raise ContractError(
                f"the neuron {name} ({type(part).__name__}) takes its input once in {part.bias_every} steps, "
                "and not in each; run the network on whole sequences"
            )
