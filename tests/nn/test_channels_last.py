"""Channels-last order, and the layers for which it is left alone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from snnplug.nn import channels_last

TRAINS = """
import torch
from torch import nn
from snnplug.nn import channels_last
torch.set_num_threads(1)
for inputs in (1, 4, 6, 12):
    net = channels_last(nn.Sequential(nn.Conv2d(3, inputs, 3, padding=1), nn.Conv2d(inputs, 8, 1, stride=2)))
    for _ in range(5):
        net(torch.randn(64, 3, 8, 8, requires_grad=True)).sum().backward()
print("trained")
"""


@pytest.mark.parametrize(
    ("layer", "changes"),
    [
        (nn.Conv2d(4, 8, 1, stride=2), False),
        (nn.Conv2d(32, 8, 1, stride=2, groups=4), False),
        (nn.Conv2d(16, 8, 1, stride=2), True),
        (nn.Conv2d(4, 8, 1), True),
        (nn.Conv2d(4, 8, 3, stride=2), True),
    ],
)
def test_a_strided_convolution_of_one_pixel_over_few_channels_leaves_the_model(layer, changes) -> None:
    net = channels_last(nn.Sequential(nn.Conv2d(3, 4, 3), layer))
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last) == changes


def test_such_a_layer_trains_on_a_processor_without_avx512() -> None:
    surroundings = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    done = subprocess.run(
        [sys.executable, "-c", TRAINS], env=surroundings, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "trained", (done.returncode, done.stderr)
