"""Which installed distributions are plugins, told from their metadata, nothing imported.

A plugin's name is its distribution's in normal form, as pip prints it: `acme-neurons`. Metadata that cannot
be read costs the plugin that it belongs to, and no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import attrs

from snnplug.errors import one_line
from snnplug.registry.dist_info import Distribution, canonical, distributions, entries, headers
from snnplug.registry.origin import licence_of, source_of

__all__ = ["GROUP", "Installed", "canonical", "installed_plugins"]

GROUP = "snnplug"


@attrs.define
class Installed:
    """A distribution that is a plugin.

    Attributes:
        name: in normal form.
        version: empty where METADATA is missing or damaged.
        requires: what it needs, as in METADATA.
        modules: those that the entry points of our group name.
        damage: what is wrong with the file that lists them.
        dist: its metadata.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    damage: str = ""
    dist: Distribution | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def source(self) -> str:
        """Where it was installed from: a package index, a folder, a file, an address."""
        read = self.dist.read_text if self.dist else lambda _: None
        return source_of(read("direct_url.json"), read("INSTALLER"))

    @property
    def licence(self) -> str:
        """What it says of its licence, empty if nothing."""
        return licence_of(_fields(self.dist)) if self.dist else ""


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
    for dist in distributions():
        normal = getattr(dist, "_normalized_name", None)  # of the folder: reading METADATA of all takes long
        if normal in shadowed:
            continue
        if normal is not None:
            shadowed.add(normal)
        plugin = _plugin(dist)
        if plugin is not None and plugin.name not in disabled:
            found.setdefault(plugin.name, plugin)
    return list(found.values())


def _plugin(dist: Distribution) -> Installed | None:
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
        modules = tuple(entries(text, GROUP))
    except Exception as error:
        return _damaged(dist, _cause(error))
    if not modules:  # a heading of ours that does not close, or that nothing stands under
        heading = re.search(rf"^\s*\[?{GROUP}\]?\s*$", text, re.MULTILINE)
        return _damaged(dist, f"has no entry in a section [{GROUP}]") if heading else None
    name, version, requires = _read_metadata(dist)
    name = canonical(name or modules[0].partition(".")[0])
    return Installed(name, version, requires, modules, dist=dist)


def _cause(error: Exception) -> str:
    return f"is damaged ({one_line(error)})"


def _damaged(dist: Distribution, how: str) -> Installed:
    name, version, _ = _read_metadata(dist)
    name = canonical(name or getattr(dist, "_normalized_name", None) or "a plugin without a name")
    return Installed(name, version, damage=f"its entry_points.txt {how}; install it again", dist=dist)


def _requires_us(dist: Distribution) -> bool:
    return any(re.match(r"snnplug(?![\w.-])", line) for line in _read_metadata(dist)[2])


def _read_metadata(dist: Distribution) -> tuple[str, str, tuple[str, ...]]:
    """Return name, version and requirements, empty where the file is missing or damaged.

    A broken uninstall leaves entry points without it.
    """
    fields = _fields(dist)
    name, version = (" ".join(fields.get(key, [""])[0].split()) for key in ("name", "version"))
    requires = fields.get("requires-dist", [])
    return (name, version, tuple(requires)) if name else ("", "", ())


def _fields(dist: Distribution) -> dict[str, list[str]]:
    try:
        return headers(dist.read_text("METADATA") or dist.read_text("PKG-INFO") or "")
    except Exception:
        return {}
