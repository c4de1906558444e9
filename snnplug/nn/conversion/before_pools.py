"""The ANN with its activations before the max pools, where the neurons of its SNN are.

    max(relu(v)) = relu(max(v))

So a converted network may have them on either side: neurons of windows and analog ones come after a pool that
alone reads them, clocked ones before it. To compare layer by layer both must be alike.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import fx, nn

from snnplug.nn.conversion.network import ConvertedNetwork
from snnplug.nn.conversion.windows import as_steps, max_pool
from snnplug.nn.naming import plain_name

__all__ = ["placed_as"]


@contextmanager
def placed_as(ann: nn.Module, snn: nn.Module) -> Iterator[None]:
    """Run the converted networks in an ANN with each activation before its pool inside the block.

    Those whose neuron comes before the pool in the SNN, that is; outputs are the same.
    """
    wanted = _networks(snn)
    found = {name: network for name, network in _networks(ann).items() if name in wanted}
    before = {name: network.graph for name, network in found.items()}
    try:
        for name, network in found.items():
            moved = _moved(before[name], _behind_pools(wanted[name].graph))
            if moved is not None:
                network.graph = moved
        yield
    finally:
        for name, network in found.items():
            if network.graph is not before[name]:
                network.graph = before[name]


def _networks(model: nn.Module) -> dict[str, ConvertedNetwork]:
    parts = model.named_modules()
    return {plain_name(name): part for name, part in parts if isinstance(part, ConvertedNetwork)}


def _behind_pools(graph: fx.Graph) -> dict[str, fx.Node]:
    """Return the node of each neuron whose current comes from a max pool that nothing else reads."""
    found = {}
    for node in graph.nodes:
        steps = node.args[0] if node.op == "call_module" else None
        if isinstance(steps, fx.Node) and steps.target is as_steps:
            pool: Any = steps.args[0]
            if pool.target is max_pool and len(pool.users) == 1:
                found[str(node.target)] = node
    return found


def _moved(graph: fx.Graph, stay: dict[str, fx.Node]) -> fx.Graph | None:
    """Return a graph with neurons moved before their pools, all but those that stay; None if all do."""
    graph = copy.deepcopy(graph)
    moving = [node for name, node in _behind_pools(graph).items() if name not in stay]
    for neuron in moving:
        steps: Any = neuron.args[0]
        pool, (sent,) = steps.args[0], neuron.users  # the neuron's spikes with their steps folded
        steps.update_arg(0, pool.args[1])
        with graph.inserting_after(sent):
            after = graph.node_copy(pool)
        sent.replace_all_uses_with(after)
        after.update_arg(1, sent)
        graph.erase_node(pool)
    return graph if moving else None
