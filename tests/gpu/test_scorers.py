"""Scores of a SNASNet candidate are the same on the GPU, in float64 where no spike flips by rounding."""

from __future__ import annotations

import pytest
import torch

from snnplug import Candidate, Task
from snnplug.nn import seeded

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

CELLS = ["0302 0030 3003 0000", "0343 0021 0003 0000"]
SCORERS = ["sahd", "hamming", "firing_rate", "grad_norm", "synflow", "spiking_depth", "synaptic_operations"]


def candidate(registry, cell, device, dtype):
    task = Task(input_shape=(3, 16, 16), classes=10, steps=4)
    lif = registry.use("neuron", "lif", tau=4 / 3)
    space = registry.create("search_space", "snasnet", task, neuron=lif, channels=8, dropout=0.0)
    images = torch.rand(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    images = images.to(device, dtype)

    def build(repeat=0):
        with seeded(repeat):
            return space.build(cell).to(device, dtype).train()

    return Candidate(
        genotype=cell,
        key=cell,
        build=build,
        batch=lambda i, n: (
            images[:n].expand(4, -1, -1, -1, -1),
            torch.arange(len(images[:n])).to(device) % 10,
        ),
        seed=0,
    )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", SCORERS)
def test_gpu_equals_cpu(registry, name, cell):
    scorer = registry.create("scorer", name)
    cpu, gpu = (
        scorer(candidate(registry, cell, device, torch.float64)) for device in ("cpu", torch.device("cuda"))
    )
    assert gpu == pytest.approx(cpu, rel=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_moves_a_score_little(registry, cell):
    exact, rounded = (
        registry.create("scorer", "sahd", precision=precision)(
            candidate(registry, cell, torch.device("cuda"), torch.float32)
        )
        for precision in ("float32", "bfloat16")
    )
    assert rounded == pytest.approx(exact, rel=0.02)
