"""Everything snnplug raises on purpose.

    SnnplugError
      UsageError                 the caller can mend it; the command line exits with 2
        RecipeError              a recipe or an override is wrong (lists every problem found)
        UnknownName              no registered thing of that kind has the name
        AmbiguousName            two plugins offer the name
        DuplicateName            one plugin registers a name twice
        InvalidSpec              a plugin describes itself wrongly
        TargetError              a registered thing cannot be imported
        ParameterError           a registered thing is given a wrong parameter
        ContractError            two things cannot be composed as asked
        ConversionError          a model holds what no spiking network computes (lists every operation)
        ExportError              a format cannot say what a network does (lists every reason)
        DataError                a dataset is missing or unreadable
        DeviceError              a device was asked for that is not there
        RunDirectoryError        a run directory exists, is missing or is not one of ours
      PluginError                an installed plugin is broken (raised only in strict mode)
      RunFailed                  a run stopped half way; the command line exits with 1
        ComponentError           code of a plugin failed, or gave what its kind does not allow
        NonFiniteLoss            the loss became NaN or infinite
        OutOfMemory              a batch does not fit the memory of the device
        StorageError             the disk is full or not writable

Messages say what was given, what is allowed and what to do next. What goes away is announced by `deprecated`,
which names the plugin that uses it; see `docs/stability.md`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

__all__ = [
    "AmbiguousName",
    "ComponentError",
    "ContractError",
    "ConversionError",
    "DataError",
    "DeviceError",
    "DuplicateName",
    "ExportError",
    "InvalidSpec",
    "NonFiniteLoss",
    "OutOfMemory",
    "ParameterError",
    "PluginDeprecation",
    "PluginError",
    "RecipeError",
    "RunDirectoryError",
    "RunFailed",
    "SnnplugError",
    "StorageError",
    "TargetError",
    "UnknownName",
    "UsageError",
    "deprecated",
    "did_you_mean",
    "in_one_line",
    "one_line",
]


class SnnplugError(Exception):
    """Base of all errors that snnplug raises on purpose."""

    exit_code = 1


class UsageError(SnnplugError):
    """Something the caller gave is wrong and can be mended."""

    exit_code = 2


class RecipeError(UsageError, ValueError):
    """A recipe or an override is wrong; `problems` holds one line for each mistake."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))  # what is wrong in several places is said once
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[RecipeError], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)  # the default would split the joined text into letters


class UnknownName(UsageError, LookupError):
    """No registered thing of that kind has the name."""


class AmbiguousName(UsageError, LookupError):
    """Two plugins offer the same bare name; use a qualified one."""


class DuplicateName(UsageError, ValueError):
    """One plugin registers the same name of the same kind twice."""


class InvalidSpec(UsageError, ValueError):
    """A spec breaks the rules of its kind."""


class TargetError(UsageError, ImportError):
    """The object behind a registration cannot be imported."""


class ParameterError(UsageError, ValueError):
    """A parameter is unknown, of the wrong type or out of range."""


class ContractError(UsageError, TypeError):
    """Two things cannot be composed as asked."""


class ConversionError(UsageError, ValueError):
    """A model cannot be converted; `refused` holds one line for each operation that stands in the way."""

    def __init__(self, message: str = "", refused: Iterable[str] = ()) -> None:
        self.refused = tuple(refused)
        super().__init__(message)

    def __reduce__(self) -> tuple[type[ConversionError], tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.refused)


class ExportError(UsageError, ValueError):
    """A format cannot say what a network does; `reasons` holds one line for each thing in the way."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__("\n".join(self.reasons))

    def __reduce__(self) -> tuple[type[ExportError], tuple[tuple[str, ...]]]:
        return type(self), (self.reasons,)


class DataError(UsageError, FileNotFoundError):
    """A dataset is missing or unreadable."""

    def __str__(self) -> str:  # OSError would show only the first argument as an errno
        return str(self.args[0]) if self.args else ""


class DeviceError(UsageError, RuntimeError):
    """A device was asked for that this machine does not have."""


class RunDirectoryError(UsageError):
    """A run directory exists already, is missing, or was not made by snnplug."""


class PluginError(SnnplugError):
    """An installed plugin is broken; raised only where SNNPLUG_STRICT=1."""


class RunFailed(SnnplugError, RuntimeError):
    """A run stopped before its end; what it had finished is kept."""


class ComponentError(RunFailed):
    """Code of a plugin failed, or gave what its kind does not allow.

    `details` holds the traceback, `plugin` the distribution to blame.
    """

    def __init__(self, message: str = "", details: str = "", plugin: str = "") -> None:
        self.details, self.plugin = details, plugin
        super().__init__(message)

    def __reduce__(self) -> tuple[type[ComponentError], tuple[str, str, str]]:
        return type(self), (str(self), self.details, self.plugin)


class NonFiniteLoss(RunFailed):
    """The loss became NaN or infinite."""


class OutOfMemory(RunFailed):
    """A batch does not fit the memory of the device; the message says which one does."""


class StorageError(RunFailed):
    """The disk is full or not writable."""


class PluginDeprecation(FutureWarning):
    """A plugin uses something that goes away; the message names the plugin and what to use until when."""


_announced: set[tuple[str, str]] = set()


def deprecated(by: object, what: str, instead: str, *, since: str) -> None:
    """Warn, once for each plugin and thing, that the thing goes away two minor versions later.

    Args:
        by: who uses it: a plugin's name, or a class, function or object of its, whose package is named.
        what: what goes away, as the plugin's author knows it, such as "`Loss.read`".
        instead: what to use, such as "`Loss.readout`".
        since: the version that announces it, such as "0.2"; until 0.4 it works.
    """
    plugin = by if isinstance(by, str) else _package(by)
    if (plugin, what) in _announced:
        return
    _announced.add((plugin, what))
    major, minor = map(int, since.split(".")[:2])
    warnings.warn(
        f"{plugin} uses {what}, for which snnplug {since} has {instead}; snnplug {major}.{minor + 2} will do "
        f"without, so ask for a newer {plugin} until then",
        PluginDeprecation,
        stacklevel=3,
    )


def _package(thing: object) -> str:
    """Return the package that a class, a function or an object's class is from."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)  # a class or a function, or an object
    return named.__module__.partition(".")[0]


def did_you_mean(given: str, allowed: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ` Did you mean 'x'?` for the nearest allowed word, or an empty string.

    Upper and lower case count as equal.
    """
    import difflib  # only mistakes need it

    words = {word.lower(): word for word in allowed}
    near = difflib.get_close_matches(given.lower(), words, n=1, cutoff=cutoff)
    return f" Did you mean {words[near[0]]!r}?" if near else ""


def in_one_line(text: str) -> str:
    """Return a text in one line, its control characters replaced."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def one_line(error: BaseException) -> str:
    """Return an exception's type and text in one printable line, whatever the exception does."""
    name = type(error).__name__
    try:
        text = in_one_line(str(error))
    except BaseException:  # a foreign exception may fail even to print itself
        text = ""
    return f"{name}: {text}" if text else name
