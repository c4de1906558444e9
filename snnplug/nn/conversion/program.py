"""The graph of a model, as torch.export gives it, and its constants."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx.traceback import preserve_node_meta

from snnplug.errors import ContractError, ConversionError, DataError, one_line
from snnplug.nn.conversion.source import SourceLines, line_of_error
from snnplug.nn.mode import evaluating
from snnplug.nn.time import TimeModule

__all__ = ["Program", "export"]


def export(
    model: nn.Module | ExportedProgram | str | os.PathLike[str], example: Tensor | None
) -> ExportedProgram:
    """Return the program of a model in evaluation mode, for any batch size.

    Args:
        model: a module `[B, *]` to `[B, K]`, or a time module, which is given one step; a program as it
            is, or the path of one that `torch.export.save` wrote.
        example: input `[B, *]`; None where the model is a program or a path.

    Raises:
        ContractError: a module is given without an example.
        ConversionError: the model cannot be exported: what it does depends on values or on the batch size.
        DataError: there is no such file.
    """
    if isinstance(model, ExportedProgram):
        return model
    if not isinstance(model, nn.Module):
        return _load(Path(model))
    if example is None:
        raise ContractError(
            f"{type(model).__name__} is no program of torch.export: give an example input [B, *]"
        )
    axis = 1 if isinstance(model, TimeModule) else 0
    if len(example) == 1:
        example = example.repeat(2, *[1] * (example.ndim - 1))  # export takes a size of 1 for a constant
    if axis:
        example = example.unsqueeze(0)
    with evaluating(model), _quiet(), SourceLines(), preserve_node_meta():
        try:
            return torch.export.export(model, (example,), dynamic_shapes=({axis: Dim.DYNAMIC},))
        except Exception as error:
            raise _as_refusal(model, error) from error


def _load(path: Path) -> ExportedProgram:
    if not path.is_file():
        raise DataError(f"there is no file {path}; write one with torch.export.save")
    try:
        with _quiet():
            return torch.export.load(path)
    except Exception as error:
        raise ConversionError(
            f"{path} is not a program of torch.export ({one_line(error)}); write it with "
            "torch.export.save(torch.export.export(model.eval(), (example,)), path)"
        ) from error


def _as_refusal(model: nn.Module, error: Exception) -> ConversionError:
    line = line_of_error(error)
    at = f" at {line}" if line else ""
    text = str(error)
    if "ata-dependent" in text:
        why = "data-dependent branch or size" + at
        advice = "a spiking network does the same for every input: compute both ways, or leave the branch out"
    elif "specialized it to be a constant" in text:
        why = f"the model works for one batch size only{at}"
        advice = "take the batch size from x.shape[0], or use flatten(1)"
    else:
        why = f"torch.export refuses it{at}: {one_line(error)}"
        advice = "the model must run on the example, and do the same for every input"
    return ConversionError(f"{type(model).__name__} cannot be converted: {why}; {advice}", (why,))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let only the error speak where export fails."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class Program:
    """A graph with one input and one output, and the values of its constants.

    Args:
        exported: of torch.export.

    Attributes:
        nodes: what it computes from the input, in order.
        input: the node of the input.
        output: the node of the output.
        constants: value of each node that does not depend on the input.

    Raises:
        ContractError: it has several inputs, or gives something else than one tensor.
    """

    def __init__(self, exported: ExportedProgram) -> None:
        graph = copy.deepcopy(exported.graph)  # later steps change it
        placeholders = [node for node in graph.nodes if node.op == "placeholder"]
        self.constants: dict[fx.Node, Tensor] = {}
        inputs = []
        for node, spec in zip(placeholders, exported.graph_signature.input_specs, strict=True):
            if spec.kind is InputKind.USER_INPUT:
                inputs.append(node)
            else:
                held = exported.state_dict.get(spec.target or "", exported.constants.get(spec.target or ""))
                node.meta["path"] = spec.target
                if isinstance(held, Tensor):
                    self.constants[node] = held
        self.nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output")]
        outputs: Any = graph.output_node().args[0]
        users = exported.graph_signature.user_outputs
        found = [node for node in outputs if isinstance(node, fx.Node) and node.name in users]
        if len(inputs) != 1:
            raise ContractError(f"a model to convert takes one tensor [B, *], this one takes {len(inputs)}")
        if len(found) != 1 or len(users) != 1:
            raise ContractError(
                f"a model to convert returns one tensor [B, K], this one returns {len(users)}"
            )
        self.input, self.output = inputs[0], found[0]
        self.nodes = [node for node in self.nodes if not self._evaluate(node)]

    def check(self, example: Tensor) -> None:
        """Refuse inputs `[B, *]` whose samples have another shape than those that the program takes.

        Raises:
            ContractError: a size differs.
        """
        sample = example.shape[1:]
        taken = list(self.input.meta["val"].shape)  # one of a time module begins with a step
        sizes = taken[1:] if len(taken) == example.ndim else taken[2:]
        if len(sizes) != len(sample) or any(
            isinstance(size, int) and size != given for size, given in zip(sizes, sample, strict=True)
        ):
            allowed, given = (", ".join(map(str, ["B", *shape])) for shape in (sizes, sample))
            raise ContractError(
                f"the model takes inputs [{allowed}], but those given are [{given}]; "
                "convert it with data that it was made for, or export it for these"
            )

    def drop_unused(self, also: Iterable[fx.Node] = ()) -> None:
        """Drop what the output does not depend on; keep some nodes besides."""
        waiting, used = [self.output, *also], set[fx.Node]()
        while waiting:
            node = waiting.pop()
            if node not in used:
                used.add(node)
                waiting += node.all_input_nodes
        self.nodes = [node for node in self.nodes if node in used]

    def _evaluate(self, node: fx.Node) -> bool:
        """Compute a node of which all operands are constants; return whether it is such a node."""
        if not isinstance(node.target, torch._ops.OpOverload) or "nondeterministic_seeded" in _tags(
            node.target
        ):
            return False
        operands = list(node.all_input_nodes)
        if any(one not in self.constants for one in operands) or node.target._schema.is_mutable:
            return False
        args = fx.node.map_arg((node.args, node.kwargs), self.constants.__getitem__)
        with torch.no_grad():
            value = node.target(*args[0], **args[1])
        if isinstance(value, Tensor):
            self.constants[node] = value
        return isinstance(value, Tensor)


def _tags(operation: torch._ops.OpOverload) -> set[str]:
    return {tag.name for tag in operation.tags}
