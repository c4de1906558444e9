"""`snnplug new NAME --kind KIND`: a package for a method of one's own, which works as it is written."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import click

from snnplug.errors import UnknownName, UsageError, did_you_mean
from snnplug.registry.kinds import KINDS
from snnplug.registry.registry import Registry
from snnplug.scaffold.names import check_line, check_method, check_name, method_of, package_of
from snnplug.scaffold.package import LICENCES, NewPlugin, description_of, write_package

__all__ = ["command"]


@click.command("new")
@click.argument("name", required=False)
@click.option("--kind", help=f"What it adds: {', '.join(KINDS)}.")
@click.option("--method", help="Name of the method in recipes [default: from NAME].")
@click.option("--description", help="One line [default: what the template does].")
@click.option("--author", help="Who has the copyright [default: the NAME authors].")
@click.option("--licence", help=f"{', '.join(LICENCES)} [default: {LICENCES[0]}].")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to make [default: NAME].")
def command(
    name: str | None,
    kind: str | None,
    method: str | None,
    description: str | None,
    author: str | None,
    licence: str | None,
    out: Path | None,
) -> None:
    """Write a package for a method of your own: a distribution NAME with one working method of a kind.

    It has tests, a recipe that uses it and a file for continuous integration, and passes its own tests.
    On a terminal, what is missing is asked for.

    \b
    Example:
      snnplug new acme-neurons --kind neuron
    """
    ask = (name is None or kind is None) and _is_terminal()
    if not ask and (missing := _missing(name, kind)):
        raise UsageError(
            f"{missing} missing; write snnplug new NAME --kind KIND, with KIND one of {', '.join(KINDS)}"
        )
    name = check_name(name or click.prompt("name of the distribution, such as acme-neurons"))
    kind = _check_kind(kind or click.prompt(f"kind ({', '.join(KINDS)})"))
    package = NewPlugin(
        name=name,
        kind=kind,
        method=check_method(_given(method, ask, "name of the method in recipes", method_of(name))),
        description=_sentence(
            check_line("description", _given(description, ask, "description", description_of(kind)))
        ),
        author=check_line("author", _given(author, ask, "author", f"The {name} authors")),
        licence=_check_licence(_given(licence, ask, f"licence ({', '.join(LICENCES)})", LICENCES[0])),
    )
    folder, notes = out or Path(name), _notes(package)
    write_package(package, folder)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    words = kind.replace("_", " ")
    click.echo(f"{folder}: a distribution {name} with the {words} {package.method}. Next:")
    click.echo(f"  cd {folder}")
    click.echo("  pip install -e . --group test && pytest")
    click.echo(f"  {_use(package)}")


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _given(value: str | None, ask: bool, words: str, default: str) -> str:
    if value is None and ask:
        asked: str = click.prompt(words, default=default)
        return asked
    return default if value is None else value


def _missing(name: str | None, kind: str | None) -> str:
    words = [word for word, given in (("NAME", name), ("--kind", kind)) if given is None]
    return " and ".join(words) + (" are" if len(words) > 1 else " is") if words else ""


def _check_kind(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownName(f"unknown kind {kind!r}.{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}")
    return kind


def _check_licence(licence: str) -> str:
    if licence not in LICENCES:
        hint = did_you_mean(licence, LICENCES)
        raise UsageError(f"unknown licence {licence!r}.{hint} Licences: {', '.join(LICENCES)}")
    return licence


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _use(package: NewPlugin) -> str:
    """Return the command that uses the new method."""
    if package.kind == "benchmark":
        return f"snnplug correlate --benchmark {package.method} --no-scorers"
    return "snnplug run example.toml" + f" --tracker {package.method}" * (package.kind == "tracker")


def _notes(package: NewPlugin) -> list[str]:
    """Return what else goes by the names of a new package."""
    notes = []
    for other in Registry.from_installed(quiet=True).list(package.kind):
        if package.method in (other.name, *other.spec.aliases) and other.plugin != package.name:
            notes.append(
                f"{other.plugin} offers {other.name!r} too; recipes tell them apart by "
                f"{package.name}:{package.method} and {other.qualified}"
            )
    if importlib.util.find_spec(package_of(package.name)) is not None:
        notes.append(f"a package {package_of(package.name)} is installed already; the new one would hide it")
    return notes
