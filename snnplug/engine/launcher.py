"""Who has started the processes of a run: this program itself, torchrun, or srun. Imports no torch.

torchrun and srun start one process for each device on every node, and say so in the environment; then a run
takes as many as there are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs

__all__ = ["Launched", "is_first", "launched"]

_BY_HAND = ("bash", "interactive")  # names of SLURM jobs in which processes are started by hand


@attrs.frozen
class Launched:
    """Processes that another program has started.

    Attributes:
        by: its name.
        rank: of this process among all, from 0.
        devices: processes on this node.
        nodes: number of nodes.
    """

    by: str
    rank: int
    devices: int
    nodes: int


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """Return what the environment says of other processes, None where this one was started alone."""
    try:
        if "TORCHELASTIC_RUN_ID" in environment:
            here, all_of_them = int(environment["LOCAL_WORLD_SIZE"]), int(environment["WORLD_SIZE"])
            return Launched("torchrun", int(environment["RANK"]), here, all_of_them // here)
        tasks = int(environment.get("SLURM_NTASKS", "1"))
        if tasks > 1 and environment.get("SLURM_JOB_NAME") not in _BY_HAND:
            nodes = int(environment.get("SLURM_NNODES", "1"))
            return Launched("srun", int(environment["SLURM_PROCID"]), tasks // nodes, nodes)
    except (KeyError, ValueError, ZeroDivisionError):  # what they say is not whole
        return None
    return None


def is_first(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process speaks for all of a run."""
    started = launched(environment)
    if started is not None:
        return started.rank == 0
    return environment.get("LOCAL_RANK", "0") == "0" and environment.get("NODE_RANK", "0") == "0"
