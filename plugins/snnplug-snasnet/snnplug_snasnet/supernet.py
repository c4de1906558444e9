"""Every network of the space at once: each edge that a cell may have, with each operation, in shared weights.

The weights of an edge belong to its two nodes and its operation, whatever the rest of the cell is. Cells of
one key share them: nodes 1 and 2, where their names do not matter, are taken in the canonical order.
Weight sharing is not part of SNASNet (Kim et al., ECCV 2022, arXiv 2201.10355); this is for searches that
train one network for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from snnplug_snasnet.cell import Cell
from snnplug_snasnet.genotype import NODES, Matrix, canonical, edges, from_edges, text
from snnplug_snasnet.network import Skeleton, SNASNetwork
from snnplug_snasnet.operations import NewNeuron, make_operation

__all__ = ["SNASSupernet", "SharedCell"]


class SharedCell(Cell):
    """All operations on all edges; those of the selected cell run.

    Args:
        matrix: the cell that is selected at first.
        operations: names of the operations by code.
        channels: number of channels C of all nodes.
        new_neuron: called for the neuron of each convolution.
        backward: there are feedback edges.
    """

    def __init__(
        self,
        matrix: Matrix,
        operations: tuple[str, ...],
        channels: int,
        new_neuron: NewNeuron,
        *,
        backward: bool,
    ) -> None:
        super().__init__(from_edges({}), operations, channels, new_neuron)
        del self.edges
        self.operations = operations
        self.choices = nn.ModuleDict(
            {
                f"{i}-{j}": nn.ModuleDict(
                    {
                        _module_name(name): make_operation(name, channels, new_neuron)
                        for name in operations[1:]
                    }
                )
                for i in range(NODES)
                for j in range(NODES)
                if i < j or (backward and i > j)
            }
        )
        self.select(matrix)

    def select(self, matrix: Matrix) -> None:
        """Let the next forward passes run a cell."""
        self.edges = {f"{i}-{j}": self.choices[f"{i}-{j}"][self.name(code)] for i, j, code in edges(matrix)}
        self.connect(matrix)

    def name(self, code: int) -> str:
        """Return under which name an operation stands among the choices."""
        return _module_name(self.operations[code])


class SNASSupernet(SNASNetwork):
    """A network of two shared cells, freshly initialised; see `snnplug.Supernet`.

    Args:
        matrix: the cell that is selected at first.
        read: returns the matrix of a genotype, as its own network has it.
        operations, skeleton, new_neuron: as `SNASNetwork` takes them.
        backward: there are feedback edges.
    """

    cell1: SharedCell
    cell2: SharedCell

    def __init__(
        self,
        matrix: Matrix,
        read: Callable[[Any], Matrix],
        operations: tuple[str, ...],
        skeleton: Skeleton,
        new_neuron: NewNeuron,
        *,
        backward: bool,
    ) -> None:
        self._backward = backward
        super().__init__(canonical(matrix), operations, skeleton, new_neuron)
        self.read = read

    def make_cell(
        self, matrix: Matrix, operations: tuple[str, ...], channels: int, new_neuron: NewNeuron
    ) -> Cell:
        """Return a cell of all edges."""
        return SharedCell(matrix, operations, channels, new_neuron, backward=self._backward)

    def select(self, genotype: Any) -> None:
        """Let the next forward passes run the cell of a genotype."""
        for cell in (self.cell1, self.cell2):
            cell.select(canonical(self.read(genotype)))

    def weights(self, genotype: Any) -> dict[str, Tensor]:
        """Return the shared weights of a genotype, by their names in its own network."""
        matrix = self.read(genotype)
        order = (0, 1, 2, 3) if text(matrix) == text(canonical(matrix)) else (0, 2, 1, 3)
        chosen = {}
        for cell in ("cell1", "cell2"):
            for i, j, code in edges(matrix):
                shared = f"{cell}.choices.{order[i]}-{order[j]}.{self.cell1.name(code)}."
                chosen[shared] = f"{cell}.edges.{i}-{j}."
        found = {}
        for key, value in self.state_dict().items():
            if ".choices." not in key:
                found[key] = value
            else:
                cut = len(".".join(key.split(".")[:4])) + 1
                if key[:cut] in chosen:
                    found[chosen[key[:cut]] + key[cut:]] = value
        return found


def _module_name(operation: str) -> str:
    return operation.replace(".", "_")  # a module's name has no dot, as in conv3@0.5
