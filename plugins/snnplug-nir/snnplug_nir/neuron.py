"""The neurons of a NIR file: integrate-and-fire, with or without a leak, reset to a potential."""

from __future__ import annotations

from snnplug.nn import IntegrateAndFire, Leak

__all__ = ["NIRNeuron"]


class NIRNeuron(IntegrateAndFire):
    """A layer of `LIF` or `IF` nodes: current `[T, B, *]` to spikes `[T, B, *]`.

    Args:
        tau: membrane time constant in time steps; None without a leak.
        threshold: fires at a membrane potential of this or more.
        reset_value: where a spike leads, and the potential at rest.
        decay_input: divide the current by `tau` as well.
    """

    def __init__(
        self, *, tau: float | None, threshold: float, reset_value: float = 0.0, decay_input: bool = False
    ) -> None:
        super().__init__(
            threshold=threshold,
            reset="hard",
            reset_value=reset_value,
            detach_reset=True,
            surrogate="atan",
            alpha=None,
        )
        self.tau, self.decay_input = tau, decay_input

    def leak(self) -> Leak:
        """Leak towards `reset_value` with the time constant `tau`."""
        if self.tau is None:
            return Leak()
        return Leak(tau=self.tau, decay_input=self.decay_input, rest=self.reset_value)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"tau={self.tau}, decay_input={self.decay_input}, {super().extra_repr()}"
