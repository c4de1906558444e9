"""Batch norm with the statistics of given batches, and spikes counted without a recorder."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from snnplug.nn import SpikeTotal, StepwiseBatchNorm2d, TimeSequential, count_spikes, recalibrate, record
from snnplug.testing import tiny_neuron


def batches(count: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(2, 4, 3, 5, 5, generator=generator) * (i + 1) for i in range(count)]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, StepwiseBatchNorm2d])
def test_statistics_are_means_over_the_batches(norm) -> None:
    model = TimeSequential(norm(3)).double()
    x = [batch.double() for batch in batches()]
    model(100 * x[0])  # other statistics before
    recalibrate(model, x)
    samples = x if norm is nn.BatchNorm2d else [step.unsqueeze(0) for batch in x for step in batch]
    means = torch.stack([s.mean((0, 1, 3, 4)) for s in samples]).mean(0)
    variances = torch.stack([s.transpose(0, 2).flatten(1).var(1) for s in samples]).mean(0)
    torch.testing.assert_close(model.layers[0].running_mean, means)
    torch.testing.assert_close(model.layers[0].running_var, variances)
    assert model.layers[0].momentum == 0.1


@pytest.mark.parametrize("training", [True, False])
def test_all_else_is_as_before(training: bool) -> None:
    model = TimeSequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Dropout(0.5)).train(training)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    recalibrate(model, [])
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    recalibrate(model, batches())
    assert all(part.training is training for part in model.modules())
    assert all(
        torch.equal(before[k], v)
        for k, v in model.state_dict().items()
        if "running" not in k and "num" not in k
    )


def test_spikes_of_neurons_and_pools_are_counted_apart() -> None:
    model = TimeSequential(
        nn.Conv2d(3, 4, 3), tiny_neuron().build(), nn.MaxPool2d(3), nn.Conv2d(4, 2, 1), tiny_neuron().build()
    )
    x = torch.cat(batches(), 1)
    pooled = []
    hook = model.layers[2].register_forward_hook(lambda module, args, out: pooled.append(out.sum().item()))
    with record(model) as activity, count_spikes(model) as total:
        model(x)
        model(x)
    hook.remove()
    assert total.neurons == activity.spikes_per_sample * 24 > 0
    assert total.pools == pytest.approx(sum(pooled))
    model(x)
    assert total.neurons == activity.spikes_per_sample * 24  # it has ended
    assert not model.layers[2]._forward_hooks


@pytest.mark.parametrize("order", list(itertools.permutations([1e16, 1.0, -1e16, 1.0])))
def test_a_total_is_the_same_in_any_order_and_in_any_parts(order: tuple[float, ...]) -> None:
    first, second = SpikeTotal(), SpikeTotal()
    for total, values in ((first, order[:1]), (second, order[1:])):
        for value in values:
            total.add_neuron("layer", torch.tensor([value], dtype=torch.float64))
    assert SpikeTotal([first, second]).neurons == 2.0
    assert SpikeTotal().neurons == first.pools == 0.0


def test_a_total_that_is_not_finite_is_said_as_such() -> None:
    total = SpikeTotal()
    for value in (float("inf"), float("-inf")):
        total.add_neuron("layer", torch.tensor([value]))
    assert math.isnan(total.neurons)
