"""First-spike codes: the sooner a spike, the more it is worth.

    t_e = first slot t with v >= theta_e(t)                                none: no spike at all
    t_c = first slot t >= t_e with v - theta_e(t_e) >= theta_c(t)          none: one spike
    d(v) = theta_e(t_e) + theta_c(t_c)

R. Feng et al., Computer Science 51(3):244-250, 2024, Eqs. 9 to 17; `ttfs` is its case of one spike. Spikes
carry the value of their threshold, and whether they encode or calibrate: entry 2t of a window is the encoding
spike of slot t, entry 2t + 1 its calibration spike. What differs: thresholds lie half-way between what can be
sent, so that a neuron sends the nearest value ("midpoints"); "paper" cuts down to the next lower one.
Eqs. 21 to 23 are printed without the factor dL/dv of the layer behind, without the sum over neurons, and with
v^{j+1} for v^{l+1}; the gradients here are those with spike times held constant.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from snnplug.nn import Code, State, WindowNeuron, midpoints
from snnplug_sc_ttfs.cases import cases_of
from snnplug_sc_ttfs.kernel import PRESETS, theta
from snnplug_sc_ttfs.start import fit, scale_channels

__all__ = ["SCTTFS", "TTFS"]

Thresholds = Literal["midpoints", "paper"]


class _FirstSpike(WindowNeuron):
    """What both codes share."""

    encoding: nn.Parameter
    first: Tensor
    second: Tensor

    def __init__(
        self,
        *,
        slots: Annotated[int, Ge(1)],
        single: bool,
        strict: bool,
        thresholds: Thresholds,
        silent: bool,
        per_channel: bool,
        upper: float,
        kernels: dict[str, tuple[float, ...]],
    ) -> None:
        super().__init__(slots=slots, upper=upper)
        for name, values in kernels.items():
            if len(values) != 3 or not (values[0] > 0 and values[2] > 0):
                raise ValueError(f"{name} must be alpha > 0, beta and k > 0, got {list(values)}")
        self.corrects = thresholds == "midpoints"
        self.single, self.thresholds, self.silent, self.per_channel = single, thresholds, silent, per_channel
        cases = cases_of(slots, strict=strict, single=single)
        self.register_buffer("first", cases.first, persistent=False)
        self.register_buffer("second", cases.second, persistent=False)
        self.kernels = {name: tuple(float(value) for value in values) for name, values in kernels.items()}
        for name, given in self.kernels.items():
            value = nn.UninitializedParameter() if per_channel else nn.Parameter(torch.tensor(given))
            self.register_parameter(name, value)

    def materialize(self, channels: int, like: Tensor) -> None:
        """Give every channel parameters of its own, if they have none yet."""
        for name, given in self.kernels.items():
            parameter = getattr(self, name)
            if isinstance(parameter, nn.UninitializedParameter):
                with torch.no_grad():
                    parameter.materialize(
                        (channels, 3),
                        device=like.device,
                        dtype=torch.promote_types(like.dtype, torch.float32),
                    )
                    parameter.copy_(torch.tensor(given).expand(channels, 3))

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Sum `[T, B, C, *]` over time and send the spikes of it."""
        self.materialize(x.shape[2] if x.ndim > 2 else 1, x)
        return super().sequence(x, state)

    def code(self) -> Code:
        """Return the table of the present thresholds."""
        return self.table(*(getattr(self, name) for name in self.kernels))

    def table(self, encoding: Tensor, calibration: Tensor | None = None) -> Code:
        """Return the table of thresholds `[..., 3]` each; leading axes stay."""
        S = self.slots
        first = theta(encoding, S)
        slots = torch.arange(S, device=first.device)
        sent = [torch.where(self.first.unsqueeze(-1) == slots, first.unsqueeze(-2), 0.0)]
        if calibration is not None:
            second = theta(calibration, S)
            sent.append(torch.where(self.second.unsqueeze(-1) == slots, second.unsqueeze(-2), 0.0))
        values = torch.stack(sent, -1).flatten(-2)
        edges = self._edges(first.detach(), values.detach().sum(-1))
        if not self.silent:  # whatever the potential, a spike at the last slot
            values = torch.cat([values[..., 1:2, :], values[..., 1:, :]], -2)
            edges = torch.cat([torch.full_like(edges[..., :1], -torch.inf), edges[..., 1:]], -1)
        return Code(edges, values)

    def _edges(self, first: Tensor, levels: Tensor) -> Tensor:
        """Return where the cases begin; what another, earlier first spike comes before does not occur."""
        bound = torch.cat([torch.full_like(first[..., :1], torch.inf), first], -1)
        next_first = bound.index_select(-1, self.first)  # of a slot, the threshold one slot before
        occurs = levels < next_first
        if self.thresholds == "paper":
            return torch.where(occurs, levels, next_first)[..., 1:]
        return midpoints(levels, occurs)

    def calibrate(self, samples: Tensor, received: Tensor | None = None) -> None:
        """Set the thresholds from potentials `[n, C, *]`; see `snnplug.nn.WindowNeuron`."""
        self.materialize(samples.shape[1], samples)
        super().calibrate(samples, received)

    def start(self, samples: Tensor) -> None:
        """Fit the thresholds to potentials `[n, C, *]` by least squares.

        One pair of thresholds for the layer is searched on a grid that gets finer; per channel they are then
        scaled.
        """
        names = list(self.kernels)
        samples = samples.clamp(max=self.upper)
        kernels = fit(self.table, len(names), samples)
        if self.per_channel:
            self.materialize(samples.shape[1], samples)
            kernels = scale_channels(self.table, kernels, samples)
        with torch.no_grad():
            for name, kernel in zip(names, kernels, strict=True):
                getattr(self, name).copy_(kernel)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"{super().extra_repr()}, thresholds={self.thresholds!r}, per_channel={self.per_channel}"


