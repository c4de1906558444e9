"""Write docs/catalogue.md from what the plugins in plugins/ register: `python docs/catalogue.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from griffe import Docstring, DocstringSectionAttributes, DocstringSectionParameters

from snnplug import KINDS, Component, Kind, Registration, Registry
from snnplug.contracts.ranges import words_of
from snnplug.registry.contain import with_article
from snnplug.registry.parameters import Parameter, parameters_of
from snnplug.report.words import links

PAGE = Path(__file__).with_name("catalogue.md")
OURS = {path.name for path in PAGE.parents[1].glob("plugins/snnplug-*")}


def catalogue(registry: Registry) -> str:
    """Return the page: every thing that our own plugins offer, with its parameters."""
    return "\n".join(_lines(registry))


def entries(registry: Registry, kind: Kind) -> list[Registration]:
    """Return what our own plugins offer of a kind."""
    return [found for found in registry.list(kind.name) if found.plugin in OURS]


def meanings(target: Any) -> dict[str, str]:
    """Return what the docstrings of a target, and of the classes it comes from, say of each parameter.

    `low, high: the range` says it of both.
    """
    found: dict[str, str] = {}
    for documented in inspect.getmro(target) if inspect.isclass(target) else (target,):
        text = Docstring(inspect.cleandoc(documented.__doc__ or ""))
        for section in text.parse("google", warnings=False):
            if isinstance(section, DocstringSectionParameters | DocstringSectionAttributes):
                for said in section.value:
                    for name in said.name.split(", "):
                        found.setdefault(name, " ".join(said.description.split()))
    return found


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
        if kind.name == "neuron":
            yield from _about_pictures()
        for registration in entries(registry, kind):
            yield from _entry(registration, kind)


def _about_pictures() -> Iterator[str]:
    yield "The pictures show each neuron as it is at the start, untrained, for a constant current and for a"
    yield "noisy one; the membrane potential is that after the reset. A code that waits for its window"
    yield "answers after the dotted line, and codes are given currents that stand for 0.7."
    yield "`python docs/neurons.py` draws them."
    yield ""


def _entry(registration: Registration, kind: Kind) -> Iterator[str]:
    spec = registration.spec
    yield f"### {spec.name}"
    yield ""
    yield spec.summary
    yield ""
    if kind.name == "neuron":
        yield f"![Response of {spec.name} to a constant and to a noisy current](neurons/{spec.name}.svg)"
        yield ""
    yield f"- Plugin: [`{registration.plugin}`](../plugins/{registration.plugin}/README.md)"
    if spec.aliases:
        yield f"- Also called: {', '.join(f'`{alias}`' for alias in spec.aliases)}"
    if spec.reference:
        yield f"- Source: {_linked(spec.reference)}"
    yield ""
    target = registration.load()
    parameters, open_ended = parameters_of(target, KINDS[registration.kind].supplied_to(target))
    if not parameters and not open_ended:
        return
    yield "Parameters:"
    yield ""
    said = meanings(target)
    for parameter in parameters.values():
        facts = _describe(parameter, spec.components.get(parameter.name))
        yield f"- `{parameter.name}` ({facts}): {said.get(parameter.name, '')}".rstrip(": ")
    if open_ended:
        yield "- and others, see its documentation"
    yield ""


def _linked(reference: str) -> str:
    return "".join(f"[{text}]({address})" if address else text for text, address in links(reference))


def _describe(parameter: Parameter, takes: str | None) -> str:
    what = with_article(takes.replace("_", " ")) if takes else f"`{_type(parameter)}`"
    if limits := words_of(parameter.limits):
        what += f" {limits}"
    if parameter.required:
        return f"{what}, required" if not takes else what
    default = parameter.default.to_dict() if isinstance(parameter.default, Component) else parameter.default
    return f"{what}, default `{default!r}`"


def _type(parameter: Parameter) -> str:
    """The type, or the texts to choose from."""
    if get_origin(parameter.annotation) is Literal:
        return " | ".join(map(repr, get_args(parameter.annotation)))
    return parameter.type_name


if __name__ == "__main__":
    PAGE.write_text(catalogue(Registry.from_installed()), encoding="utf-8")
