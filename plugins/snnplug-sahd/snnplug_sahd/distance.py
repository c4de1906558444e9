"""Training-free scores from how differently an untrained network spikes for different inputs.

For each layer of N neurons and each time step, x_i in {0, 1}^N are the spikes for sample i,
f_i their mean, D_ij the Hamming distance of x_i and x_j:

    Hamming   K_ij = N - D_ij
    SAHD      K_ij = N - alpha / N * D_ij / (P_ij + eps)      P_ij = f_i (1 - f_j) + (1 - f_i) f_j
              alpha = 0.5 N: the paper;  with eps for the published code's first release, 2022-01
    score     log |det K|, K the mean (or sum) over layers and steps, then the mean over repeats

N P_ij is the distance expected of independent spikes of those rates. SAHD: Kim et al., ECCV
2022, arXiv 2201.10355; Hamming: after Mellor et al., ICML 2021, arXiv 2006.04647.

What differs from the published code: K is accumulated in float64; nothing is left of one
repeat in the next (its release of 2022-07 kept membrane potentials and the dropout mask);
the batches are the same for all candidates; a score that is no number is minus infinity
(there it would have won). The paper sums K, the code takes the mean: `aggregate`.
"""

from __future__ import annotations

import functools
import math
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from snnplug import Candidate, check_ranges, derive_seed
from snnplug.nn import flat_samples, seeded, spikes_only, watch_spikes

__all__ = ["SAHD", "Hamming", "SpikeKernel", "hamming_distances"]

Precision = Literal["float32", "bfloat16"]


def hamming_distances(spikes: Tensor) -> tuple[Tensor, Tensor, int]:
    """Compare the samples of a layer.

    Args:
        spikes: `[t, B, *]`; a value other than 0 is a spike.

    Returns:
        Distances `[t, B, B]` and numbers of spikes `[t, B]`, both exact whole numbers in
        float64, and the number of neurons N.
    """
    x = flat_samples(spikes)
    both = _in_common(x.to(torch.bool)).double()
    fired = both.diagonal(dim1=1, dim2=2)
    return fired.unsqueeze(2) + fired.unsqueeze(1) - 2 * both, fired, x.shape[2]


@functools.cache
def _multiplies_integers() -> bool:
    """Whether products of 8-bit integers are the faster way here: tried once, in milliseconds.

    Processors that have instructions for them take a quarter of the time of float32, others ten times as
    long. Both ways give the same whole numbers.
    """
    if not hasattr(torch, "_int_mm"):
        return False
    fired = torch.ones(64, 4096, dtype=torch.int8)
    try:
        integers = _fastest(lambda: torch._int_mm(fired, fired.mT))
    except RuntimeError:  # this build has none for this processor
        return False
    return integers < 0.8 * _fastest(lambda: (x := fired.to(torch.float32)) @ x.mT)


def _fastest(product: Callable[[], Tensor]) -> float:
    times = []
    for _ in range(6):
        started = time.perf_counter()
        product()
        times.append(time.perf_counter() - started)
    return min(times)


def _in_common(fired: Tensor) -> Tensor:
    """Return how many neurons fired for both of two samples, from `[t, B, N]`, as exact whole numbers."""
    if fired.device.type == "cpu" and _multiplies_integers():
        return torch.stack([torch._int_mm(x, x.mT) for x in fired.view(torch.int8)])
    x = fired.to(torch.float32 if fired.shape[2] < 2**24 else torch.float64)  # sums below 2^24 are exact
    return torch.bmm(x, x.mT)


