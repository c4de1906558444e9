"""Gradual pruning: the smallest weights become zero, more and more of them while the network trains.

    s(t) = s_f + (s_i - s_f) (1 - (t - begin) / (end - begin))^3        share of zeros at t in [begin, end]

M. Zhu and S. Gupta, To prune, or not to prune, 2017, arXiv:1710.01878. t is the share of the training that is
done. Weights that are zero once stay so. What differs: besides each layer by itself, all layers may be
compared with one another; and of each epoch the synaptic operations are counted that are left.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Interval
from torch import Tensor

from snnplug.nn import SYNAPTIC, Callback, SpikingNeuron, Training, outermost, record

__all__ = ["GradualPruning"]


class GradualPruning(Callback):
    """Prune weights of convolutions and linear layers, not their biases.

    Args:
        sparsity: share of zeros at the end, s_f.
        initial: share of zeros at the first pruning, s_i.
        begin, end: shares of the training at the first and the last pruning.
        updates: how often it is pruned.
        scope: the smallest weights of each "layer", or of the whole "network".
        spare: patterns of names of weights that stay whole, such as "stem.*".
        samples: held-out samples by which synaptic operations are counted after each epoch; 0: not.

    Raises:
        ValueError: a number is out of its range, or the end is before the beginning.
    """

    def __init__(
        self,
        *,
        sparsity: Annotated[float, Interval(gt=0, lt=1)] = 0.8,
        initial: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        begin: Annotated[float, Interval(ge=0, le=1)] = 0.1,
        end: Annotated[float, Interval(ge=0, le=1)] = 0.7,
        updates: Annotated[int, Ge(1)] = 20,
        scope: Literal["layer", "network"] = "layer",
        spare: tuple[str, ...] = (),
        samples: Annotated[int, Ge(0)] = 64,
    ) -> None:
        if end < begin:
            raise ValueError(f"end must not be before begin = {begin}, got {end}")
        if sparsity < initial:
            raise ValueError(f"sparsity must be at least initial = {initial}, got {sparsity}")
        self.sparsity, self.initial, self.begin, self.end = sparsity, initial, begin, end
        self.updates, self.scope, self.spare, self.samples = updates, scope, spare, samples
        self.done = 0
        self.masks: dict[str, Tensor] = {}

    def on_train_start(self, training: Training) -> None:
        """Find the weights."""
        self.weights_of = {
            f"{name}.weight" if name else "weight": module.weight
            for name, module in outermost(training.network, (SpikingNeuron,))
            if isinstance(module, SYNAPTIC)
        }
        for pattern in self.spare:
            for name in fnmatch.filter(list(self.weights_of), pattern):
                del self.weights_of[name]
        if not self.weights_of:
            raise ValueError("there is no convolution or linear layer to prune; spare fewer of them")
        self.masks = {name: mask.to(self.weights_of[name].device) for name, mask in self.masks.items()}

    def on_after_optimizer_step(self, training: Training) -> None:
        """Prune where it is time to, and keep at zero what was pruned."""
        due = self.due(training.progress)
        if due > self.done:
            self.done = due
            self._prune(self.share(due))
        for name, mask in self.masks.items():
            self.weights_of[name].mul_(mask)

    def due(self, progress: float) -> int:
        """Return how many prunings have come by a share of the training."""
        if progress < self.begin:
            return 0
        if progress >= self.end:
            return self.updates
        return 1 + int((progress - self.begin) / (self.end - self.begin) * (self.updates - 1))

    def share(self, pruning: int) -> float:
        """Return the share of zeros after a pruning, from 1."""
        left = 1 - (pruning - 1) / (self.updates - 1) if self.updates > 1 else 0.0
        return self.sparsity + (self.initial - self.sparsity) * left**3

    def _prune(self, share: float) -> None:
        sizes = {name: self._kept_sizes(name) for name in self.weights_of}
        if self.scope == "network":
            flat = torch.cat([size.flatten() for size in sizes.values()])
            parts = _largest(flat, share).split([size.numel() for size in sizes.values()])
            self.masks = {
                name: part.view_as(size) for (name, size), part in zip(sizes.items(), parts, strict=True)
            }
        else:
            self.masks = {name: _largest(size.flatten(), share).view_as(size) for name, size in sizes.items()}

    def _kept_sizes(self, name: str) -> Tensor:
        """Return the sizes of weights, of those pruned before less than any other's."""
        size = self.weights_of[name].detach().abs()
        return size.masked_fill(~self.masks[name], -1.0) if name in self.masks else size

    def on_train_epoch_end(self, training: Training) -> Mapping[str, float]:
        """Return the share of zeros, and the synaptic operations of a sample without them."""
        weights = self.weights_of.values()
        zeros = sum(int((weight == 0).sum()) for weight in weights)
        facts = {"sparsity": zeros / sum(weight.numel() for weight in weights)}
        if self.samples:
            inputs, _ = training.samples(self.samples)
            was = training.network.training
            training.network.eval()
            with record(training.network) as activity:
                training.network(inputs)
            training.network.train(was)
            facts["synaptic_operations"] = activity.effective_operations
        return facts

    def state_dict(self) -> dict[str, Any]:
        """Return what was pruned."""
        return {"done": self.done, "masks": dict(self.masks)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.done, self.masks = state["done"], dict(state["masks"])


def _largest(sizes: Tensor, share: float) -> Tensor:
    """Return 1 for the largest of some sizes, a share of which gets 0; of equals the first gets 0."""
    mask = torch.ones(len(sizes), dtype=torch.bool, device=sizes.device)
    mask[sizes.sort(stable=True).indices[: round(share * len(sizes))]] = False
    return mask
