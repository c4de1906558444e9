"""Each plugin imported in a process of its own, to find the one that ends the process it is imported into.

`os._exit`, a crash in C and an import that never ends cannot be contained, only told afterwards:
`python -m snnplug.registry.isolation NAME` imports one plugin and answers in the last line that it prints.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator

import attrs

from snnplug.registry.discovery import load_alone
from snnplug.registry.distributions import Installed, installed_plugins

__all__ = ["Isolated", "import_each"]

_PATIENCE = 60.0  # seconds for one import
_MARK = "snnplug-isolated:"  # before the answer, for a plugin may print what it likes


@attrs.frozen(kw_only=True)
class Isolated:
    """What became of importing one plugin.

    Attributes:
        plugin: name of the distribution.
        version: its version.
        problem: one line, empty where it loads.
        notes: what it did on the way.
        killed: it ended the process, or would not come to an end.
    """

    plugin: str
    version: str
    problem: str = ""
    notes: tuple[str, ...] = ()
    killed: bool = False


def import_each(disable: Iterable[str] = (), patience: float = _PATIENCE) -> Iterator[Isolated]:
    """Import every installed plugin that is not disabled, each in a process of its own.

    Args:
        disable: as `discover` takes it.
        patience: seconds until an import is ended.
    """
    for installed in sorted(installed_plugins(disable), key=lambda found: found.name):
        yield _import(installed, patience)


def _import(installed: Installed, patience: float) -> Isolated:
    name, version = installed.name, installed.version or "of unknown version"
    search = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
    environment = {**os.environ, "PYTHONPATH": search, "SNNPLUG_STRICT": "0"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "snnplug.registry.isolation", name],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"its import did not end within {patience:g} s"
        return Isolated(plugin=name, version=version, problem=f"{why}; {_hint(name)}", killed=True)
    lines = done.stdout.decode("utf-8", errors="replace").splitlines()
    answers = [line.partition(_MARK)[2] for line in lines if _MARK in line]
    if not answers:
        why = f"importing it {_end(done.returncode)}"
        return Isolated(plugin=name, version=version, problem=f"{why}; {_hint(name)}", killed=True)
    answer = json.loads(answers[-1])
    return Isolated(plugin=name, version=version, problem=answer["problem"], notes=tuple(answer["notes"]))


def _hint(name: str) -> str:
    return f"disable it by SNNPLUG_DISABLE={name} in the environment, or uninstall it"


def _end(code: int) -> str:
    if code < 0:
        return f"crashes the process ({signal.Signals(-code).name})"
    return f"ends the process with exit code {code}"


if __name__ == "__main__":
    why, remarks = load_alone(sys.argv[1])
    print("\n" + _MARK + json.dumps({"problem": why, "notes": remarks}), flush=True)
