"""A coding: a table from a potential, summed over a window, to the spikes that are sent for it.

    v = sum_t x[t]                        the window's potential
    n(v) = number of edges <= v           which case it is
    window[r] = values[n, r]              what is sent at entry r: a graded spike, or 0 for none
    d(v) = sum_r values[n, r]             the decoded value, which is all that a linear layer behind can tell

Every deterministic code of a summed potential is such a table: binary, first-spike, burst or phase codes that
wait for the whole window. A neuron of one writes `code` alone, and `start` to set it from samples.

Because what lies between two neurons is linear, the emitted window and the decoded value give equal outputs.
The value domain is one pass of one step; the event domain is the simulation, spike by spike.

Calibration may correct each channel for what the layers before it do to its potential, by a line before the
table and a factor behind it:

    u = slope v + shift,   d(v) = gain sum_r values[n(u), r]

which is a table too, with edges (edges - shift) / slope: on hardware, other thresholds and weights.

Gradients: the values' own with the cases held constant, and for the potential a straight-through 1 between
the lowest edge and the highest level, 0 outside, as in quantisation-aware training (Esser et al., LSQ, 2020).
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from annotated_types import Ge
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn.correction import correction_of, follow
from snnplug.nn.materialize import needing_shapes
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
        corrects: calibration sets the correction; a code that has to be as it is published says no.
        correction: slope, shift and gain of each channel `[3, C]`, or None.
        slots: time steps that its window takes; several entries may share one.
        upper: bound of the activation that it stands for, such as 6 of a ReLU6; greater potentials count as
            that one.
    """

    windowed = True
    graded = True
    bias_every: ClassVar[int | None] = None
    corrects: bool = True
    correction: nn.Parameter | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls.code, "needs_shapes"):
            cls.code = needing_shapes(cls.code)  # type: ignore[assignment, method-assign]

    def __init__(self, *, slots: Annotated[int, Ge(1)], upper: float = math.inf) -> None:
        super().__init__()
        if not upper > 0:
            raise ValueError(f"upper must be above 0, got {upper}")
        self.slots = slots
        self.upper = float(upper)
        self.domain: Domain = "value"
        self.register_parameter("correction", None)

    @property
    def levels(self) -> int:  # type: ignore[override]
        """How many values a window can stand for, silence included."""
        return self.code().edges.shape[-1] + 1

    @abstractmethod
    def code(self) -> Code:
        """Return the table as its parameters have it now, for corrected potentials.

        Raises:
            ContractError: their shape follows the current, and none was seen yet.
        """

    def corrected(self) -> Code:
        """Return the table for potentials as they come, `[C, N-1]` and `[C, N, R]` if they are corrected."""
        if self.correction is None:
            return self.code()
        slope, shift, gain = self.lines()
        edges, values = self.code()
        return Code((edges - shift) / slope, values * gain.unsqueeze(-1))

    def start(self, samples: Tensor) -> None:
        """Set parameters from potentials `[n, C, *]` that the same layer of an ANN has; by default none."""

    def calibrate(self, samples: Tensor, received: Tensor | None = None) -> None:
        """Set parameters from potentials, or leave them where that would not bring it nearer to a ReLU.

        Args:
            samples: potentials `[n, C, *]` that the same layer of an ANN has.
            received: those that it has in their place in the SNN, for which its channels are corrected; None:
                the same.

        Raises:
            ContractError: they are not of the same shape.
        """
        if received is not None and received.shape != samples.shape:
            raise ContractError(
                f"potentials {list(samples.shape)} of the ANN and {list(received.shape)} of the SNN are not "
                "of the same layer; build or convert both networks alike"
            )
        with torch.no_grad():
            before, kept = self.error(samples, received), copy.deepcopy(self.state_dict())
            self.correction = None
            self.start(samples)
            if received is not None and self.corrects:
                wanted = samples.clamp(0, self.upper)
                self.correction = nn.Parameter(correction_of(self.decoded, samples, received, wanted))
            if not self.error(samples, received) <= before:
                self.load_state_dict(kept)

    def error(self, samples: Tensor, received: Tensor | None = None) -> float:
        """Return the mean squared error of decoded potentials against the activation.

        Args:
            samples: potentials `[n, C, *]` that the activation is of.
            received: those that are decoded; None: the same.
        """
        found = self.decoded(samples if received is None else received)
        return float((found - samples.clamp(0, self.upper)).square().mean(dtype=torch.float64))

    def decoded(self, v: Tensor) -> Tensor:
        """Return the decoded values of potentials `[B, C, *]`, without gradient."""
        with torch.no_grad():
            code = self.code()
            return self._sent(v, code, [code.levels])[0]

    def check(self, code: Code, x: Tensor) -> None:
        """Refuse a table for other channels than those of a current `[T, B, C, *]`.

        Raises:
            ContractError: they differ in number.
        """
        own = code.edges.shape[:-1].numel()
        for channels in (own, 1 if self.correction is None else self.correction.shape[1]):
            if channels > 1 and (x.ndim < 3 or x.shape[2] != channels):
                raise ContractError(
                    f"{type(self).__name__} has parameters for {channels} channels, but its current "
                    f"[T, B, C, ...] is {list(x.shape)}; build it for these channels, or share them in the "
                    "layer"
                )

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Sum `[T, B, C, *]` over time and send the code of it."""
        code = self.code()
        self.check(code, x)
        v = x[0] if len(x) == 1 else x.sum(0)
        if v.dtype in (torch.float16, torch.bfloat16):
            v = v.float()
        entries = [code.levels] if self.domain == "value" else code.values.unbind(-1)
        return self._sent(v, code, entries).to(x.dtype), state

    def _sent(self, v: Tensor, code: Code, entries: Sequence[Tensor]) -> Tensor:
        """Return what is sent at each entry `[R, B, C, *]` for potentials `[B, C, *]`."""
        edges, through, upper = code.edges, code.levels.detach(), torch.as_tensor(self.upper)
        if self.correction is not None:
            slope, shift, gain = self.lines()
            edges, through, upper = ((one - shift) / slope for one in (edges, through, upper))
            entries = [entry * gain for entry in entries]
            upper = upper.view(-1, *[1] * (v.ndim - 2))
            v = follow(v, self.correction)
        if self.upper < math.inf:
            v = v.minimum(upper.to(v))
        sent = [
            look_up(v, edges, entry, through=through if r == 0 else None) for r, entry in enumerate(entries)
        ]
        return sent[0].unsqueeze(0) if len(sent) == 1 else torch.stack(sent)

    def lines(self) -> Tensor:
        """Return slope, shift and gain `[3, C, 1]`; a slope stays above 0, whatever training does."""
        assert self.correction is not None
        slope, shift, gain = self.correction.unsqueeze(-1)
        return torch.stack([slope.clamp(min=1e-3).detach(), shift.detach(), gain])

    def spike_counts(self, spikes: Tensor) -> Tensor:
        """Return for how many spikes each value that it has sent stands."""
        if self.domain == "event":
            return spikes.ne(0).to(spikes.dtype)
        code = self.corrected()
        edges = midpoints(code.levels, is_used(code.edges)).to(spikes.dtype)
        return take(find_cases(spikes[0], edges), code.spikes.to(spikes.dtype)).unsqueeze(0)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Take a correction from a checkpoint that has one; of a channel number that is known only there."""
        found, own = state_dict.get(f"{prefix}correction"), self.correction
        if found is None:
            self.correction = None
        elif own is None or own.shape != found.shape:  # else an optimizer may have it already
            self.correction = nn.Parameter(torch.empty_like(found))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        """Show the window."""
        return f"slots={self.slots}, domain={self.domain!r}"
