"""Where the global generators of this process stand, as plain data that a checkpoint holds.

They are those that `snnplug.nn.seeded` seeds: of torch on the CPU and on a GPU, of numpy and of Python.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import torch

__all__ = ["random_states", "set_random_states"]


def random_states(device: torch.device) -> dict[str, Any]:
    """Return the states of the generators, that of a GPU only where the device is one."""
    found: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    numpy = sys.modules.get("numpy.random")
    state = numpy.get_state(legacy=False) if numpy is not None else {}
    if state.get("bit_generator") == "MT19937":
        words = torch.from_numpy(state["state"]["key"].astype("int64"))
        found["numpy"] = {
            "key": words,
            "pos": int(state["state"]["pos"]),
            "has_gauss": int(state["has_gauss"]),
            "gauss": float(state["gauss"]),
        }
    return found


def set_random_states(states: dict[str, Any], device: torch.device) -> None:
    """Put the generators where `random_states` has found them."""
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    if "numpy" in states:
        import numpy.random

        found = states["numpy"]
        inner = {"key": found["key"].numpy().astype("uint32"), "pos": found["pos"]}
        outer = {"has_gauss": found["has_gauss"], "gauss": found["gauss"]}
        numpy.random.set_state({"bit_generator": "MT19937", "state": inner, **outer})
