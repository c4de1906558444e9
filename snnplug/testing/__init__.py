"""Conformance kit: the contract of every kind as tests that a plugin author inherits.

    from snnplug.testing import NeuronConformance, PluginConformance

    class TestPlugin(PluginConformance):
        name = "acme-neurons"                     # the distribution

    class TestMyLIF(NeuronConformance):
        name = "acme-neurons:my_lif"              # the registered thing
        params = [{}, {"tau": 4.0}]               # every check runs with each of these

`covering` draws few combinations of many parameters, in which every pair of values occurs;
`step_loop` runs a neuron step by step.

Each check is a small test method named for its rule. A method that truly differs says so
by overriding the check, or by one of the class attributes that the class documents.

Importing this package imports neither torch nor pytest; the names below load on first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnplug.testing.architecture import ArchitectureConformance
    from snnplug.testing.benchmark import BenchmarkConformance
    from snnplug.testing.callback import CallbackConformance
    from snnplug.testing.candidates import TinySpace, tiny_candidate, tiny_neuron
    from snnplug.testing.chip import ChipConformance
    from snnplug.testing.combinations import covering
    from snnplug.testing.dataset import DatasetConformance
    from snnplug.testing.encoder import EncoderConformance
    from snnplug.testing.energy_model import EnergyModelConformance
    from snnplug.testing.executor import ExecutorConformance
    from snnplug.testing.exporter import ExporterConformance
    from snnplug.testing.loss import LossConformance
    from snnplug.testing.neuron import NeuronConformance
    from snnplug.testing.plugin import PluginConformance
    from snnplug.testing.scorer import ScorerConformance
    from snnplug.testing.search_space import SearchSpaceConformance
    from snnplug.testing.stepping import step_loop
    from snnplug.testing.strategy import StrategyConformance
    from snnplug.testing.tracker import TrackerConformance
    from snnplug.testing.window_neuron import WindowNeuronConformance

__all__ = [
    "ArchitectureConformance",
    "BenchmarkConformance",
    "CallbackConformance",
    "ChipConformance",
    "DatasetConformance",
    "EncoderConformance",
    "EnergyModelConformance",
    "ExecutorConformance",
    "ExporterConformance",
    "LossConformance",
    "NeuronConformance",
    "PluginConformance",
    "ScorerConformance",
    "SearchSpaceConformance",
    "StrategyConformance",
    "TinySpace",
    "TrackerConformance",
    "WindowNeuronConformance",
    "covering",
    "step_loop",
    "tiny_candidate",
    "tiny_neuron",
]

MODULES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("ArchitectureConformance",),
    "benchmark": ("BenchmarkConformance",),
    "callback": ("CallbackConformance",),
    "candidates": ("TinySpace", "tiny_candidate", "tiny_neuron"),
    "chip": ("ChipConformance",),
    "combinations": ("covering",),
    "dataset": ("DatasetConformance",),
    "encoder": ("EncoderConformance",),
    "energy_model": ("EnergyModelConformance",),
    "executor": ("ExecutorConformance",),
    "exporter": ("ExporterConformance",),
    "loss": ("LossConformance",),
    "neuron": ("NeuronConformance",),
    "neuron_module": (),
    "plugin": ("PluginConformance",),
    "scorer": ("ScorerConformance",),
    "search_space": ("SearchSpaceConformance",),
    "stepping": ("step_loop",),
    "strategy": ("StrategyConformance",),
    "supernet": (),
    "tracker": ("TrackerConformance",),
    "window_neuron": ("WindowNeuronConformance",),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and torch with it where it needs torch."""
    for module, names in MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"snnplug.testing.{module}"), name)
    raise AttributeError(f"module 'snnplug.testing' has no attribute {name!r}")
