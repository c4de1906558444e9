"""A small run of AutoSNN on the embedded digits: supernet, search, training."""

from __future__ import annotations

from typing import Any

RECIPE: dict[str, Any] = {
    "name": "autosnn-digits",
    "seed": 1,
    "dataset": {"use": "digits", "val_fraction": 0.1, "test_fraction": 0.6},
    "encoder": {"use": "direct", "steps": 2},
    "neuron": {"use": "plif"},
    "loss": {"use": "rate_ce"},
    "search": {
        "space": {"use": "autosnn", "channels": 4, "macro": [4, "m", 8]},
        "strategy": {
            "use": "spike_aware_evolution",
            "draws": 16,
            "pool": 6,
            "best": 3,
            "mutants": 3,
            "children": 2,
        },
        "scorer": {"use": "spike_aware_fitness"},
        "baselines": False,
        "round_size": 4,
        "supernet": {
            "epochs": 4,
            "batch_size": 32,
            "paths": 3,
            "optimizer": {"use": "adam", "lr": 0.02},
        },
    },
    "train": {"epochs": 4, "batch_size": 128, "optimizer": {"use": "adam", "lr": 0.02}},
}
