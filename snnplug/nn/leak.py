"""The charge of integrate-and-fire neurons where it is linear.

    h[t] = v[t-1] + x[t]                                    no leak
    h[t] = v[t-1] + (x[t] - (v[t-1] - rest)) / tau          decay_input = true
    h[t] = v[t-1] - (v[t-1] - rest) / tau + x[t]            decay_input = false

A neuron that names its leak, rather than write `charge`, is also run block by block; see
`snnplug.nn.blocked`. Both ways do the same operations one by one, so their spikes are equal.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Leak"]


class Leak(NamedTuple):
    """A leak towards a potential at rest; with neither `tau` nor `rate` there is none.

    Attributes:
        tau: membrane time constant in time steps.
        rate: 1 / tau in its place, a scalar tensor, which may be learned.
        decay_input: divide the current by tau as well.
        rest: potential at rest.
    """

    tau: float | None = None
    rate: Tensor | None = None
    decay_input: bool = True
    rest: float = 0.0

    def charge(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the membrane potential before firing, from the current `[B, *]` and the last potential."""
        above = v - self.rest if self.rest else v
        driven = x - above if self.decay_input else above
        if self.rate is not None:
            scaled: Tensor = (
                _Scaled.apply(driven, self.rate) if self.rate.requires_grad else driven * self.rate
            )
        elif self.tau is not None:
            scaled = driven / self.tau
        else:
            return v + x
        return v + scaled if self.decay_input else v - scaled + x

    def constant(self, like: Tensor) -> Tensor | None:
        """Return what `charge_into` multiplies with, or divides by, as a tensor in the type of `like`.

        A number would be made into a tensor in every call, at the price of a small operation.
        """
        if self.rate is not None or self.tau is None:
            return self.rate
        return like.new_full((), self.tau)

    def charge_into(
        self, h: Tensor, x: Tensor, v: Tensor, constant: Tensor | None, driven: Tensor | None = None
    ) -> None:
        """Write the result of `charge` into `h`, which is not `v`, without a graph.

        Args:
            h: result.
            x: as in `charge`.
            v: as in `charge`.
            constant: from the method of that name.
            driven: gets what the rate multiplies.
        """
        if constant is None:
            torch.add(v, x, out=h)
            return
        above = torch.sub(v, self.rest, out=h) if self.rest else v
        if self.decay_input:
            above = torch.sub(x, above, out=h if driven is None else driven)
        elif driven is not None:
            above = driven.copy_(above)
        (torch.div if self.rate is None else torch.mul)(above, constant, out=h)
        if self.decay_input:
            h.add_(v)
        else:
            torch.sub(v, h, out=h).add_(x)

    def lost(self) -> float:
        """Return the share of the potential that is lost in a step, 1 / tau; 0 without a leak."""
        if self.rate is not None:
            return float(self.rate.detach())
        return 0.0 if self.tau is None else 1 / self.tau

    def factors(self) -> tuple[float, float]:
        """Return dh/dx and dh/dv."""
        leaks = self.rate is not None or self.tau is not None
        rate = self.lost()
        return (rate if self.decay_input and leaks else 1.0), 1 - rate


class _Scaled(torch.autograd.Function):
    """The product with the rate, whose own gradient stays finite where the current is infinite."""

    generate_vmap_rule = True

    @staticmethod
    def forward(driven: Tensor, rate: Tensor) -> Tensor:
        return driven * rate

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        driven, rate = ctx.saved_tensors
        most = torch.finfo(driven.dtype).max ** 0.5  # 0 times it is 0
        return grads[0] * rate, (grads[0] * driven.clamp(-most, most)).sum().to(rate.dtype)
