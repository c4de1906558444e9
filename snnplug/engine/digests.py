"""A digest of what a network has learned, by which files made of it can be told to be of it."""

from __future__ import annotations

import hashlib

from torch import nn

__all__ = ["weights_digest"]


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of a network's parameters and buffers with their names."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
