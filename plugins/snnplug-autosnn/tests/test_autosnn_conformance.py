from __future__ import annotations

from snnplug import Task
from snnplug.testing import (
    ArchitectureConformance,
    PluginConformance,
    ScorerConformance,
    SearchSpaceConformance,
)

TASK = Task(input_shape=(2, 8, 8), classes=3, steps=2)


class TestPlugin(PluginConformance):
    name = "snnplug-autosnn"


class TestAutoSNN(SearchSpaceConformance):
    name = "snnplug-autosnn:autosnn"
    task = TASK
    params = (
        {"channels": 4},
        {"channels": 4, "macro": [4, "8*", "a", "g"], "batch_norm": "joint", "voting": 2},
        {"channels": 4, "macro": [4, "m", 6, "8*"], "norm_context": 1},
        {"channels": 4, "macro": [4, "m", 6, 6], "batch_norm": "joint", "norm_context": 9},
        {"channels": 4, "blocks": ["skip", "SCB_k1", "SIB_k3_e2"], "stem": "conv_pool", "macro": [4, "m", 6]},
    )


class TestNetwork(ArchitectureConformance):
    name = "snnplug-autosnn:autosnn_network"
    task = TASK
    params = (
        {"channels": 8},
        {"channels": 8, "blocks": "SCB_k3", "macro": "SNN_3", "batch_norm": "joint"},
    )


class TestFitness(ScorerConformance):
    name = "snnplug-autosnn:spike_aware_fitness"
    params = (
        {},
        {"spikes": "neurons_and_pools", "recalibrate": 2, "batch_size": 20},
        {"spikes": "synaptic_operations", "samples": 30},
    )
