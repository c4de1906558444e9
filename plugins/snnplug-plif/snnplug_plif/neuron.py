"""The parametric leaky integrate-and-fire neuron: a LIF whose time constant is learned.

    1 / tau = sigmoid(w),   w a scalar of the layer, -ln(tau_0 - 1) at the start

    h[t] = v[t-1] + (x[t] - (v[t-1] - v_rest)) sigmoid(w)      decay_input = true
    h[t] = v[t-1] - (v[t-1] - v_rest) sigmoid(w) + x[t]        decay_input = false

    s[t] = 1 if h[t] >= threshold else 0, then the reset; v_rest is `reset_value`.

Fang et al., "Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking
Neural Networks", ICCV 2021, arXiv:2007.05785. The paper has the hard reset and the decayed
input, which are the defaults; the other choices are those of SpikingJelly.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from snnplug.nn import IntegrateAndFire, Leak, Reset, kernel_surrogate
from snnplug_plif.kernel import SURROGATES

__all__ = ["PLIF"]


class PLIF(IntegrateAndFire):
    """Parametric leaky integrate-and-fire neuron: current `[T, B, *]` to spikes `[T, B, *]`.

    Attributes:
        w: the learned parameter, a scalar.

    Args:
        tau: membrane time constant at the start, in time steps, above 1.
        threshold: fires at a membrane potential of this or more.
        reset: "hard" (to `reset_value`), "soft" (down by the threshold) or "none".
        reset_value: where a hard reset leads, and the potential at rest.
        decay_input: divide the current by tau as well.
        detach_reset: let no gradient pass through the spike inside the reset.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    def __init__(
        self,
        *,
        tau: Annotated[float, Gt(1)] = 2.0,
        threshold: Annotated[float, Gt(0)] = 1.0,
        reset: Reset = "hard",
        reset_value: float = 0.0,
        decay_input: bool = True,
        detach_reset: bool = True,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(
            threshold=threshold,
            reset=reset,
            reset_value=reset_value,
            detach_reset=detach_reset,
            surrogate=surrogate,
            alpha=alpha,
        )
        self.decay_input = decay_input
        self.w = nn.Parameter(torch.tensor(math.log(1 / (tau - 1))))

    @property
    def tau(self) -> float:
        """Time constant as learned so far, in time steps."""
        return 1 + math.exp(-self.w.item())

    def leak(self) -> Leak:
        """Leak towards `reset_value` with the learned rate."""
        return Leak(rate=self.w.sigmoid(), decay_input=self.decay_input, rest=self.reset_value)

    def kernel(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor] | None:
        """Run SpikingJelly's kernel on a GPU."""
        surrogate = kernel_surrogate(self, x, SURROGATES)
        if surrogate is None:
            return None
        from spikingjelly.activation_based.functional import plif_multi_step

        target = self.reset_value if self.reset == "hard" else None
        x, v = x if x.stride(0) else x.contiguous(), v.float().expand(x.shape[1:])
        s, v, _ = plif_multi_step(
            x, v, self.w, self.decay_input, self.threshold, target, surrogate, self.detach_reset
        )
        return s, v

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"tau={self.tau:.4g}, decay_input={self.decay_input}, {super().extra_repr()}"
