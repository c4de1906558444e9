"""The backbones in which the blocks stand.

A backbone is a row of places: a number is a block with that many channels, "32*" a block that
halves the image, "m" a 2x2 max pool, "a" a 2x2 average pool with a neuron. Behind the last one the
image is averaged where the backbone says so. Those of Na et al., ICML 2022 (arXiv 2201.12738), with
C channels in the stem:

    SNN_1   C m 2C 2C m 4C 4C m      the one that is searched, AutoSNN_16 with C = 16
    SNN_2   the same, then a global average
    SNN_3   C 2C* 2C 2C 4C* 4C 4C 8C*
    SNN_4   C a 2C 2C a 4C 4C a
"""

from __future__ import annotations

import re
from typing import NamedTuple

from snnplug.errors import ContractError, did_you_mean

__all__ = ["MACROS", "Macro", "Place", "read_macro"]

MACROS: dict[str, tuple[str, ...]] = {
    "SNN_1": ("1", "m", "2", "2", "m", "4", "4", "m"),
    "SNN_2": ("1", "m", "2", "2", "m", "4", "4", "m", "g"),
    "SNN_3": ("1", "2*", "2", "2", "4*", "4", "4", "8*"),
    "SNN_4": ("1", "a", "2", "2", "a", "4", "4", "a"),
}
"""Channels as multiples of the stem's; "g" is the global average, which only stands last."""


class Place(NamedTuple):
    """A place of a backbone.

    Attributes:
        kind: "block", "m" or "a".
        inputs, outputs: channels.
        stride: 2 where the image is halved.
    """

    kind: str
    inputs: int
    outputs: int
    stride: int


class Macro(NamedTuple):
    """A backbone.

    Attributes:
        places: in order.
        averaged: whether the image is averaged at the end.
        size: height and width of the image behind the last place.
    """

    places: tuple[Place, ...]
    averaged: bool
    size: tuple[int, int]

    @property
    def channels(self) -> int:
        """Channels behind the last place."""
        return self.places[-1].outputs

    @property
    def blocks(self) -> tuple[int, ...]:
        """At which places blocks stand."""
        return tuple(i for i, place in enumerate(self.places) if place.kind == "block")


def read_macro(macro: str | list[int | str], channels: int, size: tuple[int, int]) -> Macro:
    """Return a backbone.

    Args:
        macro: name of `MACROS`, or the places with their channels, such as `[16, "m", "32*"]`.
        channels: of the stem.
        size: height and width of the image behind the stem.

    Raises:
        ValueError: the name or a place is unknown, or there is no block.
        ContractError: the image is too small.
    """
    if isinstance(macro, str) and macro not in MACROS:
        hint = did_you_mean(macro, MACROS)
        raise ValueError(f"macro {macro!r} is unknown.{hint} Names: {', '.join(MACROS)}, or a list of places")
    factor = channels if isinstance(macro, str) else 1
    rows = MACROS[macro] if isinstance(macro, str) else tuple(str(place) for place in macro)
    averaged = bool(rows) and rows[-1] == "g"
    places: list[Place] = []
    for row in rows[:-1] if averaged else rows:
        match = re.fullmatch(r"(\d+)(\*?)|m|a", row)
        if match is None or match[1] == "0":
            raise ValueError(
                f"macro must hold channels such as 32, '32*' with stride 2, 'm' and 'a' for pools, and 'g' "
                f"at the end, got {row!r}"
            )
        inputs = places[-1].outputs if places else channels
        if match[1]:
            places.append(Place("block", inputs, factor * int(match[1]), 2 if match[2] else 1))
        else:
            places.append(Place(row, inputs, inputs, 2))
    if not any(place.kind == "block" for place in places):
        raise ValueError(f"macro must hold a block, got {macro!r}")
    left = size
    for place in places:
        if place.stride == 2:  # a pool drops a last row, a convolution does not
            left = (
                ((left[0] + 1) // 2, (left[1] + 1) // 2)
                if place.kind == "block"
                else (left[0] // 2, left[1] // 2)
            )
        if min(left) < 1:
            raise ContractError(
                f"macro {macro!r} halves an image of {size[0]} x {size[1]} pixels behind the stem "
                "to nothing; use fewer pools"
            )
    return Macro(tuple(places), averaged, left)
