"""Linear layers with neurons, for inputs of any shape; with and without recurrent weights.

    dense        x_l[t] = W_l s_(l-1)[t] + b_l
    recurrent    x_l[t] = W_l s_(l-1)[t] + b_l + R_l s_l[t-1],   s_l[-1] = 0

with s_l the spikes of the neurons of layer l for the current x_l, and the input in place of s_0. The last
layer has no recurrent weights. The recurrent one is the network of Cramer et al., TNNLS 2022,
arXiv:1910.07407, for spoken digits as spikes; what differs is that any neuron stands in it, and that its
outputs are currents that a loss reads out.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from annotated_types import Ge, Interval
from torch import Tensor, nn

from snnplug import Component, Task, check_ranges
from snnplug.nn import (
    Dropout,
    SpikingNeuron,
    State,
    StatefulModule,
    TimeSequential,
    as_neuron,
    join_steps,
)
from snnplug_models.norms import BatchNorm, norm

__all__ = ["Recurrent", "dense", "recurrent"]


class RecurrentState(NamedTuple):
    """The state of the neurons, and the spikes `[B, N]` that come back to them; None at first."""

    neuron: State
    spikes: Tensor | None


class Recurrent(StatefulModule):
    """Neurons whose spikes come back to them one step later, through weights: `[T, B, N]` to `[T, B, N]`.

    Args:
        neuron: runs step by step.
        width: number of neurons N.
    """

    def __init__(self, neuron: SpikingNeuron, width: int) -> None:
        super().__init__()
        self.neuron = neuron
        self.back = nn.Linear(width, width, bias=False)

    def initial_state(self, x: Tensor) -> RecurrentState:
        """Return the state at rest."""
        return RecurrentState(self.neuron.initial_state(x), None)

    def sequence(self, x: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """Advance over `[T, B, N]`."""
        (neuron, spikes), sent = state, []
        for current in x.unbind(0):
            received = current if spikes is None else current + self.back(spikes)
            spikes, neuron = self.neuron.step(received, neuron)
            sent.append(spikes)
        return join_steps(sent), RecurrentState(neuron, spikes)


@check_ranges
def dense(
    task: Task,
    *,
    neuron: Component,
    hidden: tuple[Annotated[int, Ge(1)], ...] = (128,),
    batch_norm: BatchNorm = "none",
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, *]` to `[T, B, K]`.

    Args:
        task: inputs of any shape; they are flattened.
        neuron: built for every hidden layer.
        hidden: widths of the hidden layers.
        batch_norm: of the hidden layers' currents; see `snnplug_models.norms`.
        dropout: probability for what hidden layers send; one mask for all steps.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the norm does not fit.
        ValueError: a width is not positive, or dropout is no probability.
    """
    return _network(task, neuron, hidden, batch_norm, dropout, spiking_output, recurrent=False)


@check_ranges
def recurrent(
    task: Task,
    *,
    neuron: Component,
    hidden: tuple[Annotated[int, Ge(1)], ...] = (128,),
    batch_norm: BatchNorm = "none",
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, *]` to `[T, B, K]`.

    Args:
        task: inputs of any shape; they are flattened.
        neuron: built for every hidden layer; runs step by step.
        hidden: widths of the hidden layers.
        batch_norm: of the hidden layers' currents, without those that come back; see `snnplug_models.norms`.
        dropout: probability for what hidden layers send to the next one; one mask for all steps.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the neuron needs the whole window of steps, or the norm does not fit.
        ValueError: a width is not positive, or dropout is no probability.
    """
    return _network(task, neuron, hidden, batch_norm, dropout, spiking_output, recurrent=True)


def _network(
    task: Task,
    neuron: Component,
    hidden: tuple[int, ...],
    batch_norm: BatchNorm,
    dropout: float,
    spiking_output: bool,
    *,
    recurrent: bool,
) -> TimeSequential:
    make = norm(batch_norm, task, neuron)
    features = math.prod(task.input_shape)
    layers: list[nn.Module] = [nn.Flatten()]
    for width in hidden:
        layers += [nn.Linear(features, width, bias=make.bias), *make.behind(width, image=False)]
        layers.append(Recurrent(as_neuron(neuron, stepwise=True), width) if recurrent else as_neuron(neuron))
        layers += [Dropout(dropout)] if dropout else []
        features = width
    layers.append(nn.Linear(features, task.classes))
    return TimeSequential(*layers, *([as_neuron(neuron)] if spiking_output else []))
