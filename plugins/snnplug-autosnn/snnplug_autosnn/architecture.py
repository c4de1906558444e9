"""The network of given blocks: one that was found, or one made by hand, trained without a search.

It is what the search space `autosnn` builds for these blocks (Na et al., ICML 2022, arXiv 2201.12738).
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge
from torch import nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ParameterError
from snnplug.nn import SpikingNeuron
from snnplug_autosnn.space import AutoSNN

__all__ = ["AUTOSNN_BLOCKS", "autosnn_network"]

AUTOSNN_BLOCKS = "SRB_k5 SRB_k5 skip SRB_k3 SRB_k5"  # found with lambda = -0.08, the one called AutoSNN


@check_ranges
def autosnn_network(
    task: Task,
    *,
    neuron: Component | SpikingNeuron | type[SpikingNeuron],
    blocks: str = AUTOSNN_BLOCKS,
    macro: str | list[int | str] = "SNN_1",
    channels: Annotated[int, Ge(1)] = 16,
    stem: Literal["auto", "conv", "conv_pool", "conv_pool_pool"] = "auto",
    batch_norm: Literal["per_step", "joint"] = "per_step",
    voting: Annotated[int, Ge(1)] = 10,
) -> nn.Module:
    """Return a freshly initialised network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: images and number of classes.
        neuron: the neuron of every layer.
        blocks: their names, one for each place of the backbone, or one for all places.
        macro, channels, stem, batch_norm, voting: as in `snnplug_autosnn.space.AutoSNN`.

    Raises:
        ParameterError: there are too many or too few blocks.
        ValueError: a parameter is out of range.
        ContractError: the inputs are no images, or too small for the pools.
    """
    names = blocks.split()
    space = AutoSNN(
        task,
        neuron=neuron,
        macro=macro,
        channels=channels,
        blocks=tuple(dict.fromkeys(names)),
        stem=stem,
        batch_norm=batch_norm,
        voting=voting,
    )
    try:
        return space.build(names)
    except ParameterError as error:
        raise ParameterError(f"blocks: {error}") from error
