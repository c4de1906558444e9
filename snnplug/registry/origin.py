"""Where a distribution comes from and under which licence, as its metadata says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["licence_of", "source_of"]

_CLASSIFIER = "License :: OSI Approved :: "
_LONGEST = 80  # characters; some put the whole text there


def source_of(direct_url: str | None, installer: str | None) -> str:
    """Return in a few words where a distribution was installed from.

    Args:
        direct_url: text of direct_url.json, which installers leave for what comes from no package index.
        installer: text of INSTALLER.
    """
    if not direct_url:
        return "package index" if installer else "unknown"
    import json

    try:
        content: Any = json.loads(direct_url)
        url: str = content["url"]
        if vcs := content.get("vcs_info"):
            return f"{vcs['vcs']}+{url}@{vcs.get('commit_id', '')[:12]}"
        place = _path(url) if url.startswith("file:") else url
        if "dir_info" not in content:
            return f"file {place}"
        return f"{'editable' if content['dir_info'].get('editable') else 'folder'} {place}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unknown"


def _path(url: str) -> str:
    path = url.removeprefix("file://")
    if "%" not in path:
        return path
    from urllib.parse import unquote  # what few need

    return unquote(path)


def licence_of(fields: Mapping[str, Sequence[str]]) -> str:
    """Return the licence that METADATA names, empty if it names none.

    Args:
        fields: see `snnplug.registry.dist_info.headers`.
    """
    named = [line for field in ("license-expression", "license") for line in fields.get(field, ())]
    named += [
        line.removeprefix(_CLASSIFIER)
        for line in fields.get("classifier", ())
        if line.startswith(_CLASSIFIER)
    ]
    return next((line for line in named if 0 < len(line) < _LONGEST), "")
