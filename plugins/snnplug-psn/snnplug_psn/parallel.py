"""The parallel spiking neuron (PSN), and the one whose matrix is masked.

    h = W x,   s = 1 if h + b >= 0 else 0        x [T, *] the whole window, W [T, T], b [T]
    masked:    W (lambda M + 1 - lambda) in place of W; M[i][j] = 1 if i - k < j <= i else 0

There is no reset, so all steps are computed at once. W is full: a step also sees later ones, except
in the masked neuron at lambda = 1. A LIF that never resets is the special case
W[i][j] = (1/tau) (1 - 1/tau)^(i - j) for j <= i, b = -threshold.

Fang et al., "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term
Dependencies", NeurIPS 2023, arXiv:2304.12760. W starts uniform in +-1/sqrt(T), b at -1. The masked
neuron too runs on whole windows only; `sliding_psn` is the one that runs step by step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn import SpikingNeuron, State, saturate, sharpness, spike

__all__ = ["PSN", "MaskedPSN"]


class PSN(SpikingNeuron):
    """Parallel spiking neuron: current `[T, B, *]` to spikes `[T, B, *]`, T fixed by the first input.

    Attributes:
        weight: W, `[T, T]`.
        bias: b, `[T, 1]`.

    Args:
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    windowed = True

    def __init__(self, *, surrogate: str = "atan", alpha: Annotated[float, Gt(0)] | None = None) -> None:
        super().__init__()
        self.surrogate, self.alpha = surrogate, sharpness(surrogate, alpha)
        self.weight, self.bias = nn.UninitializedParameter(), nn.UninitializedParameter()

    def matrix(self) -> Tensor:
        """Return what mixes the steps, `[T, T]`."""
        return self.weight

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run a whole window `[T, B, *]`.

        Raises:
            ContractError: it has another number of steps than the first one or the checkpoint.
        """
        self._materialize(x)
        if len(x) != len(self.weight):
            raise ContractError(
                f"{type(self).__name__} has weights for windows of {len(self.weight)} steps, but this one "
                f"has {len(x)}; give windows of one length, or use sliding_psn, which takes any"
            )
        with torch.autocast(x.device.type, enabled=False):  # as every membrane, not in half precision
            h = torch.addmm(self.bias, self.matrix(), saturate(x.flatten(1), self.weight.dtype))
        return spike(h, self.surrogate, self.alpha).to(x.dtype).view(x.shape), state

    def _materialize(self, x: Tensor) -> None:
        if not isinstance(self.weight, nn.UninitializedParameter):
            return
        T, dtype = len(x), torch.promote_types(x.dtype, torch.float32)
        with torch.no_grad():
            self.weight.materialize((T, T), device=x.device, dtype=dtype)
            self.weight.uniform_(-1 / math.sqrt(T), 1 / math.sqrt(T))
            self.bias.materialize((T, 1), device=x.device, dtype=dtype)
            self.bias.fill_(-1.0)

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"surrogate={self.surrogate!r}, alpha={self.alpha}"


class MaskedPSN(PSN):
    """Masked parallel spiking neuron: current `[T, B, *]` to spikes `[T, B, *]`, T fixed by the first input.

    Attributes:
        lambda_: how far the mask is in force, a buffer that checkpoints keep. The paper lets it
            grow from 0 to 1 in training: `neuron.lambda_.fill_(0.5)`.

    Args:
        k: each step sees itself and the k - 1 before it, once the mask is in force.
        lambda_: from 0, no mask, to 1, which makes the neuron causal.
        surrogate: a name in `snnplug.nn.SURROGATES`.
        alpha: sharpness of the surrogate; None for its usual one.

    Raises:
        ValueError: a value is out of its range.
        ParameterError: the surrogate is unknown.
    """

    other_names: ClassVar[Mapping[str, str]] = {"_lambda_": "lambda_"}  # of SpikingJelly's
    lambda_: Tensor

    def __init__(
        self,
        *,
        k: Annotated[int, Ge(1)] = 4,
        lambda_: Annotated[float, Ge(0), Le(1)] = 1.0,
        surrogate: str = "atan",
        alpha: Annotated[float, Gt(0)] | None = None,
    ) -> None:
        super().__init__(surrogate=surrogate, alpha=alpha)
        self.k = k
        self.register_buffer("lambda_", torch.tensor(float(lambda_)))

    def matrix(self) -> Tensor:
        """Return the masked matrix, `[T, T]`."""
        mask = torch.ones_like(self.weight).tril().triu(1 - self.k)
        return (self.lambda_ * mask + (1 - self.lambda_)) * self.weight

    def extra_repr(self) -> str:
        """Show the settings."""
        return f"k={self.k}, {super().extra_repr()}"
