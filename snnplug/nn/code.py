"""A coding: a table from a potential, summed over a window, to the spikes that are sent for it.

    v = sum_t x[t]                        the window's potential
    n(v) = number of edges <= v           which case it is
    window[r] = values[n, r]              what is sent at entry r: a graded spike, or 0 for none
    d(v) = sum_r values[n, r]             the decoded value, which is all that a linear layer behind can tell

Every deterministic code of a summed potential is such a table: binary, first-spike, burst or phase codes that
wait for the whole window. A neuron of one writes `code` alone, and `start` to set it from samples.

Because what lies between two neurons is linear, the emitted window and the decoded value give equal outputs.
The value domain is one pass of one step; the event domain is the simulation, spike by spike.

Gradients: the values' own with the cases held constant, and for the potential a straight-through 1 between
the lowest edge and the highest level, 0 outside, as in quantisation-aware training (Esser et al., LSQ, 2020).
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from snnplug.errors import ContractError
from snnplug.nn.neuron import SpikingNeuron, State
from snnplug.nn.table import find_cases, look_up, take

__all__ = ["Code", "Domain", "WindowNeuron", "is_used", "midpoints"]

Domain = Literal["value", "event"]


class Code(NamedTuple):
    """The table; leading axes, if any, go over channels.

    Attributes:
        edges: where the case changes, `[..., N-1]`, ascending; no gradient.
        values: what is sent in each of N cases at each of R entries, `[..., N, R]`; 0 is no spike.
    """

    edges: Tensor
    values: Tensor

    @property
    def levels(self) -> Tensor:
        """The decoded value of each case, `[..., N]`, ascending."""
        return self.values.sum(-1)

    @property
    def spikes(self) -> Tensor:
        """The spikes of each case, `[..., N]`."""
        return self.values.count_nonzero(-1)


def is_used(edges: Tensor) -> Tensor:
    """Return which cases some potential leads to, `[..., N]`: those between two different edges."""
    ends = torch.full_like(edges[..., :1], torch.inf)
    return torch.cat([edges, ends], -1) > torch.cat([-ends, edges], -1)


def midpoints(levels: Tensor, used: Tensor | None = None) -> Tensor:
    """Return edges half-way between decoded values, so that every potential becomes the nearest of them.

    Args:
        levels: `[..., N]`; those that are used ascend.
        used: which cases may occur, `[..., N]`; None: all. No potential leads to the others.

    Returns:
        `[..., N-1]`, ascending.
    """
    levels = levels.detach()
    below = above = levels
    if used is not None:
        below = levels.masked_fill(~used, -torch.inf).cummax(-1).values
        above = levels.masked_fill(~used, torch.inf).flip(-1).cummin(-1).values.flip(-1)
    return (below[..., :-1] + above[..., 1:]) / 2


class WindowNeuron(SpikingNeuron):
    """Base of neurons that send a code of the potential of a whole window.

    Current `[T, B, C, *]` of any number of steps is summed over them. In the value domain it returns the
    decoded values `[1, B, C, *]`; in the event domain the window `[R, B, C, *]`.

    Attributes:
        domain: "value" or "event".
        slots: time steps that its window takes; several entries may share one.
        upper: bound of the activation that it stands for, such as 6 of a ReLU6; greater potentials count as
            that one.
    """

    windowed = True
    graded = True
    bias_every: ClassVar[int | None] = None

    def __init__(self, *, slots: int, upper: float = math.inf) -> None:
        super().__init__()
        if not upper > 0:
            raise ValueError(f"upper must be above 0, got {upper}")
        if slots < 1:
            raise ValueError(f"slots must be at least 1 time step, got {slots}")
        self.slots = slots
        self.upper = float(upper)
        self.domain: Domain = "value"

    @property
    def levels(self) -> int:  # type: ignore[override]
        """How many values a window can stand for, silence included."""
        return self.code().edges.shape[-1] + 1

    @abstractmethod
    def code(self) -> Code:
        """Return the table as its parameters have it now."""

    def start(self, samples: Tensor) -> None:
        """Set parameters from potentials `[n, C, *]` that the same layer of an ANN has; by default none."""

    def calibrate(self, samples: Tensor) -> None:
        """Set parameters from potentials, or leave them where that would not bring it nearer to a ReLU.

        Args:
            samples: potentials `[n, C, *]` that the same layer of an ANN has.
        """
        with torch.no_grad():
            before, kept = self.error(samples), copy.deepcopy(self.state_dict())
            self.start(samples)
            if not self.error(samples) <= before:
                self.load_state_dict(kept)

    def error(self, samples: Tensor) -> float:
        """Return the mean squared error of decoded potentials `[n, C, *]` against the activation of them."""
        code, bounded = self.code(), samples.clamp(max=self.upper)
        found = look_up(bounded, code.edges, code.levels.detach())
        return float((found - bounded.relu()).square().mean(dtype=torch.float64))

    def check(self, code: Code, x: Tensor) -> None:
        """Refuse a table for other channels than those of a current `[T, B, C, *]`.

        Raises:
            ContractError: they differ in number.
        """
        channels = code.edges.shape[:-1].numel()
        if channels > 1 and (x.ndim < 3 or x.shape[2] != channels):
            raise ContractError(
                f"{type(self).__name__} has parameters for {channels} channels, but its current "
                f"[T, B, C, ...] is {list(x.shape)}; build it for these channels, or share them in the layer"
            )

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Sum `[T, B, C, *]` over time and send the code of it."""
        code = self.code()
        self.check(code, x)
        v = x[0] if len(x) == 1 else x.sum(0)
        if self.upper < math.inf:
            v = v.clamp(max=self.upper)
        if v.dtype in (torch.float16, torch.bfloat16):
            v = v.float()
        if self.domain == "value":
            return look_up(v, code.edges, code.levels, through=code.levels).to(x.dtype).unsqueeze(0), state
        entries = [
            look_up(v, code.edges, entry, through=code.levels if r == 0 else None)
            for r, entry in enumerate(code.values.unbind(-1))
        ]
        return torch.stack(entries).to(x.dtype), state

    def spike_counts(self, spikes: Tensor) -> Tensor:
        """Return for how many spikes each value that it has sent stands."""
        if self.domain == "event":
            return spikes.ne(0).to(spikes.dtype)
        code = self.code()
        edges = midpoints(code.levels, is_used(code.edges)).to(spikes.dtype)
        return take(find_cases(spikes[0], edges), code.spikes.to(spikes.dtype)).unsqueeze(0)

    def extra_repr(self) -> str:
        """Show the window."""
        return f"slots={self.slots}, domain={self.domain!r}"
