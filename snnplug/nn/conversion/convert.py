"""Conversion of a trained network to a spiking one, strictly.

    max(0, x)  →  d(x), what a neuron's spikes stand for

Everything between activations of an ordinary network is affine, so it acts on spikes as on what they stand
for: a network of neurons equals the network with d in place of each activation. Rueckauer et al., Frontiers
in Neuroscience 11:682, 2017; for temporal codes Feng et al., Computer Science 51(3):244-250, 2024. What
differs: the model is read from its graph (torch.export), every operation is accounted for, and one without
a rule is refused.
"""

from __future__ import annotations

import os
from typing import Literal

import attrs
from torch import Tensor, nn
from torch.export import ExportedProgram

from snnplug.errors import ContractError
from snnplug.nn.conversion.account import Entry, refusal, table
from snnplug.nn.conversion.build import Build
from snnplug.nn.conversion.mutation import undo_mutation
from snnplug.nn.conversion.network import ConvertedNetwork
from snnplug.nn.conversion.neurons import NeuronLike, Neurons
from snnplug.nn.conversion.program import Program, export
from snnplug.nn.conversion.walk import Walk
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
        """The spiking network, `[T, B, *]` to `[T', B, K]`; the steps of a window add up to its outputs.

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
    example: Tensor | None,
    neuron: NeuronLike,
    *,
    pools: Literal["fold", "stage"] = "fold",
    fold_batch_norm: bool = True,
    skip_idle: bool = True,
    strict: bool = True,
) -> Conversion:
    """Turn a model into a spiking network with a neuron for each activation.

    Args:
        model: a module `[B, *]` to `[B, K]`, which is left as it is; a program of torch.export, or the path
            of a saved one.
        example: an input `[B, *]`; the network takes any batch size. A program or a file can do without:
            None. Parameters of neurons whose shape follows the input then have none yet.
        neuron: a component, a neuron to copy, a class or a function that returns a neuron. It is built once
            for each activation, with the parameter `upper` where that has an upper bound.
        pools: average pools are linear ("fold") or followed by neurons of their own ("stage").
        fold_batch_norm: fold batch norm into the layer before it; otherwise `network.fold()` does so later.
        skip_idle: no neuron for an activation that changes nothing, as its input is never negative.
        strict: raise where an operation is refused.

    Returns:
        The network and the account.

    Raises:
        ConversionError: operations cannot be converted, or the model cannot be exported.
        ContractError: the neuron is none, the model has several inputs or outputs, or takes others than the
            example.
        DataError: there is no such file.
    """
    if pools not in ("fold", "stage"):
        raise ContractError(f'pools must be "fold" or "stage", got {pools!r}')
    neurons = Neurons(neuron)
    program = Program(export(model, example))
    if example is not None:
        program.check(example)
    changes = undo_mutation(program)
    program.drop_unused(also=changes)
    build = Build(program, neurons, pools, skip_idle)
    account = Walk(build, changes).account
    if any(entry.what == "refused" for entry in account):
        if strict:
            raise refusal(account)
        return Conversion(tuple(account), None)
    network = _finish(build)
    if fold_batch_norm:
        gone = network.fold()
        account = [_folded(entry, gone) for entry in account]
    if example is not None:
        materialize(network, example.unsqueeze(0))
    return Conversion(tuple(account), network)


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
