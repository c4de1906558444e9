"""Whether a candidate is within the limits of its search: sizes first, then the chip that it has to fit."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from snnplug.contracts import Candidate
from snnplug.engine.chips import fit_of, layers_of
from snnplug.engine.parts import Parts
from snnplug.engine.scoring.limits import Limits
from snnplug.engine.scoring.sizes import sizes_beyond

__all__ = ["Beyond", "beyond_limits"]


@attrs.frozen
class Beyond:
    """What a candidate has beyond limits.

    Attributes:
        by: sizes, and of a chip by how much its limits are exceeded in sum, by name; empty if it is within.
        reason: why it is refused.
    """

    by: Mapping[str, float] = attrs.field(factory=dict)
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.by)


def beyond_limits(limits: Limits, parts: Parts, candidate: Candidate) -> Beyond:
    """Return what a candidate's network has beyond limits.

    Raises:
        ComponentError: the chip fails.
        ContractError: the network does not run.
    """
    if sizes := sizes_beyond(limits, parts, candidate):
        return Beyond(sizes, limits.reason(sizes))
    if (chip := parts.plan.get("search.limits.chip")) is None:
        return Beyond()
    fit = fit_of(chip, layers_of(parts, candidate.network))
    if fit.fits:
        return Beyond()
    first, others = fit.misfits[0], len(fit.misfits) - 1
    more = f", and {others} more" if others else ""
    reason = f"does not fit the chip {chip.name}: {first}{more}"
    return Beyond({"chip": -fit.headroom}, reason)
