"""The network of one given cell: a published or found one, trained without a search.

It is what the search space `snasnet` builds for that cell (Kim et al., ECCV 2022, arXiv
2201.10355). Feedback is allowed where the cell has any, and a cell needs no direct edge from
input to output here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Interval
from torch import nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ParameterError
from snnplug.nn import SpikingNeuron
from snnplug_snasnet.genotype import edges, parse
from snnplug_snasnet.network import Reducing
from snnplug_snasnet.space import OPERATIONS, SNASNet, Statistics

__all__ = ["CIFAR10_CELL", "snasnet_cell"]

CIFAR10_CELL = "0303 0030 2002 0200"  # the one that the published code names for CIFAR-10


@check_ranges
def snasnet_cell(
    task: Task,
    *,
    neuron: Component | SpikingNeuron | type[SpikingNeuron],
    cell: str = CIFAR10_CELL,
    channels: Annotated[int, Ge(1)] = 16,
    operations: tuple[str, ...] = OPERATIONS,
    pooling: Literal["avg", "max"] = "avg",
    hidden: Annotated[int, Ge(1)] | None = None,
    voting: Annotated[int, Ge(1)] | None = None,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
    final_pool: Annotated[int, Ge(1)] | None = None,
    stem_stride: Annotated[int, Ge(1)] | None = None,
    statistics: Statistics = "auto",
    stem_neuron: bool = False,
    reduction: Reducing = "code",
) -> nn.Module:
    """Return a freshly initialised network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: shape of the images and number of classes.
        neuron: the neuron of every layer; it must run step by step if the cell has feedback.
        cell: four rows of operation codes, such as `0303 0030 2002 0200`; edges that lie on
            no path from input to output are left out.
        channels, operations, pooling, hidden, voting, dropout, final_pool, stem_stride: as in
            `snnplug_snasnet.space.SNASNet`.
        statistics, stem_neuron, reduction: as there.

    Raises:
        ParameterError: the cell is none, or has no path from input to output.
        ValueError: a parameter is out of range.
        ContractError: the neuron cannot run the cell.
    """
    try:
        space = SNASNet(
            task,
            neuron=neuron,
            channels=channels,
            backward=any(source > target for source, target, _ in edges(parse(cell))),
            operations=operations,
            require_direct=False,
            pooling=pooling,
            hidden=hidden,
            voting=voting,
            dropout=dropout,
            final_pool=final_pool,
            stem_stride=stem_stride,
            statistics=statistics,
            stem_neuron=stem_neuron,
            reduction=reduction,
        )
        return space.build(cell)
    except ParameterError as error:
        raise ParameterError(f"cell: {error}") from error
