"""Neurons that multiply nothing but elementwise, and need not be looked into again.

Looking at every operation costs several times what a small one takes, and a neuron consists of many. One
that holds nothing to make a product with, and made none in a whole call of the same kind (class and settings
of the neuron, shape and type of its current), is taken to make none in the next.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import torch
from torch import Tensor, nn

__all__ = ["Inert"]

_without_product: set[Hashable] = set()  # kinds of calls, since the process began


class Inert:
    """Which neurons of a network are known to make no product, and in which kinds of calls."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, Hashable | None] = {}
        self._kind: Hashable | None = None

    def enter(self, name: str, neuron: nn.Module, current: Tensor, *, step: bool, fresh: bool) -> bool:
        """Begin a call of a neuron.

        Args:
            name: of the neuron.
            neuron: itself.
            current: `[B, *]` of a step, or `[T, B, *]`.
            step: it is of a step.
            fresh: no state comes with it.

        Returns:
            Whether it is known to make no product.
        """
        kind = name, current.shape, current.dtype, current.device, step, fresh, torch.is_grad_enabled()
        if kind not in self._kinds:
            settings = _settings(neuron, current.shape[1 if step else 2 :])
            self._kinds[kind] = None if settings is None else (settings, *kind[1:])
        self._kind = self._kinds[kind]
        return self._kind in _without_product

    @property
    def kind(self) -> Hashable | None:
        """Class and settings of the neuron at work and what it was given; None if that decides nothing."""
        return self._kind

    def multiplied(self) -> None:
        """Note that the neuron at work has made a product."""
        self._kind = None

    def leave(self) -> None:
        """End a call that came to its end."""
        if self._kind is not None:
            _without_product.add(self._kind)
            self._kind = None


def _settings(neuron: nn.Module, shape: torch.Size) -> Hashable | None:
    """Return class and settings of a neuron and its parts; None if it holds weights for products."""
    found = []
    for part in neuron.modules():
        for x in _tensors(part):
            if nn.parameter.is_lazy(x) or not _is_elementwise(x, shape):
                return None
        simple = {k: v for k, v in vars(part).items() if isinstance(v, bool | int | float | str | None)}
        found.append((type(part), tuple(simple.items())))
    return tuple(found)


def _tensors(part: nn.Module) -> Iterator[Tensor]:
    yield from part.parameters(recurse=False)
    yield from part.buffers(recurse=False)
    yield from (value for value in vars(part).values() if isinstance(value, Tensor))


def _is_elementwise(x: Tensor, shape: torch.Size) -> bool:
    """Whether a tensor has at most one value for each of the neurons of a sample, or is a row of numbers."""
    sizes = zip(reversed(x.shape), reversed(shape), strict=False)
    return x.ndim <= 1 or (x.ndim <= len(shape) and all(size in (1, whole) for size, whole in sizes))
