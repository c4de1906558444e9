"""From a network's number to its cell, and from a cell to the function it computes.

A cell has four nodes and six forward edges. A number in base 5 gives the operation of each
edge, the least significant digit first:

    (0,1) (0,2) (0,3) (1,2) (1,3) (2,3)       0 no edge, 1 identity, 2, 3, 4 convolutions of 3x3
                                              whose neurons have the thresholds 0.5, 1, 1.5

After the published code of SpikeNAS-Bench (`get_cntmat_3`, `Neuronal_Cell`). As text a cell is the
four rows of its matrix, such as `0234 0000 0004 0000`.
"""

from __future__ import annotations

__all__ = ["CELLS", "OPERATIONS", "PAIRS", "Cell", "canonical", "decode", "live", "text"]

PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
OPERATIONS = ("zero", "identity", "conv3@0.5", "conv3@1", "conv3@1.5")
CELLS = len(OPERATIONS) ** len(PAIRS)

Cell = dict[tuple[int, int], int]  # (source, target) -> operation code above 0


def decode(number: int) -> Cell:
    """Return the edges of a network.

    Raises:
        ValueError: there is no network of that number.
    """
    if not 0 <= number < CELLS:
        raise ValueError(f"number must be in 0 to {CELLS - 1}, got {number}")
    codes = (number // len(OPERATIONS) ** place % len(OPERATIONS) for place in range(len(PAIRS)))
    return {pair: code for pair, code in zip(PAIRS, codes, strict=True) if code}


def live(cell: Cell) -> Cell:
    """Return the edges that lie on a path from node 0 to node 3; none if there is no path."""
    reached, reaching = {0}, {3}
    for source, target in sorted(cell):  # edges lead from lower to higher nodes: one pass is enough
        if source in reached:
            reached.add(target)
    for source, target in sorted(cell, key=lambda pair: -pair[1]):
        if target in reaching:
            reaching.add(source)
    return {pair: code for pair, code in cell.items() if pair[0] in reached and pair[1] in reaching}


def canonical(cell: Cell) -> Cell:
    """Return the representative of the cells that compute the same function.

    Dead edges are dropped. Nodes 1 and 2 may change places where no edge joins them.
    """
    cell = live(cell)
    if (1, 2) in cell:
        return cell
    order = (0, 2, 1, 3)
    return min(cell, {(order[i], order[j]): code for (i, j), code in cell.items()}, key=text)


def text(cell: Cell) -> str:
    """Return the four rows of the matrix."""
    return " ".join("".join(str(cell.get((i, j), 0)) for j in range(4)) for i in range(4))
