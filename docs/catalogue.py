"""Write docs/catalogue.md from what the plugins in plugins/ register: `python docs/catalogue.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from snnplug import KINDS, Component, Registration, Registry
from snnplug.contracts.ranges import words_of
from snnplug.registry.contain import with_article
from snnplug.registry.parameters import Parameter, parameters_of

PAGE = Path(__file__).with_name("catalogue.md")
OURS = {path.name for path in PAGE.parents[1].glob("plugins/snnplug-*")}


def catalogue(registry: Registry) -> str:
    """Return the page: every thing that our own plugins offer, with its parameters."""
    return "\n".join(_lines(registry))


def _lines(registry: Registry) -> Iterator[str]:
    yield "# Catalogue"
    yield ""
    yield "What the plugins in `plugins/` offer, written by `python docs/catalogue.py` from the registry."
    yield "Parameters are those that a recipe can set; time constants are in time steps."
    yield ""
    for kind in KINDS.values():
        yield f"## {kind.plural.replace('_', ' ').capitalize()}"
        yield ""
        yield f"What one is: [{kind.name.replace('_', ' ')}](kinds/{kind.name}.md)."
        yield ""
        for registration in registry.list(kind.name):
            if registration.plugin in OURS:
                yield from _entry(registration)


def _entry(registration: Registration) -> Iterator[str]:
    spec = registration.spec
    yield f"### {spec.name}"
    yield ""
    yield spec.summary
    yield ""
    yield f"- Plugin: `{registration.plugin}`"
    if spec.aliases:
        yield f"- Also called: {', '.join(f'`{alias}`' for alias in spec.aliases)}"
    if spec.reference:
        yield f"- Source: {spec.reference}"
    parameters, open_ended = parameters_of(registration.load(), KINDS[registration.kind].supplied)
    for parameter in parameters.values():
        yield f"- `{parameter.name}`: {_describe(parameter, spec.components.get(parameter.name))}"
    if open_ended:
        yield "- and others, see its documentation"
    yield ""


def _describe(parameter: Parameter, takes: str | None) -> str:
    what = with_article(takes.replace("_", " ")) if takes else f"`{parameter.type_name}`"
    if limits := words_of(parameter.limits):
        what += f" {limits}"
    if parameter.required:
        return f"{what}, required" if not takes else what
    default = parameter.default.to_dict() if isinstance(parameter.default, Component) else parameter.default
    return f"{what}, default `{default!r}`"


if __name__ == "__main__":
    PAGE.write_text(catalogue(Registry.from_installed()), encoding="utf-8")
