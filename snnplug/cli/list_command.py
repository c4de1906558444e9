"""`snnplug list`: everything that is installed. Imports no plugin's targets, hence no torch."""

from __future__ import annotations

import json

import attrs
import click

from snnplug.cli.table import print_table
from snnplug.registry.discovery import log_problems
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["command"]


@click.command("list")
@click.option("--kind", help="Only this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--errors", is_flag=True, help="Add the tracebacks of plugins that were left out.")
def command(kind: str | None, as_json: bool, errors: bool) -> None:
    """List what is installed, and on standard error each plugin that was left out."""
    registry = Registry.from_installed(quiet=True)
    registrations = registry.list(kind)
    if as_json:
        found = [_describe(registration) for registration in registrations]
        problems = [attrs.asdict(problem) for problem in registry.problems]
        click.echo(json.dumps({"registrations": found, "problems": problems}, indent=2))
    elif registrations:
        rows = [(r.kind, r.name, r.plugin, r.version, r.spec.summary) for r in registrations]
        print_table(("kind", "name", "plugin", "version", "summary"), rows)
    else:
        click.echo(f"no {kind or 'plugin'} is installed")
    log_problems(registry.problems)
    if errors and not as_json:
        for problem in registry.problems:
            click.echo(f"\n{problem}\n{problem.details.rstrip()}")


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
