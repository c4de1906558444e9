from __future__ import annotations

import torch

from snnplug.nn import shuffle_time


def test_each_sample_has_an_order_of_its_own() -> None:
    frames = torch.arange(50 * 6).view(50, 6, 1).expand(50, 6, 3)
    shuffled = shuffle_time(frames, 0)
    assert torch.equal(shuffled.sort(1).values, frames)
    orders = (shuffled - frames[:, :1])[..., 0]
    assert len(orders.unique(dim=0)) > 40
    assert orders.double().mean(0).sub(2.5).abs().max() < 1  # every step comes to every place


def test_it_follows_the_seed_and_the_sample_alone() -> None:
    frames = torch.rand(20, 5, 2)
    assert torch.equal(shuffle_time(frames, 3), shuffle_time(frames, 3))
    assert not torch.equal(shuffle_time(frames, 3), shuffle_time(frames, 4))
    assert torch.equal(shuffle_time(frames[:8], 3), shuffle_time(frames, 3)[:8])
