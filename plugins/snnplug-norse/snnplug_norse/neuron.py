"""Norse's leaky integrate-and-fire neurons, with and without a synaptic current.

    LIF      i = i[t-1] + x[t]
             h = v[t-1] + (v_rest - v[t-1] + i) / tau_mem
             i[t] = i - i / tau_syn
    LIFBox   h = v[t-1] + (v_rest - v[t-1] + x[t]) / tau_mem

    s[t] = 1 if h > threshold else 0, then the reset: v[t] = reset_value where it fires ("hard"), or
    h - threshold ("soft", LIFBox only)

Pehle and Pedersen, "Norse: a deep learning library for spiking neural networks", 2021,
doi:10.5281/zenodo.4422025. Each step is Norse's own function, called with dt = 1, so that time
constants are in time steps: Norse's dt = 1 ms with tau_mem_inv = 100 per second is tau_mem = 10
steps, and tau_syn_inv = 200 is tau_syn = 5. A potential equal to the threshold does not fire, and
the gradient passes through the reset. What differs from Norse: the constants are buffers or
parameters of the module, so they are saved, loaded and moved with it, and the state has the type
of the input (float32 for half precision) where Norse always takes float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from snnplug.nn import MembraneState, SpikingNeuron, State, join_steps, saturate
from snnplug_norse import library as norse

__all__ = ["CurrentState", "NorseLIF", "NorseLIFBox"]

SURROGATES = ("super", "triangle", "tanh", "circ", "heavi_erfc")


class CurrentState(NamedTuple):
    """Membrane potential after the reset, and synaptic current after its decay."""

    v: Tensor
    i: Tensor


class _NorseNeuron(SpikingNeuron):
    """What both neurons share: time constants, potentials and Norse's surrogates."""

    threshold: Tensor
    reset_value: Tensor
    resting_value: Tensor

    def __init__(
        self,
        *,
        taus: dict[str, float],
        learnable: bool,
        threshold: float,
        reset_value: float,
        resting_value: float,
        surrogate: str,
        alpha: Annotated[float, Gt(0)],
    ) -> None:
        super().__init__()
        if not -math.inf < threshold < math.inf:
            raise ValueError(f"threshold must be a finite number, got {threshold}")
        for name, value in (("reset_value", reset_value), ("resting_value", resting_value)):
            if not -math.inf < value < threshold:
                raise ValueError(f"{name} must be below the threshold {threshold}, got {value}")
        if surrogate == "super" and alpha != 1:
            raise ValueError(f"alpha is not used by Norse's 'super', whose sharpness is 1, got {alpha}")
        self.taus = tuple(taus)
        for name, tau in taus.items():
            self._hold(name, tau, learnable)
        self.register_buffer("threshold", torch.tensor(float(threshold)))
        self.register_buffer("reset_value", torch.tensor(float(reset_value)))
        self.register_buffer("resting_value", torch.tensor(float(resting_value)))
        self.surrogate, self.alpha = surrogate, float(alpha)

    def _hold(self, name: str, tau: float, learnable: bool) -> None:
        """Hold 1 / tau: as a buffer, or as the sigmoid of a parameter, which keeps tau above 1."""
        if learnable and tau == 1:
            raise ValueError(f"tau_{name} must be greater than 1 time step to be learned, got {tau}")
        if learnable:
            self.register_parameter(f"w_{name}", nn.Parameter(torch.tensor(-math.log(tau - 1))))
        else:
            self.register_buffer(f"tau_{name}_inv", torch.tensor(1 / tau))

    def tau_inv(self, name: str) -> Tensor:
        """Return 1 / tau of "mem" or "syn", in 1 / time steps, as learned so far."""
        w = self._parameters.get(f"w_{name}")
        return self.get_buffer(f"tau_{name}_inv") if w is None else w.sigmoid()

    def common(self) -> dict[str, Any]:
        """Return what the parameter tuples of Norse share."""
        return {
            "tau_mem_inv": self.tau_inv("mem"),
            "v_leak": self.resting_value,
            "v_th": self.threshold,
            "v_reset": self.reset_value,
            "method": self.surrogate,
            "alpha": self.alpha,
        }

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by Norse's function; shapes as in `SpikingNeuron.step`."""
        s, state = self.sequence(x.unsqueeze(0), state)
        return s[0], state

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Do the same for each step of `[T, B, *]`."""
        function, constants, spikes = *self.function(), []
        for current in saturate(x, state.v.dtype).unbind(0):
            s, after = function(current, state, constants, dt=1)
            state = type(state)(*after)
            spikes.append(s)
        return join_steps(spikes).to(x.dtype), state

    def function(self) -> tuple[Callable[..., Any], Any]:
        """Return Norse's function for one step, and the constants it takes."""
        raise NotImplementedError(f"{type(self).__name__} must define function")

    def at_rest(self, x: Tensor) -> Tensor:
        """Return the resting potential for an input `[B, *]`, in at least float32."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        return torch.zeros_like(x, dtype=dtype) + self.resting_value.to(dtype)

    def extra_repr(self) -> str:
        """Show the settings."""
        taus = ", ".join(f"tau_{name}={1 / self.tau_inv(name).item():.4g}" for name in self.taus)
        return (
            f"{taus}, learnable={bool(self._parameters)}, threshold={self.threshold.item():.4g}, "
            f"reset_value={self.reset_value.item():.4g}, resting_value={self.resting_value.item():.4g}, "
            f"surrogate={self.surrogate!r}, alpha={self.alpha}"
        )


class NorseLIF(_NorseNeuron):
    """Norse's LIF: the input charges a synaptic current, the current the membrane.

    Args:
        tau_mem: membrane time constant in time steps, at least 1.
        tau_syn: time constant of the synaptic current in time steps, at least 1.
        threshold: fires at a membrane potential above this.
        reset_value: where the reset leads; below the threshold.
        resting_value: what the potential decays to, and where it starts; below the threshold.
        learnable: learn both time constants, one each per layer.
        surrogate: Norse's name: super, triangle, tanh, circ or heavi_erfc.
        alpha: sharpness of the surrogate in Norse's convention; "super" has none.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        *,
        tau_mem: Annotated[float, Ge(1)] = 10.0,
        tau_syn: Annotated[float, Ge(1)] = 5.0,
        threshold: float = 1.0,
        reset_value: float = 0.0,
        resting_value: float = 0.0,
        learnable: bool = False,
        surrogate: Literal["super", "triangle", "tanh", "circ", "heavi_erfc"] = "super",
        alpha: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        super().__init__(
            taus={"mem": tau_mem, "syn": tau_syn},
            learnable=learnable,
            threshold=threshold,
            reset_value=reset_value,
            resting_value=resting_value,
            surrogate=surrogate,
            alpha=alpha,
        )

    def initial_state(self, x: Tensor) -> CurrentState:
        """Return the state at rest, without a current."""
        v = self.at_rest(x)
        return CurrentState(v, torch.zeros_like(v))

    def function(self) -> tuple[Callable[..., Any], Any]:
        """Return `lif_feed_forward_step` and the constants it takes."""
        constants = norse.LIFParameters(tau_syn_inv=self.tau_inv("syn"), **self.common())
        return norse.lif_feed_forward_step, constants


