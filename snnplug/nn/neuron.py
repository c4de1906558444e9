"""The spiking neuron: current `[T, B, *]` in, spikes `[T, B, *]` out, state explicit.

A neuron remembers nothing between calls. Its state is a NamedTuple whose first field is
the membrane potential `v`, made by `initial_state`, taken and returned by `step`:

    spikes = neuron(x)                                    # a whole sequence from rest
    state = neuron.initial_state(x[0])
    for t in range(T):
        s, state = neuron.step(x[t], state)               # the same, one step at a time
    spikes, state = neuron(x, state)                      # continue a stream

A subclass writes `step`, and `initial_state` where the state holds more than `v`. It may
also write `sequence`, a faster way to the same result as the loop of `step`. A windowed
neuron writes only `sequence`: it needs all steps at once and has no `step`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeAlias, overload

import torch
from torch import Tensor, nn

from snnplug.contracts import Buildable
from snnplug.contracts.ranges import ChecksRanges
from snnplug.errors import ContractError
from snnplug.nn.dynamics import Dynamics
from snnplug.nn.stateful import StatefulModule
from snnplug.nn.time import join_steps

__all__ = ["MembraneState", "SpikingNeuron", "State", "as_neuron", "detach_state"]

State: TypeAlias = Any  # a NamedTuple of tensors whose first field is `v`


class MembraneState(NamedTuple):
    """The state of a neuron that has nothing but a membrane potential."""

    v: Tensor


class SpikingNeuron(StatefulModule, ChecksRanges):
    """Base of all neurons; see the module docstring for the contract.

    Ranges in the types of its parameters, such as `tau: Annotated[float, Gt(1)]`, are checked.

    Attributes:
        windowed: needs the whole window; `step` and streaming raise `ContractError`.
        graded: spikes carry values other than 0 and 1.
        bias_every: at how many steps the biases before it are added again; None: once a window.
        analog: sends analog values and no spikes, as a ReLU does where a neuron could stand. Nobody counts
            what it sends as spikes, and the next layer is billed in multiply-accumulates.
        other_names: of its parameters and buffers, by what other libraries call them; see
            `snnplug.nn.take_weights`.
        sequential: `start` takes what the layer gets in the converted network, too, once those before it are
            set; see `snnplug.nn.calibrate`.
        whole_samples: `start` takes whole samples, for a parameter for each place.
        levels: of a graded neuron, how many values the output of one window can stand for, silence included;
            0: not known. An ANN of as many levels is what its energy is compared with.
    """

    windowed: ClassVar[bool] = False
    graded: ClassVar[bool] = False
    bias_every: ClassVar[int | None] = 1
    analog: ClassVar[bool] = False
    other_names: ClassVar[Mapping[str, str]] = {}
    sequential: ClassVar[bool] = False
    whole_samples: bool = False
    levels: int = 0

    def __init__(self) -> None:  # nn.Module's own takes any argument and would hide a misspelled one
        super().__init__()

    def initial_state(self, x: Tensor) -> State:
        """Return the state before the first step.

        Args:
            x: input of one step `[B, *]`; its shape, type and device are used, not its values.
        """
        return MembraneState(torch.zeros_like(x))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance one time step.

        Args:
            x: current `[B, *]`.
            state: from `initial_state` or the step before.

        Returns:
            Spikes `[B, *]` and the next state.

        Raises:
            ContractError: the neuron is windowed.
        """
        name = type(self).__name__
        if self.windowed:
            raise ContractError(
                f"{name} needs the whole window of steps and cannot run one step at a time; "
                "choose a causal neuron here"
            )
        raise NotImplementedError(f"{name} must define step, or set windowed = True and define sequence")

    def leak_factor(self) -> float | None:
        """Return what is kept of the membrane potential from one step to the next, where nothing fires.

        None where that is no one number, as with a leak that is not linear.
        """
        return None

    def dynamics(self) -> Dynamics | None:
        """Return its equations as numbers; None where they are others than those of `snnplug.nn.Dynamics`."""
        return None

    def fires_like(self, other: SpikingNeuron) -> bool:
        """Whether both are known to send equal spikes for equal currents from rest.

        A pass of which only the spikes are read then runs one of them. Unknown is False.
        """
        return False

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance over `[T, B, *]` from a state; must equal the loop of `step`."""
        spikes = []
        for current in x.unbind(0):
            s, state = self.step(current, state)
            spikes.append(s)
        return join_steps(spikes), state

    def sequence_from(self, x: Tensor, v: Tensor) -> tuple[Tensor, State]:
        """Advance over `[T, B, *]` from rest, but with every sample's membrane potential at `v` `[*]`."""
        state = self.initial_state(x[0])
        return self.sequence(x, state._replace(v=v.to(state.v.dtype).expand(state.v.shape)))

    @overload
    def forward(self, x: Tensor) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]: ...
    def forward(self, x: Tensor, state: State | None = None) -> Tensor | tuple[Tensor, State]:
        """Run a sequence from rest, or continue one.

        Args:
            x: current `[T, B, *]`.
            state: None for the initial state.

        Returns:
            Spikes `[T, B, *]`; with a state given also the state after the last step.

        Raises:
            ContractError: the current has one axis alone, as a step of a loop over time has; or a state is
                given and the neuron is windowed.
        """
        if x.ndim < 2:
            raise ContractError(
                f"{type(self).__name__} takes a whole sequence [T, B, ...] and got one axis {list(x.shape)}; "
                "in a script that loops over time use snnplug.nn.Stepwise"
            )
        if state is not None:
            if self.windowed:
                raise ContractError(
                    f"{type(self).__name__} needs the whole window and cannot continue a stream"
                )
            return self.sequence(x, state)
        return self.sequence(x, self.initial_state(x[0]))[0]

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        # a parameter whose shape follows the input takes its shape from the checkpoint
        misfits: dict[str, str] = {}
        for name, parameter in self.named_parameters(recurse=False):
            saved = state_dict.get(prefix + name)
            if saved is None:
                continue
            if isinstance(parameter, nn.parameter.UninitializedParameter):
                with torch.no_grad():
                    parameter.materialize(saved.shape)
            elif saved.shape != parameter.shape:
                misfits[f"size mismatch for {prefix}{name}:"] = (
                    f"the checkpoint has {list(saved.shape)}, this network {list(parameter.shape)}. "
                    f"The parameters of {type(self).__name__} follow its input: build the network for inputs "
                    "and steps like the checkpoint's, or take this entry out of it and load with strict=False"
                )
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        for start, words in misfits.items():  # in place of what torch says
            error_msgs[:] = [f"{start} {words}" if line.startswith(start) else line for line in error_msgs]


def detach_state(state: State) -> State:
    """Return a state cut from the graph, for truncated backpropagation through time."""
    return type(state)(*(field.detach() if isinstance(field, Tensor) else field for field in state))


def as_neuron(
    neuron: Buildable | SpikingNeuron | type[SpikingNeuron], *, stepwise: bool = False
) -> SpikingNeuron:
    """Return a new neuron from a component, or check one that was given.

    Args:
        neuron: a neuron component, a neuron, or a neuron class.
        stepwise: the place needs `step`.

    Raises:
        ContractError: it is no neuron, or is windowed where `step` is needed.
    """
    if isinstance(neuron, type):
        built: Any = neuron()
    elif isinstance(neuron, nn.Module) or not hasattr(neuron, "build"):
        built = neuron
    else:
        built = neuron.build()
    if not isinstance(built, SpikingNeuron):
        raise ContractError(f"expected a neuron (a snnplug.nn.SpikingNeuron), got {built!r}")
    if stepwise and built.windowed:
        raise ContractError(
            f"{type(built).__name__} needs the whole window of steps, but feedback from one step "
            "to the next needs a neuron that runs step by step; choose a causal neuron"
        )
    return built
