"""The records and protocols that plugins and engine exchange. Nothing here imports torch.

Shapes: T time steps, B samples, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from snnplug.contracts.activity import Activity, NeuronActivity, SynapseActivity
from snnplug.contracts.advice import advice
from snnplug.contracts.benchmark import Benchmark, TrainedNetwork
from snnplug.contracts.build import Buildable
from snnplug.contracts.chip import Chip, Fit, Layer, LayerGraph, Need, NeuronFacts
from snnplug.contracts.conversion import ErrorPart, LayerError, LayerTrace, Trace
from snnplug.contracts.data import Splits, Task
from snnplug.contracts.energy import Baseline, EnergyEstimate, EnergyItem, EnergyModel
from snnplug.contracts.execution import Answer, Build, Executor
from snnplug.contracts.export import Exported, Exporter, Reader
from snnplug.contracts.search import (
    Ask,
    Candidate,
    Edge,
    Genotype,
    Graph,
    Score,
    Scorer,
    SearchSpace,
    Strategy,
    Supernet,
    Trial,
)
from snnplug.contracts.tracking import TrackedRun, Tracker

__all__ = [
    "Activity",
    "Answer",
    "Ask",
    "Baseline",
    "Benchmark",
    "Build",
    "Buildable",
    "Candidate",
    "Chip",
    "Edge",
    "EnergyEstimate",
    "EnergyItem",
    "EnergyModel",
    "ErrorPart",
    "Executor",
    "Exported",
    "Exporter",
    "Fit",
    "Genotype",
    "Graph",
    "Layer",
    "LayerError",
    "LayerGraph",
    "LayerTrace",
    "Need",
    "NeuronActivity",
    "NeuronFacts",
    "Reader",
    "Score",
    "Scorer",
    "SearchSpace",
    "Splits",
    "Strategy",
    "Supernet",
    "SynapseActivity",
    "Task",
    "Trace",
    "TrackedRun",
    "Tracker",
    "TrainedNetwork",
    "Trial",
    "advice",
]
