"""Counted spikes are numbers: no tensor is kept on a CPU."""

from __future__ import annotations

import gc

import torch
from torch import nn

from snnplug.nn import TimeSequential, count_spikes
from snnplug.testing.candidates import TinyNeuron


def tensors() -> set[int]:
    gc.collect()
    return {id(one) for one in gc.get_objects() if issubclass(type(one), torch.Tensor)}


def test_nothing_is_kept_of_a_batch_but_numbers():
    model = TimeSequential(nn.Conv2d(1, 3, 3), TinyNeuron(), nn.MaxPool2d(2), TinyNeuron())
    with torch.no_grad(), count_spikes(model) as total:
        model(torch.rand(2, 4, 1, 8, 8))
        once, before = (total.neurons, total.pools), tensors()
        for _ in range(20):
            model(torch.rand(2, 4, 1, 8, 8))
        assert tensors() <= before
        assert total.neurons > once[0] > 0
        assert total.pools > once[1] > 0