@check_ranges
class SpikeKernel:
    """Base of the scores: log |det| of the aggregated kernel of all layers and time steps.

    One network is built and stays in training mode, without gradients: batch norm uses the
    statistics of the batch, and dropout is active, seeded by the candidate. Each repeat takes
    another batch. Spikes are what a layer's neurons send, whatever the neuron; of spikes that
    carry values those above 0 count.

    Args:
        repeats: batches to average over.
        batch_size: samples per batch B; the kernel is B x B. The paper's search used 256.
        precision: "bfloat16" runs convolutions and linear layers in it, about twice as fast where the
            machine knows how; membranes and kernel stay as they are. What it does to the score is in
            the plugin's README.
        aggregate: "mean" or "sum" of the kernels. They differ by B ln n, where n, the number of
            layers times steps, depends on the network: they rank differently.

    Raises:
        ValueError: `repeats` is less than 1 or `batch_size` less than 2.
    """

    def __init__(
        self,
        repeats: Annotated[int, Ge(1)],
        batch_size: Annotated[int, Ge(2)],
        aggregate: Literal["mean", "sum"],
        precision: Precision,
    ) -> None:
        self.repeats, self.batch_size = repeats, batch_size
        self.aggregate, self.precision = aggregate, precision

    @abstractmethod
    def layer_kernel(self, distances: Tensor, fired: Tensor, N: int) -> Tensor:
        """Return the kernels `[t, B, B]` of a layer from what `hamming_distances` returns."""

    def kernel(self, model: nn.Module, x: Tensor) -> tuple[Tensor, int]:
        """Run a network and add up its kernels.

        Args:
            model: in the mode in which it is to be scored.
            x: input `[T, B, *]`.

        Returns:
            The sum `[B, B]` in float64 and the number of kernels in it.
        """
        total = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=x.device)
        count = 0
        last: tuple[Tensor, int, Tensor] | None = None  # spikes, their version, their kernel

        def add(name: str, spikes: Tensor) -> None:
            nonlocal count, last
            if getattr(model.get_submodule(name), "graded", False):
                spikes = spikes > 0
            # equal neurons show the same tensor one after the other
            if last is None or last[0].data_ptr() != spikes.data_ptr() or last[1] != spikes._version:
                kernel = self.layer_kernel(*hamming_distances(spikes)).sum(0)
                last = spikes, spikes._version, kernel
            total.add_(last[2])
            count += len(spikes)

        bfloat16 = torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")
        watch = watch_spikes(model, add)
        try:
            with spikes_only(), bfloat16:
                model(x)
        finally:
            watch.remove()
        return total, count

    def __call__(self, candidate: Candidate) -> float:
        """Return the score, minus infinity if the kernel is singular."""
        model = candidate.build().train()
        scores = []
        for repeat in range(self.repeats):
            x, _ = candidate.batch(repeat, self.batch_size)
            with seeded(derive_seed(candidate.seed, repeat)):
                kernel, count = self.kernel(model, x)
            if self.aggregate == "mean":
                kernel = kernel / count
            scores.append(float(torch.linalg.slogdet(kernel.cpu()).logabsdet))
        score = sum(scores) / len(scores)
        return score if math.isfinite(score) else -math.inf


@check_ranges
class SAHD(SpikeKernel):
    """Sparsity-aware Hamming distance; see the module's docstring.

    Args:
        alpha: "paper" for alpha = 0.5 N; "release_2022_07" for the published code as of that
            month, alpha = 0.5 with eps beside N P: all kernels are then nearly N, scores are
            negative and mostly count the layers that fire.
        eps: keeps layers that are silent for two samples from dividing by zero.
        aggregate, repeats, batch_size, precision: see `SpikeKernel`.

    Raises:
        ValueError: `eps` is not above 0 or not finite, or as in `SpikeKernel`.
    """

    def __init__(
        self,
        *,
        alpha: Literal["paper", "release_2022_07"] = "paper",
        eps: Annotated[float, Gt(0)] = 1e-3,
        aggregate: Literal["mean", "sum"] = "mean",
        repeats: Annotated[int, Ge(1)] = 2,
        batch_size: Annotated[int, Ge(2)] = 64,
        precision: Precision = "float32",
    ) -> None:
        super().__init__(repeats, batch_size, aggregate, precision)
        self.alpha, self.eps = alpha, eps

    def layer_kernel(self, distances: Tensor, fired: Tensor, N: int) -> Tensor:
        """Return N - alpha / N * D / (P + eps)."""
        f = fired / N
        f_i, f_j = f.unsqueeze(2), f.unsqueeze(1)
        P = f_i * (1 - f_j) + (1 - f_i) * f_j
        return N - 0.5 * distances / ((P if self.alpha == "paper" else N * P) + self.eps)


class Hamming(SpikeKernel):
    """Plain Hamming distance, K = N - D; arguments as in `SpikeKernel`."""

    def __init__(
        self,
        *,
        aggregate: Literal["mean", "sum"] = "mean",
        repeats: Annotated[int, Ge(1)] = 2,
        batch_size: Annotated[int, Ge(2)] = 64,
        precision: Precision = "float32",
    ) -> None:
        super().__init__(repeats, batch_size, aggregate, precision)

    def layer_kernel(self, distances: Tensor, fired: Tensor, N: int) -> Tensor:
        """Return N - D."""
        return N - distances
