from __future__ import annotations

import pytest
import torch
from snnplug_events.division import first_of_each_class, share_of_each_class
from snnplug_events.nmnist import nmnist

LABELS = torch.arange(60) % 3


def test_the_first_of_each_class_in_their_order() -> None:
    chosen, rest = first_of_each_class(LABELS, 4)
    assert chosen.tolist() == list(range(12))
    assert rest.tolist() == list(range(12, 60))


def test_a_seeded_share_of_each_class() -> None:
    chosen, rest = share_of_each_class(LABELS, 0.1, 0)
    assert LABELS[chosen].bincount().tolist() == [2, 2, 2]
    assert sorted([*chosen.tolist(), *rest.tolist()]) == list(range(60))
    torch.manual_seed(5)
    assert torch.equal(share_of_each_class(LABELS, 0.1, 0)[0], chosen)  # no global generator
    assert not torch.equal(share_of_each_class(LABELS, 0.1, 1)[0], chosen)
    assert len(share_of_each_class(LABELS, 0.0, 0)[0]) == 0


def test_a_share_out_of_range_is_told() -> None:
    with pytest.raises(ValueError, match=r"^val_fraction must be at least 0 and below 1, got 1$"):
        nmnist(val_fraction=1)
