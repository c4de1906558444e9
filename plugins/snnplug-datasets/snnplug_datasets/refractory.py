"""The refractory time of a pixel: after an event it is silent for a while."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["outside_refractory"]


def outside_refractory(t: Tensor, places: Tensor, period: int) -> Tensor:
    """Return the events that are sent, by place and time.

    An event is sent if none was at its place for `period`; one that is held back silences nobody.

    Args:
        t: times `[n]`, at least 0.
        places: of the pixels `[n]`, at least 0.
        period: at least 1.

    Returns:
        Their indices.
    """
    if not len(t):
        return t
    stride = int(t.max()) + period + 1  # no event of a pixel is within a period of another pixel's
    keys, order = (places * stride + t).sort(stable=True)
    places = places[order]
    begins = torch.ones_like(places, dtype=torch.bool)
    begins[1:] = places[1:] != places[:-1]
    at = begins.nonzero().squeeze(1)
    sent = torch.zeros_like(begins)
    while len(at):  # all pixels at once, each from one event that it sends to the next
        sent[at] = True
        follows = torch.searchsorted(keys, keys[at] + period)
        inside = follows < len(keys)
        at, follows = at[inside], follows[inside]
        at = follows[places[follows] == places[at]]
    return order[sent]
