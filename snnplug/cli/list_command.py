"""`snnplug list`: everything that is installed. Imports no plugin's targets, hence no torch."""

from __future__ import annotations

from collections import Counter

import attrs
import click

from snnplug.cli.table import print_table
from snnplug.registry.discovery import log_problems
from snnplug.registry.kinds import kind_named
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry, nothing_installed

__all__ = ["command"]


@click.command("list")
@click.option("--kind", help="Only this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--errors", is_flag=True, help="Add the tracebacks of plugins that were left out.")
@click.option(
    "--isolated", is_flag=True, help="Import each plugin in a process of its own, to find one that crashes."
)
@click.pass_context
def command(ctx: click.Context, kind: str | None, as_json: bool, errors: bool, isolated: bool) -> None:
    """List what is installed and where it comes from, and on standard error each plugin that was left out.

    With --isolated the plugins are listed with what came of importing them; exits with 1 if one
    does not load.
    """
    if isolated:
        ctx.exit(_list_isolated(as_json))
    registry = Registry.from_installed(quiet=True)
    registrations = registry.list(kind)
    if as_json:
        _print_json(registry, registrations)
    elif registrations and not registry.is_bare:
        rows = [(r.kind, r.name, r.plugin, r.version, r.spec.summary) for r in registrations]
        print_table(("kind", "name", "plugin", "version", "summary"), rows)
        _print_plugins(registry, registrations)
    elif kind and not registry.is_bare:
        click.echo(f"no {kind_named(kind)} is installed")
    else:
        click.echo(nothing_installed())
    log_problems(registry.problems, registry.notes)
    if errors and not as_json:
        for problem in registry.problems:
            click.echo(f"\n{problem}\n{problem.details.rstrip()}")


def _print_plugins(registry: Registry, registrations: list[Registration]) -> None:
    """Print where the plugins of some registrations come from."""
    counts = Counter(registration.plugin for registration in registrations)
    rows = [
        (plugin.name, plugin.version, str(counts[plugin.name]), plugin.installed.source)
        for plugin in registry.plugins
        if counts[plugin.name]
    ]
    if rows:
        click.echo()
        print_table(("plugin", "version", "things", "source"), rows)


def _print_json(registry: Registry, registrations: list[Registration]) -> None:
    import json

    found = {
        "registrations": [_describe(registration) for registration in registrations],
        "plugins": [
            {"plugin": plugin.name, "version": plugin.version, "source": plugin.installed.source}
            for plugin in registry.plugins
        ],
        "problems": [{**attrs.asdict(problem), "run": problem.remedy} for problem in registry.problems],
        "notes": [attrs.asdict(note) for note in registry.notes],
    }
    click.echo(json.dumps(found, indent=2))


def _list_isolated(as_json: bool) -> int:
    """Print each plugin as it has been imported, and return the exit code."""
    from snnplug.registry.isolation import import_each

    found = []
    for plugin in import_each():
        found.append(plugin)
        if not as_json:
            click.echo(f"{plugin.plugin} {plugin.version}: {plugin.problem or 'loads'}")
            for note in plugin.notes:
                click.echo(f"{plugin.plugin} {plugin.version}: note: it {note}")
    if as_json:
        import json

        click.echo(json.dumps([attrs.asdict(plugin) for plugin in found], indent=2))
    elif not found:
        click.echo(nothing_installed())
    return int(any(plugin.problem for plugin in found))


def _describe(registration: Registration) -> dict[str, object]:
    spec = registration.spec
    return {
        "kind": registration.kind,
        "name": registration.name,
        "qualified": registration.qualified,
        "plugin": registration.plugin,
        "version": registration.version,
        "summary": spec.summary,
        "reference": spec.reference,
        "aliases": list(spec.aliases),
        "target": str(spec.target),
    }
