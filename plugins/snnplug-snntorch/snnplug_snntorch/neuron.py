"""snnTorch's leaky integrate-and-fire neuron, `snntorch.Leaky`.

    r[t] = 1 if u[t-1] > threshold else 0                      without a gradient
    u[t] = beta u[t-1] + x[t] - r[t] threshold                 reset_mechanism = "subtract"
           beta (1 - r[t]) u[t-1] + x[t]                       "zero"
           beta u[t-1] + x[t]                                  "none"
    s[t] = 1 if u[t] > threshold else 0

    reset_delay = false, afterwards:  u[t] -= (s[t] - r[t]) threshold, or (s[t] - r[t]) u[t] for "zero"

Eshraghian et al., "Training Spiking Neural Networks Using Lessons From Deep Learning", Proceedings
of the IEEE 2023, arXiv:2109.12894. The state is the membrane potential u as snnTorch returns it: with
the delay it is the one before the reset. A potential equal to the threshold does not fire, and the
threshold that is subtracted is not scaled by beta.

snnTorch itself is not used here but in the tests, where spikes, potentials and gradients are
compared with its class for every setting. Through the class this contract cannot be kept: each
neuron made is held for ever in a list of the class; the potential of the last call, with its graph,
stays on the module, which then cannot be copied; and spikes are float32 whatever the input.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from snnplug.nn import Dynamics, MembraneState, Reset, SpikingNeuron, join_steps, saturate, sharpness, spike

__all__ = ["Leaky"]


class Leaky(SpikingNeuron):
    """snnTorch's Leaky: current `[T, B, *]` to spikes `[T, B, *]`.

    Args:
        beta: part of the membrane potential that is kept from one time step to the next, in [0, 1].
        threshold: fires at a membrane potential above this; above 0.
        reset_mechanism: "subtract" the threshold, to "zero", or "none".
        reset_delay: reset at the beginning of the step after the spike, rather than at once.
        learn_beta: learn beta, one per layer; it counts as 0 below 0 and as 1 above 1.
        learn_threshold: learn the threshold, one per layer.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    beta: Tensor
    threshold: Tensor

    def __init__(
        self,
        *,
        beta: Annotated[float, Ge(0), Le(1)] = 0.9,
        threshold: Annotated[float, Gt(0)] = 1.0,
        reset_mechanism: Literal["subtract", "zero", "none"] = "subtract",
        reset_delay: bool = True,
        learn_beta: bool = False,
        learn_threshold: bool = False,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__()
        self._hold("beta", beta, learn_beta)
        self._hold("threshold", threshold, learn_threshold)
        self.reset_mechanism, self.reset_delay = reset_mechanism, reset_delay
        self.surrogate, self.alpha = surrogate, sharpness(surrogate, alpha)

    def _hold(self, name: str, value: float, learn: bool) -> None:
        tensor = torch.tensor(float(value))
        if learn:
            self.register_parameter(name, nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)

    def dynamics(self) -> Dynamics | None:
        """Return its equations as numbers: a reset to zero one step late sends the spikes of one in time.

        None for a threshold that is subtracted one step late, which the leak then does not touch.
        """
        resets: dict[str, Reset] = {"subtract": "soft", "zero": "hard", "none": "none"}
        if self.reset_mechanism == "subtract" and self.reset_delay:
            return None
        return Dynamics(
            rate=1 - float(self.beta.detach().clamp(0, 1)),
            gain=1.0,
            rest=0.0,
            threshold=float(self.threshold.detach()),
            reset=resets[self.reset_mechanism],
            strict=True,
        )

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return a membrane potential of zero, in at least float32."""
        return MembraneState(torch.zeros_like(x, dtype=torch.promote_types(x.dtype, torch.float32)))

    def step(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Reset what fired in the step before, charge and fire; shapes as in `SpikingNeuron.step`."""
        s, state = self.sequence(x.unsqueeze(0), state)
        return s[0], state

    def sequence(self, x: Tensor, state: MembraneState) -> tuple[Tensor, MembraneState]:
        """Do the same for each step of `[T, B, *]`."""
        u, beta, spikes = state.v, self.beta.clamp(0, 1), []
        for current in saturate(x, u.dtype).unbind(0):
            r = (u > self.threshold).to(u.dtype)
            if self.reset_mechanism == "zero":
                u = (1 - r) * u
            u = beta * u + current
            if self.reset_mechanism == "subtract":
                u = u - r * self.threshold
            s = spike(u - self.threshold, self.surrogate, self.alpha, strict=True)
            if not self.reset_delay and self.reset_mechanism != "none":
                u = u - (s - r) * (self.threshold if self.reset_mechanism == "subtract" else u)
            spikes.append(s)
        return join_steps(spikes).to(x.dtype), MembraneState(u)

    def extra_repr(self) -> str:
        """Show the settings."""
        learned = "".join(f", learn_{name}=True" for name in self._parameters)
        return (
            f"beta={self.beta.item():.4g}, threshold={self.threshold.item():.4g}, "
            f"reset_mechanism={self.reset_mechanism!r}, reset_delay={self.reset_delay}{learned}, "
            f"surrogate={self.surrogate!r}, alpha={self.alpha}"
        )