class NorseLIFBox(_NorseNeuron):
    """Norse's LIFBox: the input charges the membrane directly.

    Args:
        tau_mem: membrane time constant in time steps, at least 1.
        threshold: fires at a membrane potential above this.
        reset: "hard" (to `reset_value`) or "soft" (down by the threshold).
        reset_value: where a hard reset leads; below the threshold.
        resting_value: what the potential decays to, and where it starts; below the threshold.
        learnable: learn the time constant, one per layer.
        surrogate: Norse's name: super, triangle, tanh, circ or heavi_erfc.
        alpha: sharpness of the surrogate in Norse's convention; "super" has none.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        *,
        tau_mem: Annotated[float, Ge(1)] = 10.0,
        threshold: float = 1.0,
        reset: Literal["hard", "soft"] = "hard",
        reset_value: float = 0.0,
        resting_value: float = 0.0,
        learnable: bool = False,
        surrogate: Literal["super", "triangle", "tanh", "circ", "heavi_erfc"] = "super",
        alpha: Annotated[float, Gt(0)] = 1.0,
    ) -> None:
        super().__init__(
            taus={"mem": tau_mem},
            learnable=learnable,
            threshold=threshold,
            reset_value=reset_value,
            resting_value=resting_value,
            surrogate=surrogate,
            alpha=alpha,
        )
        if reset == "soft" and reset_value != 0:
            raise ValueError(f"reset_value is used by a hard reset only; leave it at 0, got {reset_value}")
        self.reset = reset

    def initial_state(self, x: Tensor) -> MembraneState:
        """Return the state at rest."""
        return MembraneState(self.at_rest(x))

    def function(self) -> tuple[Callable[..., Any], Any]:
        """Return `lif_box_feed_forward_step` and the constants it takes."""
        reset = norse.reset_value if self.reset == "hard" else norse.reset_subtract
        return norse.lif_box_feed_forward_step, norse.LIFBoxParameters(reset_method=reset, **self.common())

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{super().extra_repr()}, reset={self.reset!r}"
