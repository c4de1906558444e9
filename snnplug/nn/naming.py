"""The parts of a network by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

__all__ = ["outermost", "outermost_where", "plain_name"]


def plain_name(name: str) -> str:
    """Return the name that a part of a model has if nothing of it is compiled."""
    if "_orig_mod" not in name:
        return name
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def outermost(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module once, by name, not looking inside modules of some kinds."""
    return outermost_where(module, lambda part: isinstance(part, kinds))


def outermost_where(
    module: nn.Module, closed: Callable[[nn.Module], bool]
) -> Iterator[tuple[str, nn.Module]]:
    """Yield every module once, by name, not looking inside those that are closed."""
    inner: tuple[str, ...] = ()
    for name, part in module.named_modules():
        if inner and name.startswith(inner):
            continue
        yield name, part
        if closed(part):
            inner = (*inner, f"{name}." if name else "")
