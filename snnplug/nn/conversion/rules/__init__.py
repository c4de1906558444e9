"""How each operation is converted, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from snnplug.nn.conversion.build import Rule
from snnplug.nn.conversion.rules import activations, affine, pools, shapes, sums

__all__ = ["RULES"]

RULES: Mapping[str, Rule] = {
    **activations.RULES,
    **affine.RULES,
    **pools.RULES,
    **shapes.RULES,
    **sums.RULES,
}
"""Rules by the names of torch's operations; what is not here is refused."""
