"""What an epoch adds up while it goes on; a checkpoint in its middle keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["Means", "Tally"]

_COMMON = ("skipped", "skipped_in_a_row", "waited", "seconds")


class Means(NamedTuple):
    """Of an epoch, over its samples: mean loss and accuracy; over its steps: the norm of the gradient."""

    loss: float
    accuracy: float
    gradient_norm: float | None


class Tally:
    """The sums of an epoch in this process.

    Args:
        device: where losses are computed; sums stay on a GPU, so that no batch waits for them.

    Attributes:
        loss, correct: sums over the samples.
        lost: samples that are in neither mean nor loss, since theirs overflowed.
        skipped, skipped_in_a_row: steps of the optimizer that were left out.
        waited: seconds spent on waiting for data.
        seconds: of the epoch, up to the last `tick`.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.loss = self.correct = self.lost = self._number(torch.zeros((), device=device))
        self.norms = torch.zeros(2, dtype=torch.float64, device=device)  # their sum and their number
        self.skipped = self.skipped_in_a_row = 0
        self.waited = self.seconds = 0.0
        self._since = time.perf_counter()

    def timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield batches, and add up how long each takes to come."""
        iterator = iter(batches)
        while True:
            begun = time.perf_counter()
            batch = next(iterator, None)
            self.waited += time.perf_counter() - begun
            if batch is None:
                return
            yield batch

    def tick(self) -> None:
        """Add the time since the last tick."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now

    def add(self, loss: Tensor, right: Tensor, count: int, *, may_overflow: bool) -> None:
        """Add a batch.

        Args:
            loss: mean of the batch.
            right: number of samples classified rightly.
            count: samples.
            may_overflow: leave out a loss that is not finite.
        """
        if may_overflow:
            finite = loss.isfinite()
            self.lost = self.lost + self._number(~finite) * count
            loss, right = torch.where(finite, loss, 0.0), right * finite
        self.loss = self.loss + self._number(loss) * count
        self.correct = self.correct + self._number(right)

    def add_norm(self, norm: Tensor) -> None:
        """Add a norm of the gradient, unless it overflowed."""
        norm, finite = norm.double(), norm.isfinite()
        self.norms = self.norms + torch.stack([torch.where(finite, norm, 0.0), finite.double()])

    def skip(self, skipped: bool) -> None:
        """Note whether a step was left out."""
        self.skipped += skipped
        self.skipped_in_a_row = self.skipped_in_a_row + 1 if skipped else 0

    def means(self, fabric: Any, samples: int) -> Means:
        """Return the means of an epoch of so many samples, in all processes together."""
        sums = torch.stack([self._tensor(sum_) for sum_ in (self.loss, self.correct, self.lost)])
        if fabric.world_size > 1:
            sums = fabric.all_reduce(sums, reduce_op="sum")
        loss, correct, lost = sums.tolist()
        norms, taken = self.norms.tolist()
        counted = samples - int(lost)
        if not counted:
            return Means(float("nan"), float("nan"), None)
        return Means(loss / counted, correct / counted, norms / taken if taken else None)

    def own(self) -> dict[str, Any]:
        """Return the sums of this process, for a checkpoint."""
        return {name: float(getattr(self, name)) for name in ("loss", "correct", "lost")}

    def common(self) -> dict[str, Any]:
        """Return what is the same in every process, and the times of this one."""
        return {"norms": self.norms.cpu(), **{name: getattr(self, name) for name in _COMMON}}

    def go_on(self, own: Iterable[Mapping[str, Any]], common: Mapping[str, Any]) -> None:
        """Go on from a checkpoint, with the sums of these processes."""
        for sums in own:
            for name, value in sums.items():
                setattr(self, name, getattr(self, name) + value)
        self.norms = common["norms"].to(self.device)
        for name in _COMMON:
            setattr(self, name, common[name])

    def _number(self, value: Tensor) -> Any:
        """Return a scalar to add up, in 64 bits: on the CPU a float, which costs a tenth of a tensor."""
        return float(value) if self.device.type == "cpu" else value.detach().double()

    def _tensor(self, number: Any) -> Tensor:
        return torch.as_tensor(number, dtype=torch.float64, device=self.device)
