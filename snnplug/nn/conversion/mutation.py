"""In-place operations: where nothing else sees the change, they are the plain ones.

After `y.relu_()` what reads y reads the result. It is refused where another view of the same memory is
read later, or where the memory is the input's, a parameter's or a buffer's.
"""

from __future__ import annotations

from torch import fx
from torch._ops import OpOverload

from snnplug.nn.conversion.program import Program

__all__ = ["undo_mutation"]

_MAY_RETURN_ITS_INPUT = (
    "dropout",
    "feature_dropout",
    "alpha_dropout",
    "pad",
)  # which their schemas do not say


def undo_mutation(program: Program) -> dict[fx.Node, str]:
    """Let later readers of a changed value read the result.

    Returns:
        Why, for each operation whose change cannot be undone.
    """
    order = {node: place for place, node in enumerate(program.nodes)}
    memory: dict[fx.Node, fx.Node] = {}
    refused: dict[fx.Node, str] = {}
    for node in program.nodes:
        changed = _changed(node)
        if changed is None:
            source = _viewed(node)
            memory[node] = memory.get(source, source) if source is not None else node
            continue
        held = memory.get(changed, changed)
        memory[node] = held
        if held is program.input:
            refused[node] = "changes the input in place; work on a copy of it"
        elif held in program.constants:
            refused[node] = (
                "changes a parameter or buffer in place; a converted network keeps nothing between calls"
            )
        else:
            views = [one for one, of in memory.items() if of is held and one not in (node, changed)]
            later = [one for one in (held, *views) if one is not changed and _read_after(one, node, order)]
            if later:
                refused[node] = "changes in place what another view of the same memory is read from later"
        readers = [user for user in changed.users if order.get(user, len(order)) > order[node]]
        for user in readers:
            user.replace_input_with(changed, node)
        if changed is program.output:
            program.output = node
    return refused


def _changed(node: fx.Node) -> fx.Node | None:
    """Return the operand that a node writes to."""
    if not isinstance(node.target, OpOverload) or not node.target._schema.is_mutable:
        return None
    for operand, declared in zip(node.args, node.target._schema.arguments, strict=False):
        if declared.alias_info is not None and declared.alias_info.is_write:
            return operand if isinstance(operand, fx.Node) else None
    return None


def _viewed(node: fx.Node) -> fx.Node | None:
    """Return the operand of which the result may be a view."""
    source = node.args[0] if node.args else None
    if not isinstance(source, fx.Node):
        return None
    if not isinstance(node.target, OpOverload):
        return source  # one of several results
    schema = node.target._schema
    views = any(result.alias_info is not None for result in schema.returns)
    return source if views or schema.name.removeprefix("aten::") in _MAY_RETURN_ITS_INPUT else None


def _read_after(node: fx.Node, change: fx.Node, order: dict[fx.Node, int]) -> bool:
    return any(order.get(user, len(order)) > order[change] for user in node.users)
