"""A learnable initial membrane potential (IMP) around any neuron that has a membrane potential.

    v[0] = theta        or sigmoid(theta)

and from there the equations of the base, its reset target included: theta is where a sequence
starts, not where a spike leads. Theta is shared over batch and time; one for each neuron.

Shen et al., NeurIPS 2024, OpenReview 6AepMNrz7a. What differs from the published code: theta gets
its shape before the optimizer is made, never decays (there some configurations decay it and some do
not), and stays the start of a sequence when the network runs one step at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from snnplug import Component
from snnplug.errors import ContractError
from snnplug.nn import Dynamics, SpikingNeuron, State, as_neuron, materialize

__all__ = ["FAMILIES", "IMP"]

FAMILIES: Mapping[str, tuple[float, float]] = {"spikingjelly": (0.4, 0.6), "legacy": (-0.2, 0.2)}
"""Bounds of the uniform distribution of theta at the start, for the two neuron families of the paper."""


class IMP(SpikingNeuron):
    """Learnable initial membrane potential: current `[T, B, *]` to spikes `[T, B, *]`.

    Attributes:
        theta: the learned parameter; its shape follows the first input `[B, C, *]`.
        base: the neuron inside.

    Args:
        base: any neuron whose membrane potential carries over from step to step.
        shape: one theta for each "neuron" `[C, *]`, each "channel" `[C, 1, ...]`, or the "layer" `[]`.
        family: where theta starts: U(0.4, 0.6) as in the paper's "spikingjelly" networks, or
            U(-0.2, 0.2) as in its "legacy" ones (48 x 48 event data).
        low, high: bounds of that distribution, for others than the family's.
        sigmoid: the potential is sigmoid(theta), and stays between 0 and 1.
        learnable: theta is trained; otherwise it stays as it was drawn, the control for what learning does.

    Raises:
        ValueError: the bounds are infinite or in the wrong order.
        ContractError: the base has no membrane potential to start from.
    """

    def __init__(
        self,
        *,
        base: Component,
        shape: Literal["neuron", "channel", "layer"] = "neuron",
        family: Literal["spikingjelly", "legacy"] = "spikingjelly",
        low: float | None = None,
        high: float | None = None,
        sigmoid: bool = False,
        learnable: bool = True,
    ) -> None:
        super().__init__()
        usual = FAMILIES[family]
        self.low, self.high = usual[0] if low is None else low, usual[1] if high is None else high
        if not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(f"low must be finite and not above high, got low={self.low}, high={self.high}")
        self.base = as_neuron(base)
        if self.base.windowed:
            raise _no_potential(self.base, "takes the whole window of steps at once and has none")
        if self.base.analog:
            raise _no_potential(self.base, "sends analog values and has none")
        if isinstance(self.base, IMP):
            raise _no_potential(self.base, "has a learnable one already")
        self.graded = self.base.graded  # type: ignore[misc]
        self.shape, self.sigmoid = shape, sigmoid
        self.learnable = learnable
        self.theta = nn.UninitializedParameter(requires_grad=learnable)

    def forward(self, x: Tensor, state: State | None = None) -> Tensor | tuple[Tensor, State]:
        """Run a sequence from theta, or continue one; shapes as in `SpikingNeuron.forward`."""
        if isinstance(self.theta, nn.UninitializedParameter):
            materialize(self.base, x)  # some need the number of steps for it, which initial_state cannot say
            self.initial_state(x[0])
        if state is not None:
            return super().forward(x, state)
        return self.base.sequence_from(x, self._start(x.shape[1:]))[0]

    def initial_state(self, x: Tensor) -> State:
        """Return the base's state with `v` at theta.

        Args:
            x: input of one step `[B, *]`.

        Raises:
            ContractError: the input has another size than the first one had, or the base
                has no membrane potential that carries over.
        """
        state = self.base.initial_state(x)
        if isinstance(self.theta, nn.UninitializedParameter):
            self._check_base(x, state)
            with torch.no_grad():
                self.theta.materialize(self._shape_for(x.shape), device=x.device, dtype=state.v.dtype)
                self.theta.uniform_(self.low, self.high)
        return state._replace(v=self._start(x.shape).to(state.v.dtype).expand(state.v.shape))

    def _start(self, shape: torch.Size) -> Tensor:
        """Return the potential of every sample `[*]` at the start, for an input of the shape `[B, *]`."""
        theta, expected = self.theta, self._shape_for(shape)
        if theta.shape != expected:
            raise ContractError(
                f"the initial potential theta has the shape {list(theta.shape)} of the first input or "
                f"the checkpoint, but this input {list(shape)} needs {list(expected)}; give inputs of one "
                "size, or use shape = 'channel' or 'layer'"
            )
        start = theta.sigmoid() if self.sigmoid else theta
        return start if self.shape == "neuron" else start.expand(shape[1:])

    def leak_factor(self) -> float | None:
        """Return the base's."""
        return self.base.leak_factor()

    def dynamics(self) -> Dynamics | None:
        """Return the base's."""
        return self.base.dynamics()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance the base one time step; shapes as in `SpikingNeuron.step`."""
        return self.base.step(x, state)

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run the base's own sequence."""
        return self.base.sequence(x, state)

    def _shape_for(self, shape: torch.Size) -> torch.Size:
        if self.shape == "neuron":
            return shape[1:]
        return torch.Size([]) if self.shape == "layer" else torch.Size([shape[1], *[1] * (len(shape) - 2)])

    def _check_base(self, x: Tensor, state: State) -> None:
        """Refuse a base whose spikes do not depend on where `v` starts: theta would never learn."""
        if "v" not in getattr(state, "_fields", ()):
            raise _no_potential(self.base, "has none in its state")
        with torch.enable_grad():
            v = state.v.detach().clone().requires_grad_()
            spikes, after = self.base.step(torch.zeros_like(x), state._replace(v=v))
            outcome = [t.sum() for t in (spikes, *after) if isinstance(t, Tensor) and t.requires_grad]
            (reached,) = torch.autograd.grad(outcome, v, allow_unused=True) if outcome else (None,)
        if reached is None:
            raise _no_potential(self.base, "keeps none from one step to the next")

    def extra_repr(self) -> str:
        """Show the settings."""
        return (
            f"shape={self.shape!r}, low={self.low}, high={self.high}, sigmoid={self.sigmoid}, "
            f"learnable={self.learnable}"
        )


def _no_potential(base: SpikingNeuron, why: str) -> ContractError:
    return ContractError(
        f"a learnable initial potential needs a neuron with a membrane potential to start from, but "
        f"{type(base).__name__} {why}; choose another base, such as lif"
    )
