"""`snnplug show KIND NAME`: one registered thing, its parameters, its source. Imports the target."""

from __future__ import annotations

import inspect
import json
from typing import Any

import attrs
import click

from snnplug.cli.table import print_table
from snnplug.contracts.ranges import words_of
from snnplug.registry.contain import calling, with_article
from snnplug.registry.distributions import installed_plugins
from snnplug.registry.kinds import KINDS, Spec
from snnplug.registry.parameters import Parameter, parameters_of, unnamed_parameters
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["command", "describe"]


@click.command("show")
@click.argument("kind")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(kind: str, name: str, as_json: bool) -> None:
    """Show one registered thing: contract, parameters, defaults, ranges, source, licence, docstring."""
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
    kind = KINDS[registration.kind]
    known, open_ended = parameters_of(target, kind.supplied_to(target))
    own = [field.name for field in attrs.fields(type(spec)) if field.name not in attrs.fields_dict(Spec)]
    file, line = _place(target)
    return {
        "kind": registration.kind,
        "name": registration.name,
        "qualified": registration.qualified,
        "plugin": registration.plugin,
        "version": registration.version,
        **_origin(registration.plugin),
        "summary": spec.summary,
        "contract": kind.contract,
        "reference": spec.reference,
        "aliases": list(spec.aliases),
        "facts": {field: getattr(spec, field) for field in own},
        "target": str(spec.target),
        "source": file,
        "line": line,
        "signature": _signature(target, known),
        "supplied": list(kind.supplied_to(target)),
        "parameters": [_parameter(p, spec.components.get(p.name)) for p in known.values()],
        "takes_other_parameters": open_ended,
        "cannot_be_set": unnamed_parameters(target, kind.supplied_to(target)),
        "docstring": inspect.getdoc(target) or "",
    }


def _origin(plugin: str) -> dict[str, str]:
    """Return where a plugin was installed from and its licence; empty for what Python code registered."""
    installed = next((found for found in installed_plugins() if found.name == plugin), None)
    if installed is None:
        return {"installed_from": "", "licence": ""}
    return {"installed_from": installed.source, "licence": installed.licence}


def _place(target: Any) -> tuple[str, int]:
    """Return the file and the line of a target's code; empty and 0 where there is none."""
    code = inspect.unwrap(target)
    try:
        return inspect.getsourcefile(code) or "", inspect.getsourcelines(code)[1]
    except (TypeError, OSError):  # built in, an instance, or typed in
        return "", 0


def _signature(target: Any, known: dict[str, Parameter]) -> str:
    try:
        signature = inspect.signature(target)
    except ValueError:  # written in C
        return ""
    types = {name: parameter.type_name for name, parameter in known.items()}
    bare = [
        p.replace(annotation=_bare(types.get(p.name, p.annotation))) for p in signature.parameters.values()
    ]
    shown = signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)
    return f"{getattr(target, '__name__', type(target).__name__)}{shown}"


@attrs.frozen(repr=False)
class _Bare:
    """Shows an annotation that is kept as text without quotes."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _bare(annotation: Any) -> Any:
    if annotation == "any":
        return inspect.Parameter.empty
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _parameter(parameter: Parameter, component: str | None) -> dict[str, Any]:
    plain = parameter.default is None or isinstance(
        parameter.default, (bool, int, float, str, list, tuple, dict)
    )
    return {
        "name": parameter.name,
        "type": with_article(component) if component else parameter.type_name,
        "required": parameter.required,
        "default": None if parameter.required else parameter.default if plain else repr(parameter.default),
        "range": parameter.limits,
    }


def _print(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['kind']} {facts['qualified']} {facts['version']}\n{facts['summary']}\n")
    lines = {name: facts[name] for name in ("contract", "reference", "target")}
    lines["code"] = f"{facts['source']}:{facts['line']}" if facts["source"] else ""
    lines["installed"] = facts["installed_from"]
    lines["licence"] = facts["licence"] or ("none named in its metadata" if facts["installed_from"] else "")
    lines["signature"] = facts["signature"]
    lines["aliases"] = ", ".join(facts["aliases"])
    lines |= {name.replace("_", " "): str(value) for name, value in facts["facts"].items()}
    for name, value in lines.items():
        if value:
            click.echo(f"{name + ':':<12}{value}")
    click.echo()
    if facts["parameters"]:
        rows = [(p["name"], p["type"], _default(p), words_of(p["range"])) for p in facts["parameters"]]
        print_table(("parameter", "type", "default", "range"), rows)
    elif not facts["takes_other_parameters"]:
        click.echo("no parameters")
    if facts["takes_other_parameters"]:
        click.echo("it takes other parameters too, which its signature does not name")
    if facts["cannot_be_set"]:
        click.echo(f"cannot be set in a recipe, for they have no name: {', '.join(facts['cannot_be_set'])}")
    if facts["docstring"]:
        click.echo(f"\n{facts['docstring']}")


def _default(parameter: dict[str, Any]) -> str:
    return "required" if parameter["required"] else repr(parameter["default"])
