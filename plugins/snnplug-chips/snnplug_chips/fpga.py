"""An FPGA whose block RAM holds all weights and membrane potentials: no layer waits for outer memory.

    memory = bits * (weights + biases) + state_bits * neurons, in KiB of 1024 bytes

The default is an Artix-7 35T. Max pools of spikes are a logical or, average pools a sum. Logic and routing
are not counted: what they need depends on the tool.

Sources and dates stand in the profile.
"""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt

from snnplug import Fit, LayerGraph, check_ranges
from snnplug_chips.profile import read_profile
from snnplug_chips.rules import known_layers, plain_neurons

__all__ = ["FPGA"]


class FPGA:
    """A generic FPGA.

    Args:
        memory: KiB of block RAM; None for the profile's.
        bits: of a weight, with its sign.
        state_bits: of a membrane potential.
    """

    per_channel = True

    @check_ranges
    def __init__(
        self,
        *,
        memory: Annotated[float, Gt(0)] | None = None,
        bits: Annotated[int, Ge(2)] = 8,
        state_bits: Annotated[int, Ge(2)] = 16,
    ) -> None:
        self.profile = read_profile("fpga")
        self.memory = float(self.profile["memory"].value if memory is None else memory)
        self.title, self.weight_bits, self.state_bits = self.profile.title, bits, state_bits
        self.source = self.profile.source

    def __call__(self, network: LayerGraph) -> Fit:
        """Return what of a network fits, and what does not."""
        limits = self.profile
        found = [
            *known_layers(network, limits["layers"]),
            *plain_neurons(network, limits["layers"], leak=True, resets=("soft", "hard")),
        ]
        weights = sum(layer.weights + layer.biases for layer in network.weighted)
        neurons = sum(layer.outputs for layer in network.neurons)
        smallest, largest = limits["smallest_bits"], limits["largest_bits"]
        memory = (self.weight_bits * weights + self.state_bits * neurons) / 8 / 1024
        needs = [limits["memory"].need("", memory, "use fewer channels or bits", allowed=self.memory)]
        if not smallest.value <= self.weight_bits <= largest.value:
            there = f"{smallest.value} to {largest.value}"
            advice = f"set bits to {there}"
            needs.append(largest.lacks("", "bits of a weight", f"{self.weight_bits}", there, advice))
        return Fit(needs=(*found, *needs))
