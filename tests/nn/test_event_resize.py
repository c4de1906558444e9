"""Frames of another size."""

from __future__ import annotations

import pytest
import torch

from snnplug.errors import DataError
from snnplug.nn.events import Events, resize, to_frames


def test_sums_lose_no_event_and_equal_frames_of_smaller_coordinates() -> None:
    torch.manual_seed(0)
    events = Events.of(*(torch.randint(high, (500,)) for high in (1000, 11, 7, 2)))
    small = Events.of(events.t, events.x.long() * 4 // 11, events.y.long() * 3 // 7, events.p)
    found = resize(to_frames(events, size=(7, 11), steps=4), (3, 4))
    assert found.dtype == torch.uint8
    assert torch.equal(found, to_frames(small, size=(3, 4), steps=4))
    assert int(found.sum()) == 500


def test_sums_of_bytes_stop_at_255() -> None:
    assert resize(torch.full((1, 4, 4), 100, dtype=torch.uint8), (2, 2)).unique().tolist() == [255]
    assert resize(torch.full((1, 4, 4), 100.0), (2, 2)).unique().tolist() == [400]
    assert resize(torch.full((1, 4, 4), 100, dtype=torch.int16), (2, 2)).unique().tolist() == [400]


def test_means_keep_the_mean_and_become_fractions() -> None:
    torch.manual_seed(0)
    frames = torch.randint(4, (2, 3, 8, 8), dtype=torch.uint8)
    found = resize(frames, (4, 4), "bilinear")
    assert found.shape == (2, 3, 4, 4)
    assert found.dtype == torch.float32
    assert not torch.equal(found, found.round())
    assert float(found.mean()) == pytest.approx(float(frames.float().mean()), rel=0.05)
    assert resize(frames, (16, 16), "bilinear").shape == (2, 3, 16, 16)


def test_the_same_size_changes_nothing_and_more_pixels_are_refused() -> None:
    frames = torch.randint(4, (3, 6, 6), dtype=torch.uint8)
    assert torch.equal(resize(frames, (6, 6)), frames)
    with pytest.raises(DataError, match="6 x 6 cannot be summed up to 8 x 6, which has more pixels"):
        resize(frames, (8, 6))
    with pytest.raises(DataError, match="how must be 'sum' or 'bilinear', got 'nearest'"):
        resize(frames, (3, 3), "nearest")  # type: ignore[arg-type]
