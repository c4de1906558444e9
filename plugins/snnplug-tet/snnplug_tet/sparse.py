"""Sparse firing: any loss plus a penalty on firing rates above a target.

    L = L_base + weight sum_l a_l max(0, r_l - target)^p        p = 1 ("l1") or 2 ("squared")

r_l is the mean firing rate of layer l: spikes per neuron and time step, over the batch. The layers
weigh

    over = "neurons"   a_l = N_l / sum_m N_m, N_l the neurons of layer l: every neuron counts alike, so
                       at target 0 and p = 1 the penalty is the mean firing rate of the network
    over = "layers"    a_l = 1 / number of layers: every layer counts alike, small ones as much as large

An upper bound on the activity of a population with both exponents: Zenke and Vogels, Neural
Computation 2021, doi:10.1162/neco_a_01367; here on rates rather than spike counts, so that it depends
on neither T nor the size of a layer. A graded spike counts by its size.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from snnplug import Component
from snnplug.errors import ContractError
from snnplug.nn import Loss, SpikingNeuron, watch_spikes

__all__ = ["Sparse"]


class Sparse(Loss):
    """A loss plus a penalty on the firing rates of the network that is trained.

    The penalty is there while the network trains. In evaluation mode, and before `watch` and after
    `unwatch`, the loss is that of the base, so validation losses compare between weights.

    Args:
        base: the loss; its readout is the readout.
        weight: weight of the penalty, at least 0.
        target: firing rate up to which nothing is paid, in spikes per neuron and time step.
        penalty: "l1", the rate above the target, or "squared", its square.
        over: whether all "neurons" or all "layers" weigh alike.

    Raises:
        ValueError: a value is out of its range.
        ContractError: the base is no loss.
    """

    def __init__(
        self,
        *,
        base: Component,
        weight: Annotated[float, Ge(0)] = 1e-3,
        target: Annotated[float, Ge(0)] = 0.0,
        penalty: Literal["l1", "squared"] = "l1",
        over: Literal["neurons", "layers"] = "neurons",
    ) -> None:
        super().__init__()
        built = base.build()
        if not isinstance(built, Loss):
            raise ContractError(f"base must be a loss (a snnplug.nn.Loss), got {built!r}")
        self.base = built
        self.weight, self.target, self.penalty, self.over = float(weight), float(target), penalty, over
        self.rates: _Rates | None = None

    def watch(self, model: nn.Module) -> None:
        """Begin to measure the firing rates of a network; see `snnplug.nn.Loss`."""
        self.unwatch()
        self.base.watch(model)
        self.rates = _Rates(model)

    def unwatch(self) -> None:
        """Stop measuring."""
        self.base.unwatch()
        if self.rates is not None:
            self.rates.remove()
            self.rates = None

    def readout(self, outputs: Tensor) -> Tensor:
        """Return the base's readout."""
        return self.base.readout(outputs)

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Return the loss; shapes as in `snnplug.nn.Loss`."""
        loss: Tensor = self.base(outputs, target)
        if self.rates is None or not self.rates.spikes:
            return loss
        return loss + self.weight * self.excess(self.rates)

    def excess(self, rates: _Rates) -> Tensor:
        """Return the penalty before its weight, a scalar."""
        names = list(rates.spikes)
        rate = torch.stack([rates.spikes[name] / rates.updates[name] for name in names])
        sizes = [rates.sizes[name] if self.over == "neurons" else 1 for name in names]
        shares = torch.tensor(sizes, dtype=rate.dtype) / sum(sizes)
        above = (rate - self.target).clamp(min=0)
        return (shares.to(rate.device) * (above if self.penalty == "l1" else above.square())).sum()

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"weight={self.weight}, target={self.target}, penalty={self.penalty!r}, over={self.over!r}"


class _Rates:
    """The spikes of the last forward pass of a network, one sum for each layer, with their gradient.

    Nothing is kept of a pass in evaluation mode.
    """

    def __init__(self, model: nn.Module) -> None:
        self.graded = {n for n, m in model.named_modules() if isinstance(m, SpikingNeuron) and m.graded}
        self.running = False
        self.clear()
        self.handles: list[Any] = [
            model.register_forward_pre_hook(self.begin),
            model.register_forward_hook(self.end, always_call=True),
            watch_spikes(model, self.see),
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "handles": [], "spikes": {}}  # a copy holds no graph and watches nothing

    def clear(self) -> None:
        self.spikes: dict[str, Tensor] = {}
        self.updates: dict[str, int] = {}
        self.sizes: dict[str, int] = {}

    def begin(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        self.clear()
        self.running = model.training

    def end(self, model: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.running = False

    def see(self, name: str, spikes: Tensor) -> None:
        if not self.running:
            return
        counted = spikes.abs() if name in self.graded else spikes
        total = counted.sum(dtype=torch.promote_types(spikes.dtype, torch.float32))
        self.spikes[name] = self.spikes[name] + total if name in self.spikes else total
        self.updates[name] = self.updates.get(name, 0) + spikes.numel()
        self.sizes[name] = spikes[0, 0].numel()

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []
        self.clear()
