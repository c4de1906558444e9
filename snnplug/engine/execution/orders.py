"""What a worker is told first: how to build its work, and what the program that wants it is made of."""

from __future__ import annotations

import pickle
import socket
from collections.abc import Callable
from typing import Any

import attrs

from snnplug.contracts.execution import Build
from snnplug.engine.process import keep_freed_memory
from snnplug.engine.provenance import differences_here
from snnplug.errors import RunFailed, SnnplugError, one_line
from snnplug.runs.records import Origin

__all__ = ["Orders", "Raised", "in_worker"]

_here = False  # whether this process is a worker


def in_worker() -> bool:
    """Whether this process is a worker, which has others beside it."""
    return _here


@attrs.frozen
class Raised:
    """An error in place of a result."""

    error: SnnplugError

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """Return an error as another process can read it."""
        if not isinstance(error, SnnplugError):
            return cls(RunFailed(f"a worker process failed: {one_line(error)}"))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return cls(RunFailed(str(error)))
        return cls(error)


@attrs.frozen
class Orders:
    """What each worker builds its work by; what goes wrong there becomes an answer.

    Attributes:
        build: `build(number)` returns the function that items go through.
        origin: versions and contents of what the program uses, which a worker has to share.
    """

    build: Build
    origin: Origin

    def __call__(self, number: int) -> Callable[[Any], Any]:
        """Build the work of a worker."""
        global _here
        _here = True
        keep_freed_memory()
        try:
            if differing := differences_here(self.origin):
                raise RunFailed(
                    f"worker {number} on {socket.gethostname()} has other versions than this program: "
                    f"{'; '.join(differing)} (here -> there); install the same there"
                )
            work = self.build(number)
        except Exception as error:
            failed = Raised.of(error)
            return lambda item: failed

        def guarded(item: Any) -> Any:
            try:
                return work(item)
            except Exception as error:
                return Raised.of(error)

        return guarded
