"""Recipes of every kind of network that can be shared, small enough to be trained in seconds."""

from __future__ import annotations

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "trained": {
        "dataset": "digits",
        "neuron": "plif",
        "architecture": {"use": "vgg", "layers": [8, "M", 16, "M"]},
        "train": {"epochs": 1},
        "energy": {"models": ["horowitz_45nm"]},
    },
    "searched": {
        "dataset": "digits",
        "neuron": "lif",
        "search": {
            "space": {"use": "snasnet", "channels": 4, "backward": True},
            "strategy": {"use": "successive_halving", "draws": 3, "keep": [2]},
            "scorer": "parameters",
            "rungs": ["sahd"],
        },
        "train": {"epochs": 1},
    },
    "converted": {
        "dataset": "digits",
        "encoder": {"use": "direct", "steps": 1},
        "neuron": "relu",
        "architecture": {"use": "vgg", "layers": [8, "M", 16, "M"], "pooling": "avg_neuron"},
        "train": {"epochs": 1},
        "convert": {"neuron": {"use": "sc_ttfs", "slots": 3}, "samples": 128},
    },
    "by its graph": {
        "dataset": "digits",
        "encoder": {"use": "direct", "steps": 1},
        "neuron": "relu",
        "architecture": {"use": "vgg", "layers": [8, "M", 16, "M"], "pooling": "avg_neuron"},
        "train": {"epochs": 1},
        "convert": {"neuron": "rate", "steps": 8, "samples": 128},
    },
    "tuned": {
        "dataset": "digits",
        "encoder": {"use": "direct", "steps": 1},
        "neuron": "relu",
        "architecture": {"use": "vgg", "layers": [8, "M"], "pooling": "avg_neuron"},
        "train": {"epochs": 1},
        "convert": {
            "neuron": {"use": "sc_ttfs", "slots": 3},
            "samples": 128,
            "train": {"epochs": 1, "control": False},
        },
    },
    "child of a supernet": {
        "dataset": "digits",
        "neuron": "plif",
        "search": {
            "space": {
                "use": "autosnn",
                "channels": 4,
                "macro": [4, "m", 8],
                "batch_norm": "joint",
            },
            "strategy": {"use": "random", "draws": 3},
            "scorer": "spike_aware_fitness",
            "supernet": {"epochs": 1},
        },
        "loss": "spike_count_mse",
        "train": {"epochs": 1, "start": "inherit"},
    },
    "events": {
        "dataset": "ordered_digits",
        "encoder": {"use": "direct", "steps": 10},
        "neuron": "plif",
        "architecture": {"use": "vgg", "layers": [8, "M"]},
        "train": {"epochs": 1},
    },
}