class SCTTFS(_FirstSpike):
    """Self-calibrating time to first spike: at most two spikes a window.

    Attributes:
        encoding, calibration: alpha, beta and k of the two thresholds, `[3]` or `[C, 3]`.

    Args:
        preset: Table 1 of the paper, "cifar10" or "cifar100", which the next three stand in for.
        slots: time steps S of a window; None: 6 or 7, of the preset.
        encoding, calibration: alpha, beta and k; None: of the preset.
        thresholds: "midpoints" sends the nearest value, "paper" the next lower.
        strict: the calibration spike comes at a later slot, for hardware with one spike a neuron and step.
        silent: send nothing below the least threshold (Eq. 10); without it the first spike always comes, at
            the latest at the last slot, as the paper's abstract says.
        per_channel: thresholds of its own for each channel.
        upper: bound of the activation that it stands for.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    calibration: nn.Parameter

    def __init__(
        self,
        *,
        preset: Literal["cifar10", "cifar100"] = "cifar10",
        slots: Annotated[int, Ge(1)] | None = None,
        encoding: tuple[float, float, float] | None = None,
        calibration: tuple[float, float, float] | None = None,
        thresholds: Thresholds = "midpoints",
        strict: bool = False,
        silent: bool = True,
        per_channel: bool = False,
        upper: float = math.inf,
    ) -> None:
        published = PRESETS[preset]
        super().__init__(
            slots=published.slots if slots is None else slots,
            single=False,
            strict=strict,
            thresholds=thresholds,
            silent=silent,
            per_channel=per_channel,
            upper=upper,
            kernels={
                "encoding": published.encoding if encoding is None else encoding,
                "calibration": published.calibration if calibration is None else calibration,
            },
        )


class TTFS(_FirstSpike):
    """Time to first spike: at most one spike a window; SC-TTFS without its second spike.

    Attributes:
        encoding: alpha, beta and k of the threshold, `[3]` or `[C, 3]`.

    Args:
        slots: time steps S of a window.
        encoding: alpha, beta and k.
        thresholds, silent, per_channel, upper: as of `SCTTFS`.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: a name is unknown.
    """

    def __init__(
        self,
        *,
        slots: Annotated[int, Ge(1)] = 8,
        encoding: tuple[float, float, float] = (2.0, 0.0, 0.4),
        thresholds: Thresholds = "midpoints",
        silent: bool = True,
        per_channel: bool = False,
        upper: float = math.inf,
    ) -> None:
        super().__init__(
            slots=slots,
            single=True,
            strict=False,
            thresholds=thresholds,
            silent=silent,
            per_channel=per_channel,
            upper=upper,
            kernels={"encoding": encoding},
        )
