"""What the proxies that look at one batch have in common."""

from __future__ import annotations

__all__ = ["OneBatch"]


class OneBatch:
    """Base: a score of one batch.

    Args:
        batch_size: samples in the batch.
        least: smallest number of samples that the score is defined for.

    Raises:
        ValueError: `batch_size` is less than that.
    """

    def __init__(self, batch_size: int, least: int = 1) -> None:
        if batch_size < least:
            raise ValueError(f"batch_size must be at least {least}, got {batch_size}")
        self.batch_size = batch_size
