"""snnplug: a plugin registry for spiking neural networks and their architecture search.

Importing it imports no torch. `snnplug.nn` holds the torch side of the contracts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from snnplug import errors
from snnplug.contracts import (
    Activity,
    Baseline,
    Benchmark,
    Candidate,
    Edge,
    EnergyEstimate,
    EnergyItem,
    EnergyModel,
    Graph,
    Score,
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
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry
from snnplug.seeds import derive_seed, digest
from snnplug.statistics.pareto import pareto_front
from snnplug.version import __version__

if TYPE_CHECKING:
    from snnplug.engine.replay import Replay, replay
    from snnplug.engine.result import Run, load
    from snnplug.engine.run import resume, run
    from snnplug.recipe.recipe import Recipe
    from snnplug.runs.reading import Records
    from snnplug.runs.records import Epoch, Summary, TrialRecord

__all__ = [
    "KINDS",
    "Activity",
    "ArchitectureSpec",
    "Baseline",
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
    "Epoch",
    "Graph",
    "Kind",
    "LossSpec",
    "NeuronSpec",
    "Problem",
    "Recipe",
    "Records",
    "Registration",
    "Registry",
    "Replay",
    "Run",
    "Score",
    "Scorer",
    "ScorerSpec",
    "SearchSpace",
    "SearchSpaceSpec",
    "SnnplugError",
    "Spec",
    "Splits",
    "Strategy",
    "StrategySpec",
    "Summary",
    "Supernet",
    "Task",
    "TrainedNetwork",
    "Trial",
    "TrialRecord",
    "__version__",
    "derive_seed",
    "digest",
    "errors",
    "hookimpl",
    "load",
    "pareto_front",
    "replay",
    "resume",
    "run",
]


_LATER = {  # what needs torch or cattrs is loaded when it is asked for
    "Epoch": "snnplug.runs.records",
    "Recipe": "snnplug.recipe.recipe",
    "Records": "snnplug.runs.reading",
    "Replay": "snnplug.engine.replay",
    "Run": "snnplug.engine.result",
    "Summary": "snnplug.runs.records",
    "TrialRecord": "snnplug.runs.records",
    "load": "snnplug.engine.result",
    "replay": "snnplug.engine.replay",
    "resume": "snnplug.engine.run",
    "run": "snnplug.engine.run",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'snnplug' has no attribute {name!r}")
