"""A cell: four nodes, forward edges within a time step and backward edges into the next one.

With b the feedback kept from the step before, zero at first, step t computes

    n0 = x + b0;  n1 = F01(n0) + b1;  n2 = F02(n0) + F12(n1) + b2;  n3 = F03(n0) + F13(n1) + F23(n2)
    then b0 = B10(n1) + B20(n2) + B30(n3);  b1 = B21(n2) + B31(n3);  b2 = B32(n3)

where n3 is the output (Kim et al., ECCV 2022, arXiv 2201.10355). Backward edges are
evaluated at the last step too: nobody reads the result, but their neurons fire.
Gradients flow through the feedback.

In a pass of which only the spikes are read (`snnplug.nn.spikes_only`), equal neurons that see
the same node fire once, and at the last step nothing follows the neurons of backward edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snnplug.nn import State, StatefulModule, current_pass, is_spikes_only, join_steps, steps_before
from snnplug_snasnet.firing import Firing
from snnplug_snasnet.genotype import NODES, Matrix, edges
from snnplug_snasnet.operations import NewNeuron, make_operation

__all__ = ["Cell"]

Apply = Callable[[int, int, Tensor], Tensor]  # source, target, value of the source node -> what arrives


class CellState(NamedTuple):
    """What a cell with backward edges remembers.

    Attributes:
        feedback: what flows back into each node, `[B, C, H, W]`; None for nothing.
        neurons: states of the neurons by edge.
        t: number of steps so far.
    """

    feedback: list[Tensor | None]
    neurons: dict[str, State]
    t: int


class Cell(StatefulModule):
    """The network of one matrix. Without backward edges it runs all steps of a layer together.

    Only with backward edges does it remember anything but by its parts.

    Args:
        matrix: operation codes; see `snnplug_snasnet.genotype`.
        operations: names of the operations by code.
        channels: number of channels C of all nodes.
        new_neuron: called for the neuron of each convolution, with its threshold where it has one.
    """

    def __init__(
        self,
        matrix: Matrix,
        operations: tuple[str, ...],
        channels: int,
        new_neuron: NewNeuron,
    ) -> None:
        super().__init__()
        self.edges: Mapping[str, nn.Module] = nn.ModuleDict(  # type: ignore[assignment]
            {
                f"{i}-{j}": make_operation(operations[code], channels, new_neuron)
                for i, j, code in edges(matrix)
            }
        )
        self.connect(matrix)

    def connect(self, matrix: Matrix) -> None:
        """Note which edges lead into each node, forward and backward ones apart."""
        self.arriving = [[i for i in range(NODES) if i < j and matrix[i][j]] for j in range(NODES)]
        self.returning = [[i for i in range(NODES) if i > j and matrix[i][j]] for j in range(NODES)]

    @property
    def remembers(self) -> bool:
        """Whether there are backward edges."""
        return any(self.returning)

    def initial_state(self, x: Tensor) -> CellState:
        """Return the state without feedback."""
        return CellState([None] * NODES, {}, steps_before())

    def forward(self, x: Tensor, state: CellState | None = None) -> Any:
        """Map `[T, B, C, H, W]` to the same shape."""
        if self.remembers:
            return super().forward(x, state)
        fire = Firing(self.edges)

        def apply(source: int, target: int, value: Tensor) -> Tensor:
            name = f"{source}-{target}"
            return self.edges[name].after_all(fire(name, value))  # type: ignore[operator, no-any-return]

        return self._nodes(x, [None] * NODES, apply)[-1]

    def sequence(self, x: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Advance over `[T, B, C, H, W]`, one step after the other."""
        fire, t = Firing(self.edges, stepwise=True, states=state.neurons), 0
        ends = is_spikes_only() and current_pass() is None

        def apply(source: int, target: int, value: Tensor) -> Tensor:
            name = f"{source}-{target}"
            return self.edges[name].after(fire(name, value), t)  # type: ignore[operator, no-any-return]

        feedback = state.feedback
        outputs: list[Tensor] = []
        for t, current in enumerate(x.unbind(0), state.t):  # noqa: B007, apply reads it
            fire.next_step()
            nodes = self._nodes(current, feedback, apply)
            outputs.append(nodes[-1])
            back = [[(i, j) for i in sources] for j, sources in enumerate(self.returning)]
            if len(outputs) == len(x) and ends:  # what flows back now arrives nowhere
                for i, j in (edge for arriving in back for edge in arriving):
                    fire(f"{i}-{j}", nodes[i])
            else:
                feedback = [_total([apply(i, j, nodes[i]) for i, j in arriving]) for arriving in back]
        return join_steps(outputs), CellState(feedback, fire.states, state.t + len(x))

    def _nodes(self, x: Tensor, feedback: list[Tensor | None], apply: Apply) -> list[Tensor]:
        values: list[Tensor] = []
        for node in range(NODES):
            terms = [x] if node == 0 else [apply(i, node, values[i]) for i in self.arriving[node]]
            total = _total([*terms, feedback[node]])
            values.append(torch.zeros_like(x) if total is None else total)
        return values


def _total(terms: list[Tensor] | list[Tensor | None]) -> Tensor | None:
    total: Tensor | None = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total
