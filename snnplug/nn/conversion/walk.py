"""Goes through the operations of a model, converts each by its rule, and keeps the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import fx
from torch._ops import HigherOrderOperator, OpOverload

from snnplug.nn.conversion.account import Entry
from snnplug.nn.conversion.build import Build
from snnplug.nn.conversion.neurons import Unbounded
from snnplug.nn.conversion.reasons import reason
from snnplug.nn.conversion.rules import RULES
from snnplug.nn.conversion.source import custom_function, line_of, module_of
from snnplug.nn.conversion.value import AfterRefusal, Refused, Value, name_of

__all__ = ["Walk"]


class Walk:
    """Applies the rules to a program, operation by operation.

    Args:
        build: takes what they make.
        refused: operations that are refused beforehand, and why.

    Attributes:
        account: what became of each operation.
    """

    def __init__(self, build: Build, refused: Mapping[fx.Node, str]) -> None:
        self.build, self.refused = build, refused
        self.account: list[Entry] = []
        for node in build.program.nodes:
            self._visit(node)

    def _visit(self, node: fx.Node) -> None:
        build, name = self.build, name_of(node)
        if name == "getitem":
            self._pick(node)
            return
        build.notes.clear()
        try:
            made = self._convert(node, name)
        except (Refused, Unbounded) as error:
            self._note(node, "refused", str(error))
            self._assume(node)
        except AfterRefusal:
            self._assume(node)
        else:
            for note in build.notes:
                self._note(node, *note)
            if isinstance(made, list):
                build.parts[node] = made
            elif made is not None:
                build.values[node] = made

    def _convert(self, node: fx.Node, name: str) -> Value | list[Value] | None:
        build = self.build
        custom = custom_function(node)
        if custom is not None:
            raise Refused(f"belongs to {custom}, a custom autograd function, which may compute anything")
        if node in self.refused:
            raise Refused(self.refused[node])
        read = [one for one in node.all_input_nodes if one in build.values or one in build.unusable]
        if not read or not isinstance(node.target, OpOverload | HigherOrderOperator) or _only_checks(name):
            return None  # of the batch size alone
        namespace = node.target.namespace
        rule = RULES.get(name) if namespace == "aten" else None
        if rule is None or not isinstance(node.target, OpOverload):
            raise Refused(reason(name, str(namespace)))
        return rule(build, node, _arguments(node))

    def _pick(self, node: fx.Node) -> None:
        """Take one of several results."""
        source, place = node.args
        parts = self.build.parts.get(source, [])
        if isinstance(place, int) and place < len(parts):
            self.build.values[node] = parts[place]
        elif parts:
            self._note(node, "refused", "reads places of winners, which spikes do not tell")
            self.build.unusable.add(node)
        elif source in self.build.unusable:
            self._assume(node)

    def _assume(self, node: fx.Node) -> None:
        """Go on behind a refused operation as if it had been converted, to find the others."""
        build = self.build
        try:
            lead = build.lead(node)
            build.values[node] = Value(build.batch, build.shape(node, lead), lead)
        except Refused:
            build.unusable.add(node)

    def _note(self, node: fx.Node, what: Any, why: str, becomes: str = "") -> None:
        self.account.append(Entry(name_of(node), what, why, becomes, line_of(node), module_of(node)))


def _only_checks(name: str) -> bool:
    return name.startswith(("sym_", "_assert"))


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of an operation by name, with defaults."""
    assert isinstance(node.target, OpOverload)
    found = {}
    for place, declared in enumerate(node.target._schema.arguments):
        given = (
            node.args[place]
            if place < len(node.args)
            else node.kwargs.get(declared.name, declared.default_value)
        )
        found[declared.name] = given
    return found
