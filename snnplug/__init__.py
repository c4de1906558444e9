"""snnplug: a plugin registry for spiking neural networks and their architecture search.

Importing it imports no torch. `snnplug.nn` holds the torch side of the contracts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnplug import errors
from snnplug.contracts import (
    Benchmark,
    Candidate,
    Edge,
    EnergyEstimate,
    EnergyItem,
    EnergyModel,
    Graph,
    Scorer,
    SearchSpace,
    Splits,
    Strategy,
    Supernet,
    Task,
    TrainedNetwork,
    Trial,
)
from snnplug.errors import SnnplugError
from snnplug.registry.component import Component
from snnplug.registry.discovery import Problem
from snnplug.registry.hookspecs import hookimpl
from snnplug.registry.kinds import (
    KINDS,
    ArchitectureSpec,
    BenchmarkSpec,
    DatasetSpec,
    EncoderSpec,
    EnergyModelSpec,
    Kind,
    LossSpec,
    NeuronSpec,
    ScorerSpec,
    SearchSpaceSpec,
    Spec,
    StrategySpec,
)
from snnplug.registry.registry import Registration, Registry
from snnplug.seeds import derive_seed, digest
from snnplug.statistics.pareto import pareto_front
from snnplug.version import __version__

if TYPE_CHECKING:
    from snnplug.engine import run
    from snnplug.recipe.recipe import Recipe

__all__ = [
    "KINDS",
    "ArchitectureSpec",
    "Benchmark",
    "BenchmarkSpec",
    "Candidate",
    "Component",
    "DatasetSpec",
    "Edge",
    "EncoderSpec",
    "EnergyEstimate",
    "EnergyItem",
    "EnergyModel",
    "EnergyModelSpec",
    "Graph",
    "Kind",
    "LossSpec",
    "NeuronSpec",
    "Problem",
    "Recipe",
    "Registration",
    "Registry",
    "Scorer",
    "ScorerSpec",
    "SearchSpace",
    "SearchSpaceSpec",
    "SnnplugError",
    "Spec",
    "Splits",
    "Strategy",
    "StrategySpec",
    "Supernet",
    "Task",
    "TrainedNetwork",
    "Trial",
    "__version__",
    "derive_seed",
    "digest",
    "errors",
    "hookimpl",
    "pareto_front",
    "run",
]


def __getattr__(name: str) -> Any:
    """Load what needs torch or cattrs only when it is asked for."""
    if name == "run":
        from snnplug.engine import run

        return run
    if name == "Recipe":
        from snnplug.recipe.recipe import Recipe

        return Recipe
    raise AttributeError(f"module 'snnplug' has no attribute {name!r}")
