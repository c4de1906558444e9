"""Whether what a plugin requires of snnplug is met by the version that is here."""

from __future__ import annotations

import functools
import re

__all__ = ["unmet"]

_BOUND = re.compile(r" *(>=|<) *(\d+(?:\.\d+)*) *")
_PLAIN = re.compile(r"[\w-]+\s*([^\[(@;]*)")  # no extras, no address, no marker


@functools.cache  # most plugins require the same
def unmet(line: str, version: str) -> str | None:
    """Return the versions that a requirement asks for where `version` is none of them, else None.

    Args:
        line: from METADATA, such as `snnplug<0.2,>=0.1`.
        version: what is here.

    Raises:
        ValueError: it is not a requirement.
    """
    plain = _PLAIN.fullmatch(line)
    if plain and _usual_and_met(plain[1], version):
        return None
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    applies = requirement.marker is None or requirement.marker.evaluate()
    met = requirement.specifier.contains(version, prereleases=True)
    return None if met or not applies else str(requirement.specifier)


def _usual_and_met(bounds: str, version: str) -> bool:
    """Whether all bounds are of the form `>=0.1` or `<0.2` and hold; what is not as usual, packaging knows.

    Importing it takes as long as all plugins of a listing.
    """
    found = [_BOUND.fullmatch(bound) for bound in bounds.split(",")]
    if not version.replace(".", "").isdigit() or not all(found):
        return False
    return all((_numbers(version) < _numbers(bound[2])) == (bound[1] == "<") for bound in found if bound)


def _numbers(version: str) -> list[int]:
    found = [int(part) for part in version.split(".")]
    while found and not found[-1]:  # 0.2 and 0.2.0 are the same
        found.pop()
    return found
