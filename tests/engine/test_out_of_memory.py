"""A batch that does not fit the memory gets the numbers of one that does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from toys import ToyNeuron

from snnplug import NeuronSpec, Registry, run
from snnplug.engine.out_of_memory import is_out_of_memory
from snnplug.errors import OutOfMemory

TORCH = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to"
)


class Large(ToyNeuron):
    """Takes all memory beyond so many samples."""

    def __init__(self, *, most: int = 3, kind: str = "torch") -> None:
        super().__init__()
        self.most, self.kind = most, kind

    def forward(self, x: Tensor, state: Any = None) -> Tensor:
        if x.shape[1] > self.most:
            raise MemoryError if self.kind == "python" else RuntimeError(TORCH)
        return super().forward(x, state)


@pytest.mark.parametrize(
    ("neuron", "train", "said"),
    [
        (
            {"most": 8},
            {"batch_size": 16},
            "train.batch_size=8 with train.accumulate=2 takes the same steps of 16",
        ),
        ({"most": 3, "kind": "python"}, {"batch_size": 16}, "train.batch_size=2 with train.accumulate=8 "),
        (
            {"most": 3},
            {"batch_size": 7, "accumulate": 2},
            "accumulate=5 takes steps of 15 samples in place of 14",
        ),
        ({"most": 2}, {"batch_size": 3}, "train.batch_size=1 with train.accumulate=3 "),
    ],
)
def test_advice_has_the_numbers(
    neuron: dict[str, Any],
    train: dict[str, Any],
    said: str,
    toy_recipe: dict[str, Any],
    toy_registry: Registry,
    tmp_path: Path,
) -> None:
    toy_registry.register(NeuronSpec(name="large", target=Large, summary="Large."))
    plain = {name: table for name, table in toy_recipe.items() if name != "search"}
    recipe = {**plain, "neuron": {"use": "large", **neuron}, "architecture": {"use": "toy"}}
    with pytest.raises(OutOfMemory) as caught:
        run({**recipe, "train": {"epochs": 1, **train}}, out=tmp_path / "run", registry=toy_registry)
    message = str(caught.value)
    assert f"a batch of {train['batch_size']} samples does not fit the memory of this machine (" in message
    assert said in message
    assert "\n" not in message


def test_no_batch_fits(toy_recipe: dict[str, Any], toy_registry: Registry, tmp_path: Path) -> None:
    seen = 0

    class Growing(Large):
        def forward(self, x: Tensor, state: Any = None) -> Tensor:
            nonlocal seen
            seen += x.requires_grad
            return super().forward(x, state) if not seen else Large.forward(self, x.expand(-1, 99, -1), state)

    toy_registry.register(NeuronSpec(name="growing", target=Growing, summary="Large."))
    plain = {name: table for name, table in toy_recipe.items() if name != "search"}
    recipe = {**plain, "neuron": {"use": "growing"}, "architecture": {"use": "toy"}}
    with pytest.raises(OutOfMemory, match="no smaller one was found to: take a smaller network"):
        run({**recipe, "train": {"epochs": 1, "batch_size": 1}}, out=tmp_path / "run", registry=toy_registry)


def test_other_errors_are_not_taken_for_it() -> None:
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(None)


REAL = """
import resource, sys
import snnplug, snnplug.engine, torch
out = sys.argv[1]
torch.set_num_threads(1)
recipe = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 32},
    "neuron": {"use": "lif"},
    "architecture": {"use": "vgg", "layers": [64, 64]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 1, "batch_size": 8},
}
snnplug.run(recipe, out=out + "/first")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20, -1))
try:
    snnplug.run({**recipe, "train": {"epochs": 1, "batch_size": 1024}}, out=out + "/second")
except snnplug.errors.OutOfMemory as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited as Linux does it")
def test_with_real_memory(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", REAL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "a batch of 1024 samples does not fit" in done.stdout
    assert "as was tried" in done.stdout
