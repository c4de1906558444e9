"""Batch norm of a supernet that depends on the blocks before.

What a block gets, and with it the statistics that batch norm needs, differs with the blocks in front of it;
with shared norms one set has to do for all of them. Here each block has an own norm (weight, bias and running
statistics) for each context: for each choice of blocks at the places right before it, as many places as the
reach says. With a reach of 0 all paths share a norm, as published; with that of all places every path has its
own. Convolutions and neurons stay shared. A norm is trained by the paths with its context alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from snnplug.nn import TimeModule
from snnplug_autosnn.blocks import Make

__all__ = ["ContextMake", "NormBank", "check_reach", "own_weights", "set_context"]

_MOST_SETS = 25_000  # of one to four norms


class NormBank(nn.Module):
    """A norm for each context, of which the selected one runs."""

    def __init__(self, norms: Iterable[nn.Module]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms)
        self.selected = 0

    def forward(self, x: Tensor) -> Tensor:
        """Run the selected norm."""
        out: Tensor = self.norms[self.selected](x)
        return out


class StepwiseNormBank(NormBank, TimeModule):
    """The same of norms that take the time axis themselves."""


class ContextMake(Make):
    """Makes the parts of a block with a norm for each context.

    Args:
        make: makes what stands in a block otherwise.
        names: of the blocks that may stand at a place.
        place: how many places are before.
        reach: how many of them count.
    """

    def __init__(self, make: Make, names: Sequence[str], place: int, reach: int) -> None:
        super().__init__(make.neuron, make.batch_norm)
        self.contexts = len(names) ** min(reach, place)

    def norm(self, channels: int) -> nn.Module:
        """Return a batch norm for each context."""
        if self.contexts == 1:
            return super().norm(channels)
        norms = [super(ContextMake, self).norm(channels) for _ in range(self.contexts)]
        return (StepwiseNormBank if isinstance(norms[0], TimeModule) else NormBank)(norms)


def set_context(block: nn.Module, context: int) -> None:
    """Let a block run with its norms for a context."""
    for part in block.modules():
        if isinstance(part, NormBank):
            part.selected = context


def own_weights(part: nn.Module, context: int, prefix: str) -> dict[str, Tensor]:
    """Return the state_dict of a block in which a norm stands alone, in place of one for each context."""
    if isinstance(part, NormBank):
        return own_weights(part.norms[context], context, prefix)
    if not any(isinstance(inner, NormBank) for inner in part.modules()):
        return dict(part.state_dict(prefix=prefix))
    found: dict[str, Tensor] = {}
    for name, inner in part.named_children():
        found |= own_weights(inner, context, f"{prefix}{name}.")
    return found


def check_reach(reach: int, blocks: int, places: int) -> None:
    """Refuse a reach that needs too many norms.

    Raises:
        ValueError: it does.
    """
    sets = 0
    for place in range(places):
        sets += blocks ** (1 + min(reach, place))
        if reach and sets > _MOST_SETS:
            raise ValueError(
                f"norm_context must make at most {_MOST_SETS:,} sets of batch norm, one for each block and "
                f"what may stand before it, got {reach} with {blocks} blocks at {places} places"
            )
