"""The core knows no method by name: no registered name stands anywhere in it but in the built-in recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import snnplug
from snnplug import Registry

PACKAGE = Path(snnplug.__file__).parent

# names that are plain words of English or Python too
PLAIN_WORDS = {"if", "direct", "latency", "phase", "burst", "delta", "population", "leaky", "sparse"}
PLAIN_WORDS |= {"random", "parameters", "digits", "table", "rate", "fs", "exported", "dense", "recurrent"}
PLAIN_WORDS |= {"candidate"}  # what a search scores, and an architecture that builds one
PLAIN_WORDS |= {"trained"}  # what was done to networks, and a scorer that does it
# scorers named after what the recorder and benchmarks count
PLAIN_WORDS |= {"spikes_per_sample", "synaptic_operations", "spiking_layers"}
PLAIN_WORDS |= {"csv"}  # a format of files, and a tracker that writes them
PLAIN_WORDS |= {"teacher"}  # of a distillation, and a callback that has one
PLAIN_WORDS |= {"relu", "relu6", "clamp"}  # operations of torch, which the core uses and sees
PLAIN_WORDS |= {"torch", "safetensors"}  # what the core is built on, a format, and exporters
PLAIN_WORDS |= {"cores"}  # of a processor, and of a chip
PLAIN_WORDS |= {"slurm"}  # whose environment the core reads where srun has started it
LIBRARIES = {"spikingjelly", "snntorch", "norse", "tonic", "nir"}  # whose methods plugins wrap


def test_no_method_is_named_in_the_core():
    registry = Registry.from_installed(quiet=True)
    of_plugins = [r for r in registry if r.plugin != "snnplug"]  # the core has its own executor
    names = {name for r in of_plugins for name in (r.name, *r.spec.aliases)} - PLAIN_WORDS
    if not names:
        pytest.skip("no plugin is installed")
    names |= LIBRARIES
    pattern = re.compile(rf"\b({'|'.join(sorted(names))})\b", re.IGNORECASE)
    found = [
        f"{file.relative_to(PACKAGE)}:{number}: {match[0]}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if "recipes" not in file.relative_to(PACKAGE).parts
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for match in pattern.finditer(line)
    ]
    assert not found, "\n".join(found)
