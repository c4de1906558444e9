"""Conversion of a trained network to a spiking one, strictly.

    max(0, x)  →  d(x), what a neuron's spikes stand for

Everything between activations of an ordinary network is affine, so it acts on spikes as on what they stand for:
a network of neurons equals the network with d in place of each activation. Rueckauer et al., Frontiers in
Neuroscience 11:682, 2017; for temporal codes Feng et al., Computer Science 51(3):244-250, 2024. What differs: the
model is read from its graph (torch.export), every operation is accounted for, and one without a rule is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import attrs
from torch import Tensor, fx, nn
from torch._ops import HigherOrderOperator, OpOverload
from torch.export import ExportedProgram

from snnplug.errors import ContractError
from snnplug.nn.conversion.account import Entry, refusal, table
from snnplug.nn.conversion.build import AfterRefusal, Build, Refused, Value, name_of
from snnplug.nn.conversion.mutation import undo_mutation
from snnplug.nn.conversion.network import ConvertedNetwork
from snnplug.nn.conversion.neurons import NeuronLike, Neurons, Unbounded
from snnplug.nn.conversion.program import Program, export
from snnplug.nn.conversion.reasons import reason
from snnplug.nn.conversion.rules import RULES
from snnplug.nn.conversion.source import custom_function, line_of, module_of
from snnplug.nn.conversion.windows import as_steps
from snnplug.nn.materialize import materialize

__all__ = ["Conversion", "convert"]


@attrs.frozen(eq=False)
class Conversion:
    """A converted model. As a string it is the account, a line for each operation.

    Attributes:
        account: what became of every operation, in the order in which they are run.
        converted: the network, if nothing was refused.
    """

    account: tuple[Entry, ...]
    converted: ConvertedNetwork | None = attrs.field(repr=False)

    @property
    def network(self) -> ConvertedNetwork:
        """The spiking network, `[T, B, *]` to `[T', B, K]`; its steps add up to the decoded outputs of a window.

        Raises:
            ConversionError: operations were refused.
        """
        if self.converted is None:
            raise refusal(self.account)
        return self.converted

    @property
    def refused(self) -> tuple[Entry, ...]:
        """What stands in the way."""
        return tuple(entry for entry in self.account if entry.what == "refused")

    def __str__(self) -> str:
        return table(self.account)


def convert(
    model: nn.Module | ExportedProgram | str | os.PathLike[str],
    example: Tensor,
    neuron: NeuronLike,
    *,
    pools: Literal["fold", "stage"] = "fold",
    fold_batch_norm: bool = True,
    strict: bool = True,
) -> Conversion:
    """Turn a model into a spiking network with a neuron for each activation.

    Args:
        model: a module `[B, *]` to `[B, K]`, which is left as it is; a program of torch.export, or the path
            of a saved one.
        example: an input `[B, *]`; the network takes any batch size.
        neuron: a component, a neuron to copy, a class or a function that returns a neuron. It is built once
            for each activation, with the parameter `upper` where that has an upper bound.
        pools: average pools are linear ("fold") or followed by neurons of their own ("stage").
        fold_batch_norm: fold batch norm into the layer before it; otherwise `network.fold()` does so later.
        strict: raise where an operation is refused.

    Returns:
        The network and the account.

    Raises:
        ConversionError: operations cannot be converted, or the model cannot be exported.
        ContractError: the neuron is none, or the model has several inputs or outputs.
        DataError: there is no such file.
    """
    if pools not in ("fold", "stage"):
        raise ContractError(f'pools must be "fold" or "stage", got {pools!r}')
    neurons = Neurons(neuron)
    program = Program(export(model, example))
    changes = undo_mutation(program)
    program.drop_unused(also=changes)
    build = Build(program, neurons, pools)
    account = _Walk(build, changes).account
    if any(entry.what == "refused" for entry in account):
        if strict:
            raise refusal(account)
        return Conversion(tuple(account), None)
    network = _finish(build)
    if fold_batch_norm:
        gone = network.fold()
        account = [_folded(entry, gone) for entry in account]
    materialize(network, example.unsqueeze(0))
    return Conversion(tuple(account), network)


class _Walk:
    """Applies the rules to a program, operation by operation."""

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


def _finish(build: Build) -> ConvertedNetwork:
    last = build.values.get(build.program.output)
    if last is None:
        raise ContractError("what the model returns does not depend on its input")
    build.graph.output(
        build.graph.call_function(as_steps, (last.node, build.batch, build.steps, build.every))
    )
    return ConvertedNetwork(build.root, build.graph)


def _folded(entry: Entry, gone: tuple[str, ...]) -> Entry:
    if entry.operation != "batch_norm" or entry.becomes not in gone:
        return entry
    return attrs.evolve(entry, what="folded", why="part of the layer before it", becomes="")
