"""Exponential moving average of a network's weights and running statistics over the steps of a training.

    w_average <- ema w_average + (1 - ema) w,  from the weights after the first step on

B. T. Polyak and A. B. Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control Optim.
30 (1992), with weights that fall as in torch.optim.swa_utils, which computes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["AveragedWeights", "standing_in"]


class AveragedWeights:
    """The average, beside the network that is trained.

    Args:
        model: before its first step; no spikes of it are watched yet.
        decay: see `[train]`, `ema`.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        average: Any = get_ema_multi_avg_fn
        self.average = AveragedModel(model, multi_avg_fn=average(decay), use_buffers=True)

    def update(self) -> None:
        """Take in the weights after a step."""
        self.average.update_parameters(self.model)

    def weights(self) -> Mapping[str, Tensor]:
        """Return the average as a state of the network."""
        return self.average.module.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return self.average.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.average.load_state_dict(state)


@contextmanager
def standing_in(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Let a network have other weights inside the block."""
    own = {name: value.detach().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    try:
        yield
    finally:
        model.load_state_dict(own)
