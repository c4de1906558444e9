"""A neuron, or a network, for scripts that loop over time themselves: it remembers between calls.

    neuron = Stepwise(MyNeuron(tau=2.0))
    for x_t in x:                       # [T, B, *]
        spikes = neuron(x_t)            # [B, *] to [B, *]
    neuron.reset()                      # before other samples

A neuron of snnplug by itself takes the whole sequence `[T, B, *]` and remembers nothing. In a loop it would
take the batch for the time, without an error: a loop needs this class.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from snnplug.contracts import Buildable
from snnplug.errors import ContractError
from snnplug.nn.neuron import SpikingNeuron, as_neuron, detach_state
from snnplug.nn.stream import StreamState, start_stream, step_stream

__all__ = ["Stepwise"]


class Stepwise(nn.Module):
    """Runs one time step a call, from where the last call has ended.

    It has a method `reset`, which functions that reset whole networks look for. With `potential=True` a call
    returns spikes and membrane potential, and takes, and does not need, the potential of the last call, for
    loops that hand it on.

    Args:
        part: a neuron, its component or class; or any network for `[T, B, *]` that runs step by step.
        potential: return the membrane potential too; of neurons alone.

    Attributes:
        state: what it remembers, None after `reset`. It is no part of `state_dict`, and a copy has none.

    Raises:
        ContractError: the neuron needs the whole window of steps, or the network has no potential.
    """

    def __init__(self, part: Buildable | nn.Module | type[SpikingNeuron], *, potential: bool = False) -> None:
        super().__init__()
        network = isinstance(part, nn.Module) and not isinstance(part, SpikingNeuron)
        if network and potential:
            raise ContractError(
                f"potential=True is for neurons, and {type(part).__name__} is a network; leave it out"
            )
        self.part: nn.Module = part if network else as_neuron(part, stepwise=True)  # type: ignore[arg-type, assignment]
        self.potential = potential
        self.state: Any = None
        self._shape: tuple[int, ...] = ()

    def reset(self) -> None:
        """Forget: the next call is the first step of other samples."""
        self.state = None

    def detach(self) -> None:
        """Cut what it remembers from the graph, for truncated backpropagation through time."""
        if isinstance(self.state, StreamState):
            self.state = self.state.detach()
        elif self.state is not None:
            self.state = detach_state(self.state)

    def forward(self, x: Tensor, potential: Tensor | None = None) -> Any:
        """Advance one time step.

        Args:
            x: `[B, *]`.
            potential: as a loop hands it on; what is remembered counts.

        Returns:
            Spikes, or the network's output, `[B, *]`; with `potential` also the membrane potential.

        Raises:
            ContractError: the samples are others than in the last call.
        """
        if self.state is None:
            self._shape = tuple(x.shape)
            first = self.part.initial_state if isinstance(self.part, SpikingNeuron) else None
            self.state = first(x) if first is not None else start_stream(self.part, x)
        elif tuple(x.shape) != self._shape:
            raise ContractError(
                f"the last step had the shape {list(self._shape)}, this one has {list(x.shape)}; call "
                "reset() before the first step of other samples"
            )
        if isinstance(self.part, SpikingNeuron):
            y, self.state = self.part.step(x, self.state)
        else:
            y, self.state = step_stream(self.part, x, self.state)
        return (y, self.state[0]) if self.potential else y

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: it begins with nothing, as a state in a graph cannot be copied."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {**state, "state": None}

    def extra_repr(self) -> str:
        """Show the settings."""
        return "potential=True" if self.potential else ""
