"""What a forward pass saves on a GPU: equal gradients in all modes, and less memory."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from snnplug import Registry, Task
from snnplug.nn.memory.levels import as_levels
from snnplug.nn.memory.saving import MODES, saving

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("most", [0, 1, 3, 12, 200])
def test_levels(most: int) -> None:
    values = torch.randint(0, most + 1, ((1 << 25) + 13,), device="cuda").float()
    packed = as_levels(values)
    assert packed is not None
    assert packed.bytes <= len(values) * max(1, most.bit_length()) / 8 + 30
    assert torch.equal(packed.tensor(), values)


@pytest.mark.parametrize("name", ["vgg", "resnet"])
def test_gradients(name: str) -> None:
    torch.manual_seed(0)
    task = Task(input_shape=(3, 32, 32), classes=4, steps=4)
    network = Registry.from_installed(quiet=True).use("architecture", name, neuron="lif").build(task).cuda()
    x = torch.rand(16, 3, 32, 32, device="cuda").expand(4, 16, 3, 32, 32)
    found, peaks = {}, {}
    for mode in MODES:
        model = copy.deepcopy(network)
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            for _ in range(2):
                torch.cuda.reset_peak_memory_stats()
                before = torch.cuda.memory_allocated()
                with saving(model, mode):
                    outputs = model(x)
                F.cross_entropy(outputs.mean(0), torch.arange(16, device="cuda") % 4).backward()
                peaks[mode] = torch.cuda.max_memory_allocated() - before
        found[mode] = [*(p.grad for p in model.parameters()), *model.buffers()]
    for mode in MODES:
        assert all(torch.equal(a, b) for a, b in zip(found[mode], found["keep"], strict=True)), mode
    assert peaks["recompute"] < peaks["compress"] < 0.6 * peaks["keep"]
