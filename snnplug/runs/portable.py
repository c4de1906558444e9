"""What a run says, without what is of the machine and the person it was made by.

A path that leads somewhere on this machine becomes its last part: `/home/ada/data/digits` is `digits`. Names
of the user and of the machine become `…` where they stand in a sentence; a word alone may be the name of a
method, and stays. What says nothing of the result is left out: the platform, and how the run was started.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

__all__ = ["Machine", "portable_resolved"]

_PATH = re.compile(
    r"""(?<![\w/.:~\\<)])            # not within a web address, a fraction, a relative path or a tag
    (?: ~[\w.-]*(?=/)                # a home directory
      | (?=/[^\s/]+/) | file://(?=/) # from the root, of two parts or more
      | [A-Za-z]:(?=[\\/][^\s\\/])   # a drive
      | (?=\\\\[^\s\\]+\\)           # a share
    )
    [\\/][^\s"'`<>|,;:()\[\]{}]*""",
    re.VERBOSE,
)
_WHOLE = re.compile(r"(?:file://)?(?:~[\w.-]*(?:$|/)|/|[A-Za-z]:[\\/]|\\\\|\.\.[\\/]|\.\.$)")
_COMMON = ("root", "user", "users", "admin", "ubuntu", "localhost", "home", "runner", "jovyan", "node")
_ENVIRONMENT = ("platform", "machine")
_ROOT = "dataset.root"
_TELLING = 5  # letters of a path that is searched for in files of any sort


@attrs.frozen
class Machine:
    """What is known of this machine.

    Attributes:
        folders: paths that belong to it, longest first.
        names: of the user and of the machine.
    """

    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def here(cls, *folders: Path) -> Machine:
        """Return this machine.

        Args:
            folders: more that belong to it, such as the run directory.
        """
        places = {*folders, Path.home(), Path.cwd(), Path(tempfile.gettempdir())}
        known = {str(path) for place in places for path in (place.absolute(), place.resolve())}
        host = socket.gethostname()
        names = {_user(), host, host.partition(".")[0]}
        return cls(
            folders=tuple(sorted((path for path in known if len(path) > 1), key=len, reverse=True)),
            names=tuple(sorted((name for name in names if _telling(name)), key=len, reverse=True)),
        )

    def without(self, value: Any) -> Any:
        """Return plain data without what is of the machine."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.without(entry) for key, entry in value.items()}
        return [self.without(entry) for entry in value] if isinstance(value, list | tuple) else value

    def text(self, text: str) -> str:
        """Return a text without what is of the machine."""
        if _WHOLE.match(text) and "\n" not in text:
            return self._last(text)
        found = text
        for folder in self.folders:  # which may have blanks in it
            found = re.sub(rf"(?<![\w/.:~-]){re.escape(folder)}[/\\]", "", found)
        found = _PATH.sub(lambda match: self._last(match[0]), found)
        if " " in found:
            for name in self.names:
                found = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "…", found)
        return found

    def left(self, content: bytes) -> str:
        """Return what a file still says of the machine, empty for nothing."""
        long = [folder for folder in self.folders if len(folder) >= _TELLING]  # no chance of numbers
        told = [folder for folder in long if f"{folder}/".encode() in content]
        return told[0] if told else ""

    def _last(self, path: str) -> str:
        own = [folder for folder in self.folders if path.rstrip("/\\") == folder]
        last = re.split(r"[\\/]+", path.rstrip("/\\"))[-1]
        return "…" if own or last in (*self.names, "", "..") or last.startswith("~") else last


def portable_resolved(plain: Mapping[str, Any], machine: Machine) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what resolved.json holds without what is of the machine, and the keys that have lost a path.

    Where data are kept, `dataset.root`, is left out, so that they are looked for in the usual place.

    Args:
        plain: content of resolved.json.
        machine: that it was made on.
    """
    environment = {k: v for k, v in plain.get("environment", {}).items() if k not in _ENVIRONMENT}
    content = machine.without({**plain, "environment": environment, "command": "snnplug run recipe.toml"})
    changed = tuple(_changed(plain.get("recipe", {}), content.get("recipe", {})))
    if _ROOT in changed:
        del content["recipe"]["dataset"]["root"]
        for use in content["components"]:
            if use["key"] == "dataset":
                use["parameters"].pop("root", None)
    return content, changed


def _changed(before: Any, after: Any, key: str = "") -> Iterable[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for (name, one), other in zip(before.items(), after.values(), strict=True):
            yield from _changed(one, other, f"{key}.{name}" if key else str(name))
    elif json.dumps(before) != json.dumps(after):
        yield key


def _telling(name: str) -> bool:
    return len(name) > 2 and name.lower() not in _COMMON


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, as in containers
        return os.environ.get("USER", "")
