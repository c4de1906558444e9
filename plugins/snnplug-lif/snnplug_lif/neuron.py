"""The leaky and the non-leaky integrate-and-fire neuron.

    LIF  h[t] = v[t-1] + (x[t] - (v[t-1] - v_rest)) / tau      decay_input = true
         h[t] = v[t-1] - (v[t-1] - v_rest) / tau + x[t]        decay_input = false
    IF   h[t] = v[t-1] + x[t]

    s[t] = 1 if h[t] >= threshold else 0, then the reset; v_rest is `reset_value`.

Discretised as in SpikingJelly (Fang et al., Science Advances 2023, arXiv:2310.16620). Two
defaults differ from its: the surrogate is atan and the reset is detached, as in the
experiments of PLIF (arXiv:2007.05785) and SNASNet (arXiv:2201.10355).
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from snnplug.nn import IntegrateAndFire, Leak, Reset, kernel_surrogate
from snnplug_lif.kernel import SURROGATES

__all__ = ["IF", "LIF"]


class LIF(IntegrateAndFire):
    """Leaky integrate-and-fire neuron: current `[T, B, *]` to spikes `[T, B, *]`.

    Args:
        tau: membrane time constant in time steps, above 1.
        threshold: fires at a membrane potential of this or more.
        reset: "hard" (to `reset_value`), "soft" (down by the threshold) or "none".
        reset_value: where a hard reset leads, and the potential at rest.
        decay_input: divide the current by `tau` as well.
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
        self.tau, self.decay_input = float(tau), decay_input

    def leak(self) -> Leak:
        """Leak towards `reset_value` with the time constant `tau`."""
        return Leak(tau=self.tau, decay_input=self.decay_input, rest=self.reset_value)

    def kernel(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor] | None:
        """Run SpikingJelly's kernel on a GPU."""
        surrogate = kernel_surrogate(self, x, SURROGATES)
        if surrogate is None:
            return None
        from spikingjelly.activation_based.functional import lif_multi_step

        target = self.reset_value if self.reset == "hard" else None
        x, v = x if x.stride(0) else x.contiguous(), v.float().expand(x.shape[1:])
        s, v, _ = lif_multi_step(
            x, v, self.tau, self.decay_input, self.threshold, target, surrogate, self.detach_reset
        )
        return s, v

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"tau={self.tau}, decay_input={self.decay_input}, {super().extra_repr()}"


class IF(IntegrateAndFire):
    """Integrate-and-fire neuron without a leak: current `[T, B, *]` to spikes `[T, B, *]`.

    Args:
        threshold: fires at a membrane potential of this or more.
        reset: "hard" (to `reset_value`), "soft" (down by the threshold) or "none".
        reset_value: where a hard reset leads, and the potential at the start.
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
        threshold: Annotated[float, Gt(0)] = 1.0,
        reset: Reset = "hard",
        reset_value: float = 0.0,
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

    def leak(self) -> Leak:
        """Leak nothing."""
        return Leak()

    def kernel(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor] | None:
        """Run SpikingJelly's kernel on a GPU."""
        surrogate = kernel_surrogate(self, x, SURROGATES)
        if surrogate is None:
            return None
        from spikingjelly.activation_based.functional import if_multi_step

        target = self.reset_value if self.reset == "hard" else None
        x, v = x if x.stride(0) else x.contiguous(), v.float().expand(x.shape[1:])
        s, v, _ = if_multi_step(x, v, self.threshold, target, surrogate, self.detach_reset)
        return s, v
