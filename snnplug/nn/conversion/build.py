"""The graph of the converted network while it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn

from snnplug.nn.conversion.layers import BiasEvery
from snnplug.nn.conversion.network import ConvertedNetwork
from snnplug.nn.conversion.neurons import Neurons
from snnplug.nn.conversion.program import Program
from snnplug.nn.conversion.source import module_of
from snnplug.nn.conversion.value import AfterRefusal, Note, Refused, Value, name_of
from snnplug.nn.conversion.windows import as_steps, start

__all__ = ["Build", "Rule"]


class Build:
    """Takes what rules make of operations.

    Args:
        program: the model.
        neurons: builds them.
        pools: "fold" or "stage".
        skip_idle: no neuron for an activation whose input is never negative.

    Attributes:
        graph: of the converted network.
        root: its modules.
        values: of the nodes of the model that depend on the input.
        parts: those of nodes with several results.
        unusable: nodes without a value, because an operation before them was refused.
        waiting: names of the neurons that come after the pool that reads their activation.
        notes: what became of the operation at hand.
        steps: number of steps T of the input.
        batch: batch size B.
    """

    def __init__(self, program: Program, neurons: Neurons, pools: str, skip_idle: bool) -> None:
        self.program, self.neurons, self.pools, self.skip_idle = program, neurons, pools, skip_idle
        self.graph, self.root = fx.Graph(), nn.Module()
        self.parts: dict[Any, list[Value]] = {}
        self.unusable: set[Any] = set()
        self.waiting: dict[Any, str] = {}
        self.notes: list[Note] = []
        self._parameters: dict[int, Tensor] = {}
        self._layers: dict[Any, str] = {}
        self._alone = _alone(program)
        shape = list(program.input.meta["val"].shape)
        dynamic = [place for place, size in enumerate(shape) if not isinstance(size, int)]
        self._size = shape[dynamic[0] if dynamic else 0]
        x = self.graph.placeholder("x")
        self.steps = self.graph.call_function(torch.ops.aten.sym_size.int, (x, 0))
        self.batch = self.graph.call_function(torch.ops.aten.sym_size.int, (x, 1))
        lead = dynamic[0] + 1 if dynamic else 1
        first = self.graph.call_function(start, (x, self.neurons.bias_every))
        self.values: dict[Any, Value] = {program.input: Value(first, tuple(shape[lead:]), lead)}

    @property
    def every(self) -> int | None:
        """How often layers add their bias."""
        return self.neurons.bias_every

    def value(self, node: Any) -> Value:
        """Return the value of an operand.

        Raises:
            Refused: it depends on the batch size alone.
            AfterRefusal: it is unusable.
        """
        if node in self.unusable:
            raise AfterRefusal
        found = self.values.get(node)
        if found is None:
            raise Refused("combines the network's values with a tensor that is made anew for each batch")
        return found

    def is_value(self, operand: Any) -> bool:
        """Whether an operand depends on the input."""
        return isinstance(operand, fx.Node) and operand not in self.program.constants

    def constant(self, node: fx.Node) -> Tensor:
        """Return a constant operand.

        Raises:
            Refused: it is none.
        """
        if node not in self.program.constants:
            raise Refused("takes weights that depend on the input, which no synapse does")
        return self.program.constants[node]

    def parameter(self, node: fx.Node) -> nn.Parameter:
        """Return a copy of a constant as a parameter, the same for the same constant."""
        held = self.constant(node)
        if id(held) not in self._parameters:
            trained = held.requires_grad or not isinstance(held, nn.Parameter)
            self._parameters[id(held)] = nn.Parameter(held.detach().clone(), trained)
        found = self._parameters[id(held)]
        assert isinstance(found, nn.Parameter)
        return found

    def note(self, what: Literal["converted", "folded", "kept"], why: str, becomes: str = "") -> None:
        """Note what becomes of the operation at hand."""
        self.notes.append(Note(what, why, becomes))

    def emit(
        self, node: fx.Node, like: Value, target: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Value:
        """Call a function; its result is the model's node.

        Args:
            node: of the model.
            like: an operand.
            target, args, kwargs: the call.

        Raises:
            Refused: an argument depends on the batch size, or the result is no value of a network.
        """
        operands: list[fx.Node] = []
        fx.node.map_arg((args, kwargs), operands.append)
        if any(one.graph is not self.graph for one in operands):
            raise Refused("has an argument that depends on the input or on the batch size")
        return self._as_value(self.graph.call_function(target, args, kwargs), node, like.lead)

    def call(self, node: fx.Node, layer: BiasEvery | str, x: Value) -> Value:
        """Call an affine layer, new or of that name."""
        if isinstance(layer, BiasEvery):
            layer.every = self.every
            layer = self.add(layer, self.place(node))
        args = (x.node,) if self.every == 1 else (x.node, self.batch)
        return self._as_value(self.graph.call_module(layer, args), node, x.lead)

    def layer(self, key: Any, name: str, make: Callable[[], BiasEvery]) -> str:
        """Return the name of a layer, made where its key is new: one that is used twice stays one."""
        if key not in self._layers:
            made = make()
            made.every = self.every
            self._layers[key] = self.add(made, name)
        return self._layers[key]

    def neuron(self, node: fx.Node, upper: float) -> str:
        """Make the neuron that replaces a node, with an upper bound or infinity, and return its name."""
        return self.add(self.neurons.build(upper, node.meta["val"]), self.place(node))

    def fire(self, x: Value, name: str) -> Value:
        """Let the neuron of that name encode a current."""
        current = self.graph.call_function(as_steps, (x.node, self.batch, self.steps, self.every))
        spikes = self.graph.call_module(name, (current,))
        flat = self.graph.call_method("flatten", (spikes, 0, 1))
        return Value(flat, x.shape, x.lead, nonnegative=True)

    def place(self, node: fx.Node) -> str:
        """Return the name for what replaces a node: of its module, if that does nothing else."""
        path = module_of(node)
        if path and self._alone.get(path, True):
            return path
        operation = name_of(node)
        return f"{path}.{operation}" if path else operation

    def add(self, module: nn.Module, name: str) -> str:
        """Add a module under a name, numbered if that is taken, and return the name."""
        first, dot, rest = name.partition(".")
        name = f"{first}_{dot}{rest}" if hasattr(ConvertedNetwork, first) else name  # such as `graph`
        taken = {path for path, _ in self.root.named_modules()}
        free, number = name, 0
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        *containers, last = free.split(".")
        parent = self.root
        for container in containers:
            if not hasattr(parent, container):
                parent.add_module(container, nn.Module())
            parent = parent.get_submodule(container)
        parent.add_module(last, module)
        return free

    def _as_value(self, made: fx.Node, node: fx.Node, lead: int) -> Value:
        shape = self.shape(node, lead)
        made.meta["axes"] = len(shape)
        return Value(made, shape, lead)

    def shape(self, node: fx.Node, lead: int) -> tuple[int, ...]:
        """Return the shape of a sample of a node's tensor.

        Raises:
            Refused: samples do not stand in front, or its size depends on the batch.
        """
        found = node.meta.get("val")
        if not isinstance(found, Tensor):
            raise Refused("gives something else than one tensor")
        before, rest = list(found.shape[:lead]), list(found.shape[lead:])
        if before != [1] * (lead - 1) + [self._size] or not all(isinstance(size, int) for size in rest):
            sizes = ", ".join(map(str, found.shape))
            raise Refused(f"gives a tensor of shape [{sizes}], which does not have the batch in front")
        return tuple(rest)

    def lead(self, node: fx.Node) -> int:
        """Return how many axes of a node's tensor stand before a sample's: 1, or 2 with a single step."""
        found = node.meta.get("val")
        size = list(found.shape[:2]) if isinstance(found, Tensor) else []
        return 2 if len(size) == 2 and size[0] == 1 and size[1] == self._size and self._size != 1 else 1


Rule = Callable[[Build, fx.Node, Mapping[str, Any]], "Value | list[Value]"]


def _alone(program: Program) -> dict[str, bool]:
    """Return, by module, whether it does one operation with the network's values, wherever it is called."""
    operations: dict[str, set[str]] = {}
    calls: dict[str, set[tuple[str, ...]]] = {}
    for node in program.nodes:
        if node in program.constants or name_of(node) in ("getitem", "sym_size"):
            continue
        stack = node.meta.get("nn_module_stack") or {}
        for key, (path, _) in stack.items():
            operations.setdefault(path, set()).add(f"{key} {node.name}")
            calls.setdefault(path, set()).add(key)
    return {path: len(operations[path]) == len(calls[path]) for path in operations}
