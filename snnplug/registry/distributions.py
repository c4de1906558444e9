"""Which installed distributions are plugins, told from their metadata, nothing imported.

A plugin's name is its distribution's in normal form, as pip prints it: `acme-neurons`. Metadata that cannot
be read costs the plugin that it belongs to, and no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from importlib import metadata

import attrs

from snnplug.errors import one_line

__all__ = ["GROUP", "Installed", "canonical", "installed_plugins"]

GROUP = "snnplug"


@attrs.define
class Installed:
    """A distribution that is a plugin.

    Attributes:
        name: in normal form.
        version: empty where METADATA is missing or damaged.
        requires: what it needs, as in METADATA.
        entry_points: those of our group.
        damage: what is wrong with the file that lists them.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    entry_points: tuple[metadata.EntryPoint, ...] = ()
    damage: str = ""


def canonical(name: str) -> str:
    """Return a distribution's name in normal form: lower case, words joined by `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_plugins(disable: Iterable[str] = ()) -> list[Installed]:
    """Return each plugin once, the first on `sys.path`, without those that are disabled.

    Args:
        disable: distribution names, or "*" for all; added to `SNNPLUG_DISABLE`.
    """
    listed = os.environ.get("SNNPLUG_DISABLE", "").split(",")
    disabled = {canonical(name.strip()) for name in (*listed, *disable)}
    if "*" in disabled:
        return []
    found: dict[str, Installed] = {}
    shadowed: set[str] = set()
    for dist in metadata.distributions():
        normal = getattr(dist, "_normalized_name", None)  # of the folder: reading METADATA of all takes long
        if normal in shadowed:
            continue
        if normal is not None:
            shadowed.add(normal)
        plugin = _plugin(dist)
        if plugin is not None and plugin.name not in disabled:
            found.setdefault(plugin.name, plugin)
    return list(found.values())


def _plugin(dist: metadata.Distribution) -> Installed | None:
    """Return a distribution with our entry points, or with a list of them that cannot be read."""
    try:
        text = dist.read_text("entry_points.txt")
    except UnicodeDecodeError as error:
        return _damaged(dist, _cause(error)) if GROUP.encode() in error.object else None
    except Exception:  # not to be read at all, so it cannot be known whose it is
        return None
    if text is None:
        return None
    if not text.strip():
        return _damaged(dist, "is empty") if _requires_us(dist) else None
    if GROUP not in text:
        return None
    try:
        entry_points = tuple(dist.entry_points.select(group=GROUP))
    except Exception as error:
        return _damaged(dist, _cause(error))
    if not entry_points:  # a heading of ours that does not close, or that nothing stands under
        heading = re.search(rf"^\s*\[?{GROUP}\]?\s*$", text, re.MULTILINE)
        return _damaged(dist, f"has no entry in a section [{GROUP}]") if heading else None
    name, version, requires = _read_metadata(dist)
    name = canonical(name or entry_points[0].value.partition(".")[0])
    return Installed(name, version, requires, entry_points)


def _cause(error: Exception) -> str:
    return f"is damaged ({one_line(error)})"


def _damaged(dist: metadata.Distribution, how: str) -> Installed:
    name, version, _ = _read_metadata(dist)
    name = canonical(name or getattr(dist, "_normalized_name", None) or "a plugin without a name")
    return Installed(name, version, damage=f"its entry_points.txt {how}; install it again")


def _requires_us(dist: metadata.Distribution) -> bool:
    return any(re.match(r"snnplug(?![\w.-])", line) for line in _read_metadata(dist)[2])


def _read_metadata(dist: metadata.Distribution) -> tuple[str, str, tuple[str, ...]]:
    """Return name, version and requirements, empty where the file is missing or damaged.

    A broken uninstall leaves entry points without it. Parsing it is most of the time of a listing.
    """
    try:
        content = dist.metadata
        name, version = (" ".join((content[key] or "").split()) for key in ("Name", "Version"))
        requires = content.get_all("Requires-Dist") or dist.requires or ()
    except Exception:
        return "", "", ()
    return (name, version, tuple(requires)) if name else ("", "", ())
