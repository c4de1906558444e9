"""snnplug: a plugin registry for spiking neural networks and their architecture search.

Importing it imports no torch. `snnplug.nn` holds the torch side of the contracts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnplug import errors
    from snnplug.contracts import (
        Activity,
        Answer,
        Ask,
        Baseline,
        Benchmark,
        Candidate,
        Chip,
        Edge,
        EnergyEstimate,
        EnergyItem,
        EnergyModel,
        Executor,
        Exported,
        Exporter,
        Fit,
        Graph,
        Layer,
        LayerGraph,
        Need,
        NeuronFacts,
        Reader,
        Score,
        Scorer,
        SearchSpace,
        Splits,
        Strategy,
        Supernet,
        Task,
        TrackedRun,
        Tracker,
        TrainedNetwork,
        Trial,
    )
    from snnplug.contracts.ranges import check_ranges
    from snnplug.engine.replay import Replay, replay
    from snnplug.engine.result import Run, load
    from snnplug.engine.run import resume, run, run_again
    from snnplug.engine.studies.study import Study, study
    from snnplug.errors import SnnplugError
    from snnplug.recipe.recipe import Recipe
    from snnplug.registry.component import Component
    from snnplug.registry.discovery import Problem
    from snnplug.registry.hookspecs import hookimpl
    from snnplug.registry.kinds import (
        KINDS,
        ArchitectureSpec,
        BenchmarkSpec,
        CallbackSpec,
        ChipSpec,
        DatasetSpec,
        EncoderSpec,
        EnergyModelSpec,
        ExecutorSpec,
        ExporterSpec,
        Kind,
        LossSpec,
        NeuronSpec,
        ScorerSpec,
        SearchSpaceSpec,
        Spec,
        StrategySpec,
        TrackerSpec,
    )
    from snnplug.registry.registration import Registration
    from snnplug.registry.registry import Registry
    from snnplug.runs.reading import Records
    from snnplug.runs.records import Epoch, Summary, TrialRecord
    from snnplug.seeds import derive_seed, digest
    from snnplug.statistics.pareto import pareto_front
    from snnplug.version import __version__

__all__ = [
    "KINDS",
    "Activity",
    "Answer",
    "ArchitectureSpec",
    "Ask",
    "Baseline",
    "Benchmark",
    "BenchmarkSpec",
    "CallbackSpec",
    "Candidate",
    "Chip",
    "ChipSpec",
    "Component",
    "DatasetSpec",
    "Edge",
    "EncoderSpec",
    "EnergyEstimate",
    "EnergyItem",
    "EnergyModel",
    "EnergyModelSpec",
    "Epoch",
    "Executor",
    "ExecutorSpec",
    "Exported",
    "Exporter",
    "ExporterSpec",
    "Fit",
    "Graph",
    "Kind",
    "Layer",
    "LayerGraph",
    "LossSpec",
    "Need",
    "NeuronFacts",
    "NeuronSpec",
    "Problem",
    "Reader",
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
    "Study",
    "Summary",
    "Supernet",
    "Task",
    "TrackedRun",
    "Tracker",
    "TrackerSpec",
    "TrainedNetwork",
    "Trial",
    "TrialRecord",
    "__version__",
    "check_ranges",
    "derive_seed",
    "digest",
    "errors",
    "hookimpl",
    "load",
    "pareto_front",
    "replay",
    "resume",
    "run",
    "run_again",
    "study",
]

_HOMES = {  # what is imported when one of these names is first asked for
    "snnplug.contracts": (
        "Activity",
        "Answer",
        "Ask",
        "Baseline",
        "Benchmark",
        "Candidate",
        "Chip",
        "Edge",
        "EnergyEstimate",
        "EnergyItem",
        "EnergyModel",
        "Executor",
        "Exported",
        "Exporter",
        "Fit",
        "Graph",
        "Layer",
        "LayerGraph",
        "Need",
        "NeuronFacts",
        "Reader",
        "Score",
        "Scorer",
        "SearchSpace",
        "Splits",
        "Strategy",
        "Supernet",
        "Task",
        "TrackedRun",
        "Tracker",
        "TrainedNetwork",
        "Trial",
    ),
    "snnplug.contracts.ranges": ("check_ranges",),
    "snnplug.engine.replay": ("Replay", "replay"),
    "snnplug.engine.result": ("Run", "load"),
    "snnplug.engine.run": ("resume", "run", "run_again"),
    "snnplug.engine.studies.study": ("Study", "study"),
    "snnplug.errors": ("SnnplugError",),
    "snnplug.recipe.recipe": ("Recipe",),
    "snnplug.registry.component": ("Component",),
    "snnplug.registry.discovery": ("Problem",),
    "snnplug.registry.hookspecs": ("hookimpl",),
    "snnplug.registry.kinds": (
        "ArchitectureSpec",
        "BenchmarkSpec",
        "CallbackSpec",
        "ChipSpec",
        "DatasetSpec",
        "EncoderSpec",
        "EnergyModelSpec",
        "ExecutorSpec",
        "ExporterSpec",
        "KINDS",
        "Kind",
        "LossSpec",
        "NeuronSpec",
        "ScorerSpec",
        "SearchSpaceSpec",
        "Spec",
        "StrategySpec",
        "TrackerSpec",
    ),
    "snnplug.registry.registration": ("Registration",),
    "snnplug.registry.registry": ("Registry",),
    "snnplug.runs.reading": ("Records",),
    "snnplug.runs.records": ("Epoch", "Summary", "TrialRecord"),
    "snnplug.seeds": ("derive_seed", "digest"),
    "snnplug.statistics.pareto": ("pareto_front",),
    "snnplug.version": ("__version__",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("snnplug.errors")
    if name not in _HOME:
        raise AttributeError(f"module 'snnplug' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
