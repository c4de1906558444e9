"""From the name of a distribution to the names of a package, a method and a class."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterable

from snnplug.errors import UsageError
from snnplug.registry.distributions import canonical

__all__ = ["check_line", "check_method", "check_name", "method_of", "package_of", "target_of"]

LONGEST, LONGEST_LINE = 40, 88  # letters, so that no line of the package becomes too long
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_METHOD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TAKEN = {"snnplug", "torch", "tests", "pytest"}  # packages that the new one imports or would hide


def check_name(name: str) -> str:
    """Return a distribution's name, lower case and with `-` between words.

    Raises:
        UsageError: it is none, or its package could not be imported by its name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a distribution: letters, digits and - inside, such as 'acme-neurons'"
        )
    if len(name) > LONGEST:
        raise UsageError(f"the name {name!r} has {len(name)} letters; at most {LONGEST} are allowed")
    package = package_of(name)
    if not package.isidentifier() or keyword.iskeyword(package):
        raise UsageError(
            f"{name!r} makes the package {package!r}, which Python cannot import; choose another"
        )
    if package in _TAKEN or package in sys.stdlib_module_names:
        raise UsageError(f"{name!r} makes the package {package!r}, which is taken; choose another name")
    return canonical(name)


def package_of(name: str) -> str:
    """Return the import name of a distribution: `acme-neurons` has `acme_neurons`."""
    return canonical(name).replace("-", "_")


def method_of(name: str) -> str:
    """Return what a distribution's method is called by default: `snnplug-foo` has `foo`."""
    return package_of(name).removeprefix("snnplug_").rstrip("_")


def check_method(method: str) -> str:
    """Return the name under which a method is registered.

    Raises:
        UsageError: it is not in lower_snake_case, or too long.
    """
    if not _METHOD.fullmatch(method) or len(method) > LONGEST:
        raise UsageError(
            f"the method's name {method!r} is not a lower_snake_case name such as 'my_neuron' of at most "
            f"{LONGEST} letters; give another with --method"
        )
    return method


def check_line(what: str, text: str) -> str:
    """Return one line of text that can stand between quotes in any of the files.

    Raises:
        UsageError: it is empty, too long, or has a quote, a backslash or a line break.
    """
    text = text.strip()
    if not text or len(text) > LONGEST_LINE or not text.isprintable() or set('"\\') & set(text):
        raise UsageError(
            f"the {what} {text!r} is not one line of 1 to {LONGEST_LINE} letters without double quotes and "
            "backslashes"
        )
    return text


def target_of(method: str, sort: str, taken: Iterable[str], word: str) -> str:
    """Return the name of the class or function behind a method.

    Args:
        method: its registered name.
        sort: "class" or "function".
        taken: names that its module imports.
        word: what is put behind a name that is taken, such as "neuron".
    """
    is_class = sort == "class"
    name = "".join(part.capitalize() for part in method.split("_")) if is_class else method
    if name in taken or keyword.iskeyword(name) or hasattr(builtins, name):
        name += "".join(part.capitalize() for part in word.split("_")) if is_class else f"_{word}"
    return name
