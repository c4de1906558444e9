"""`snnplug show KIND NAME`: one registered thing, its parameters, its source. Imports the target."""

from __future__ import annotations

import inspect
import json
from typing import Any

import attrs
import click

from snnplug.cli.table import print_table
from snnplug.registry.contain import calling, with_article
from snnplug.registry.kinds import KINDS, Spec
from snnplug.registry.parameters import Parameter, parameters_of
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["command", "describe"]


@click.command("show")
@click.argument("kind")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str, as_json: bool) -> None:
    """Show one registered thing: contract, parameters and defaults, reference, source, docstring."""
    facts = describe(Registry.from_installed().find(kind, name))
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _print(facts)


def describe(registration: Registration) -> dict[str, Any]:
    """Return what there is to know about a registration, as plain data.

    Raises:
        TargetError: its target cannot be imported.
    """
    spec, target = registration.spec, registration.load()
    with calling(registration, "a signature that can be read", tuple):
        return _facts(registration, spec, target)


def _facts(registration: Registration, spec: Spec, target: Any) -> dict[str, Any]:
    known, open_ended = parameters_of(target)
    own = [field.name for field in attrs.fields(type(spec)) if field.name not in attrs.fields_dict(Spec)]
    return {
        "kind": registration.kind,
        "name": registration.name,
        "qualified": registration.qualified,
        "plugin": registration.plugin,
        "version": registration.version,
        "summary": spec.summary,
        "contract": KINDS[registration.kind].contract,
        "reference": spec.reference,
        "aliases": list(spec.aliases),
        "facts": {field: getattr(spec, field) for field in own},
        "target": str(spec.target),
        "source": _source(target),
        "signature": _signature(target),
        "parameters": [_parameter(p, spec.components.get(p.name)) for p in known.values()],
        "takes_other_parameters": open_ended,
        "docstring": inspect.getdoc(target) or "",
    }


def _source(target: Any) -> str:
    try:
        return inspect.getsourcefile(inspect.unwrap(target)) or ""
    except TypeError:  # built in, or an instance
        return ""


def _signature(target: Any) -> str:
    try:
        signature = inspect.signature(target)
    except ValueError:  # written in C
        return ""
    bare = [p.replace(annotation=_Bare(p.annotation)) for p in signature.parameters.values()]
    shown = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    return f"{getattr(target, '__name__', type(target).__name__)}{shown}"


class _Bare:
    """Shows an annotation that is kept as text without quotes."""

    def __new__(cls, annotation: Any) -> Any:
        return super().__new__(cls) if isinstance(annotation, str) else annotation

    def __init__(self, annotation: str) -> None:
        self.text = annotation

    def __repr__(self) -> str:
        return self.text


def _parameter(parameter: Parameter, component: str | None) -> dict[str, Any]:
    plain = parameter.default is None or isinstance(
        parameter.default, (bool, int, float, str, list, tuple, dict)
    )
    return {
        "name": parameter.name,
        "type": with_article(component) if component else parameter.type_name,
        "required": parameter.required,
        "default": None if parameter.required else parameter.default if plain else repr(parameter.default),
    }


def _print(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['kind']} {facts['qualified']} {facts['version']}\n{facts['summary']}\n")
    lines = {name: facts[name] for name in ("contract", "reference", "target", "source", "signature")}
    lines["aliases"] = ", ".join(facts["aliases"])
    lines |= {name.replace("_", " "): str(value) for name, value in facts["facts"].items()}
    for name, value in lines.items():
        if value:
            click.echo(f"{name + ':':<12}{value}")
    click.echo()
    if facts["parameters"]:
        rows = [(p["name"], p["type"], _default(p)) for p in facts["parameters"]]
        print_table(("parameter", "type", "default"), rows)
    else:
        click.echo("no parameters")
    if facts["docstring"]:
        click.echo(f"\n{facts['docstring']}")


def _default(parameter: dict[str, Any]) -> str:
    return "required" if parameter["required"] else repr(parameter["default"])
