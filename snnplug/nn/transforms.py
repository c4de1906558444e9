"""Whether code runs where some ways to be fast are closed: in a graph, or under a transform of torch.func."""

from __future__ import annotations

import torch

__all__ = ["is_traced", "is_transformed"]


def is_transformed() -> bool:
    """Whether a transform of torch.func, such as vmap or grad, is at work.

    Functions that write into a result, or look at the layout or the values of a tensor, do not go there.
    """
    return bool(torch._C._are_functorch_transforms_active())


def is_traced() -> bool:
    """Whether torch.compile looks on, or a transform is at work."""
    return torch.compiler.is_compiling() or is_transformed()
