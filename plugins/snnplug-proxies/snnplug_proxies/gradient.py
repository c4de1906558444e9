"""Scores from the gradient on one batch: gradient norm and Jacobian covariance.

    grad_norm    sum over convolutions and linear layers of ||dL/dW||_2,  L the cross-entropy of
                 the mean output over time
    jacob_cov    - sum over eigenvalues v of [log(v + k) + 1/(v + k)],  k = 1e-5, of the matrix of
                 correlation coefficients between the samples' Jacobians d(sum of outputs)/dx

Both as in Abdelfattah et al., ICLR 2021, arXiv 2101.08134; jacob_cov is the first version of
Mellor et al., arXiv 2006.04647v1. The network is in training mode: batch norm takes the
statistics of the batch, dropout is active and seeded by the candidate.

Every derivative of a spike is the surrogate gradient of the network's own neurons, through
time; with another surrogate these are other scores. The Jacobian is taken with respect to the
image where the input is the same at every time step, else to the whole input sequence.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor

from snnplug import Candidate, check_ranges, derive_seed
from snnplug.nn import seeded
from snnplug_proxies.synapses import synaptic_layers

__all__ = ["GradNorm", "JacobianCovariance", "correlation_score"]

_K = 1e-5


@check_ranges
class GradNorm:
    """Norm of the loss's gradient with respect to the weights, summed over layers; higher is better.

    Args:
        batch_size: samples in the batch.

    Raises:
        ValueError: `batch_size` is less than 1.
    """

    def __init__(self, *, batch_size: Annotated[int, Ge(1)] = 64) -> None:
        self.batch_size = batch_size

    def __call__(self, candidate: Candidate) -> float:
        """Return the score."""
        model = candidate.build().train()
        x, target = candidate.batch(0, self.batch_size)
        weights = [layer.weight for layer in synaptic_layers(model)]
        with torch.enable_grad(), seeded(derive_seed(candidate.seed, 0)):
            loss = F.cross_entropy(model(x).mean(0), target)
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        return sum(float(g.norm()) for g in gradients if g is not None)


@check_ranges
class JacobianCovariance:
    """How differently the output of a network depends on its input around each sample; higher is better.

    Args:
        batch_size: samples in the batch.

    Raises:
        ValueError: `batch_size` is less than 2.
    """

    def __init__(self, *, batch_size: Annotated[int, Ge(2)] = 64) -> None:
        self.batch_size = batch_size

    def __call__(self, candidate: Candidate) -> float:
        """Return the score, minus infinity where the output does not depend on the input."""
        model = candidate.build().train()
        x, _ = candidate.batch(0, self.batch_size)
        static = x.stride(0) == 0 or len(x) == 1
        leaf = (x[0] if static else x).detach().clone().requires_grad_()
        with torch.enable_grad(), seeded(derive_seed(candidate.seed, 0)):
            outputs = model(leaf.expand(x.shape))
            (gradient,) = torch.autograd.grad(outputs.sum(), leaf)
        return correlation_score(gradient.flatten(1) if static else gradient.transpose(0, 1).flatten(1))


def correlation_score(jacobians: Tensor) -> float:
    """Return the score of Jacobians `[B, n]`, minus infinity if one of them is constant."""
    correlations = torch.corrcoef(jacobians.double().cpu())
    if not bool(torch.isfinite(correlations).all()):
        return -math.inf
    values = torch.linalg.eigvalsh(correlations).clamp(min=0) + _K
    return -float((values.log() + 1 / values).sum())
