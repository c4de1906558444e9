"""What the layers before a neuron did to its potential, taken back for each channel by a line and a factor.

    u = slope v + shift     regression of the ANN's potential a on the received one v
    d = gain code(u)        regression of the ReLU of a on what is sent for u

Errors of a code are no noise of mean 0: they add up from layer to layer. A shift alone is the bias correction
of quantised networks (Nagel et al., ICCV 2019, arXiv:1906.04721) and of conversion ("light" of Li et al.,
ICML 2021, arXiv:2106.06984). What differs: the potential is corrected and not what is sent, in its slope too,
and what is sent gets the factor of least squares; where all that does not help, a channel stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["correction_of", "follow"]

_LEAST, _MOST = 0.5, 2.0  # a channel that says next to nothing has any slope


def correction_of(
    decoded: Callable[[Tensor], Tensor], samples: Tensor, received: Tensor, wanted: Tensor
) -> Tensor:
    """Return slope, shift and gain of each channel `[3, C]`.

    Args:
        decoded: the code, of potentials `[n, C, *]`.
        samples: potentials `[n, C, *]` of the ANN.
        received: those in their place in the SNN.
        wanted: the activation of the samples.
    """
    a, v = _rows(samples), _rows(received)
    mean_a, mean_v = a.mean(1, keepdim=True), v.mean(1, keepdim=True)
    slope = _factor(v - mean_v, a - mean_a)
    shift = mean_a - slope * mean_v
    along = (-1, *[1] * (samples.ndim - 2))
    plain = _rows(decoded(received))
    sent = _rows(decoded(received * slope.view(along).to(received) + shift.view(along).to(received)))
    target = _rows(wanted)
    gain = _factor(sent, target)
    found = torch.cat([slope, shift, gain], 1)
    nothing = found.new_tensor([1.0, 0.0, 1.0])
    better = _error(gain * sent, target) < _error(plain, target)
    return torch.where(better, found, nothing).T.to(samples.dtype).contiguous()


def follow(v: Tensor, correction: Tensor) -> Tensor:
    """Return potentials `[B, C, *]` as they are, with the gradient of gain (slope v + shift).

    The line itself is in the edges of a table, where it costs nothing.
    """
    if not (torch.is_grad_enabled() and (v.requires_grad or correction.requires_grad)):
        return v
    followed = _Follow.apply(v, correction)
    assert isinstance(followed, Tensor)
    return followed


class _Follow(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(v: Tensor, correction: Tensor) -> Tensor:
        return v.view_as(v)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        v, correction = ctx.saved_tensors
        slope, _, gain = correction.to(v.dtype).view(3, -1, *[1] * (v.ndim - 2))
        along = gradients[0] * gain
        places = [axis for axis in range(v.ndim) if axis != 1]
        own = torch.stack([(along * v).sum(places), along.sum(places), torch.zeros_like(correction[2])])
        return along * slope, own.to(correction.dtype)


def _rows(x: Tensor) -> Tensor:
    """Return `[n, C, *]` as `[C, m]`."""
    return x.transpose(0, 1).flatten(1).double()


def _factor(x: Tensor, y: Tensor) -> Tensor:
    """Return by what x is nearest to y in the mean square `[C, 1]`; 1 where x is 0."""
    power = x.square().sum(1, keepdim=True)
    return torch.where(power > 0, (x * y).sum(1, keepdim=True) / power, 1.0).clamp(_LEAST, _MOST)


def _error(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).square().mean(1, keepdim=True)
