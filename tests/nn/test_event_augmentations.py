"""What is done to frames of events: shifts, drops and mixes, by name; counts stay whole where they should."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor

from snnplug import Task
from snnplug.nn.events import (
    EVENT_AUGMENTATIONS,
    CutMix,
    DropArea,
    DropEvents,
    DropTime,
    EventDrop,
    EventMix,
    MixUp,
    Roll,
)

TASK = Task(input_shape=(2, 10, 12), classes=5, steps=6, events=True, values="counts")
SHAPE = (6, 2, 10, 12)


def batch(count: int = 40, busy: float = 2.0) -> Tensor:
    torch.manual_seed(0)
    return torch.poisson(torch.full((count, *SHAPE), busy))


@pytest.mark.parametrize("name", EVENT_AUGMENTATIONS.changes)
def test_each_sample_changes_by_itself_stays_whole_and_a_seed_decides_how(name: str) -> None:
    change = EVENT_AUGMENTATIONS.read(name, TASK).augment
    assert change is not None
    x, results = batch(), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        results.append(change(x))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].shape == x.shape
    assert torch.equal(results[0], results[0].round())
    assert results[0].min() >= 0
    assert torch.equal(x, batch())  # the split's own tensor stays
    torch.manual_seed(0)
    same = change(x[:1].expand_as(x))
    assert not torch.equal(same, same[:1].expand_as(same))
    assert pickle.loads(pickle.dumps(change)) == change


def test_what_leaves_at_one_side_comes_in_at_the_other() -> None:
    torch.manual_seed(0)
    x = batch(200)
    y, found = Roll(pixels=2)(x), set()
    for before, after in zip(x, y, strict=True):
        shifts = {(r, c): before.roll((-r, -c), (-2, -1)) for r in range(-2, 3) for c in range(-2, 3)}
        [match] = [shift for shift, rolled in shifts.items() if torch.equal(rolled, after)]
        found.add(match)
    assert len(found) > 22  # of 25


def test_an_interval_of_whole_steps_is_left_out() -> None:
    torch.manual_seed(0)
    x = torch.ones(300, 10, 1, 2, 2)
    left = DropTime(ratios=(0.3,))(x)[:, :, 0, 0, 0]
    lengths = set()
    for sample in left:
        gone = (sample == 0).nonzero().flatten().tolist()
        assert gone == list(range(gone[0], gone[-1] + 1)) if gone else True
        lengths.add(len(gone))
    assert lengths == {0, 1, 2, 3}  # cut off at the end
    assert float((left[:, 0] == 0).float().mean()) < float((left[:, 5] == 0).float().mean())


def test_a_box_is_left_out_at_all_steps() -> None:
    torch.manual_seed(0)
    x = torch.ones(300, 3, 2, 20, 20)
    y = DropArea(ratios=(0.25,))(x)
    assert torch.equal(y, y[:, :1, :1].expand_as(y))
    for sample in y[:, 0, 0]:
        rows, columns = (sample == 0).any(1).nonzero().flatten(), (sample == 0).any(0).nonzero().flatten()
        assert 1 <= len(rows) <= 5
        assert int((sample == 0).sum()) == len(rows) * len(columns)  # a box, not a cross
        assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == (len(rows), len(columns))
    assert float((y == 0).flatten(1).float().mean(1).max()) == pytest.approx(25 / 400)


def test_each_event_is_left_out_by_itself() -> None:
    torch.manual_seed(0)
    x = torch.full((50, 4, 1, 8, 8), 6.0)
    y = DropEvents(ratios=(0.25,))(x)
    assert float(y.mean()) == pytest.approx(4.5, rel=0.02)
    assert float(y.var()) == pytest.approx(6 * 0.25 * 0.75, rel=0.05)  # binomial; values dropped whole: 6.75
    real = DropEvents(ratios=(0.25,), counts=False)(x * 0.1)
    assert set(real.unique().tolist()) == {0.0, float(x[0, 0, 0, 0, 0] * 0.1)}
    assert float((real > 0).float().mean()) == pytest.approx(0.75, rel=0.02)


def test_a_quarter_is_left_alone_and_nothing_loses_all() -> None:
    x = batch(400)
    torch.manual_seed(1)
    y = EventDrop()(x)
    untouched = (x == y).flatten(1).all(1).float().mean()
    assert float(untouched) == pytest.approx(0.25, abs=0.1)
    few = torch.zeros(200, *SHAPE)
    few[:, 3, 0, 5, 5] = 1
    assert torch.equal(EventDrop()(few), few)
    assert torch.equal(DropTime()(torch.zeros(2, *SHAPE)), torch.zeros(2, *SHAPE))


MIXES = [
    *(EventMix(5, labels=labels) for labels in ("count", "distance", "volume")),
    *(CutMix(5, labels=labels) for labels in ("count", "distance", "volume")),
]


@pytest.mark.parametrize("mix", MIXES, ids=repr)
def test_a_mixture_has_the_events_of_two_samples_and_their_labels(mix) -> None:
    labels = torch.arange(40) % 5
    x = batch() * 8 + torch.arange(40).view(-1, 1, 1, 1, 1) % 8  # values say whose they are
    torch.manual_seed(3)
    y, targets = mix(x, labels)
    assert y.shape == x.shape
    assert targets.shape == (40, 5)
    torch.testing.assert_close(targets.sum(1), torch.ones(40))
    partly = 0
    for before, after, target in zip(x, y, targets, strict=True):
        sources = (after % 8).unique().tolist()
        assert len(sources) <= 2
        classes = target.nonzero().flatten().tolist()
        assert len(classes) <= 2
        partly += len(sources) == 2 and not torch.equal(before, after)
    assert partly > 20


@pytest.mark.parametrize("mix", [EventMix(5, labels="volume"), CutMix(5)], ids=repr)
def test_labels_follow_the_mask(mix) -> None:
    x = torch.zeros(2, 4, 1, 16, 16)
    x[1] = 1
    torch.manual_seed(0)
    for _ in range(20):  # the mean of a mixture is the share of the sample of ones
        y, targets = mix(x, torch.tensor([0, 1]))
        torch.testing.assert_close(y.mean((1, 2, 3, 4)), targets[:, 1])


def test_labels_follow_the_part_of_its_own_events_that_each_has() -> None:
    x = torch.zeros(2, 1, 1, 8, 8)
    x[0, ..., :4], x[1] = 5.0, 1.0
    torch.manual_seed(2)
    for _ in range(20):
        y, targets = CutMix(5, labels="count")(x, torch.tensor([0, 1]))
        if torch.equal(y[0], x[0]):
            continue
        mask = (y[0] != x[0]) | ((x[0] == 0) & (y[0] == 1))
        kept, taken = 1 - x[0][mask].sum() / x[0].sum(), x[1][mask].sum() / x[1].sum()
        torch.testing.assert_close(targets[0, 1], taken / (kept + taken))


def test_masks_are_one_region_in_space_and_time_as_large_as_drawn() -> None:
    torch.manual_seed(0)
    x = torch.zeros(64, 8, 1, 16, 16)
    x[32:] = 1
    y, targets = EventMix(2, labels="volume")(x, (torch.arange(64) >= 32).long())
    mixed = y[(targets.amax(1) < 0.9)][:, :, 0]
    assert len(mixed) > 15
    # neighbours in each direction are alike far more often than chance says
    for axis in (1, 2, 3):
        assert float((mixed.diff(dim=axis) == 0).float().mean()) > 0.85


def test_samples_without_events_mix_by_volume_and_none_at_probability_zero() -> None:
    x, labels = torch.zeros(4, *SHAPE), torch.tensor([0, 1, 2, 3])
    torch.manual_seed(0)
    for labels_by in ("count", "distance"):
        _, targets = EventMix(5, labels=labels_by)(x, labels)
        torch.testing.assert_close(targets.sum(1), torch.ones(4))
    for mix in (EventMix(5, prob=0.0), CutMix(5, prob=0.0), MixUp(5, prob=0.0)):
        y, targets = mix(batch(4), labels)
        assert torch.equal(y, batch(4))
        assert torch.equal(targets.argmax(1), labels)
        assert targets.max(1).values.eq(1).all()


def test_mixup_is_the_weighted_sum() -> None:
    x = torch.zeros(2, *SHAPE)
    x[1] = 4
    torch.manual_seed(0)
    y, targets = MixUp(2)(x, torch.tensor([0, 1]))
    torch.testing.assert_close(y.mean((1, 2, 3, 4)), 4 * targets[:, 1])


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (
            "event_drp",
            "augment names 'event_drp', which is unknown. Did you mean 'event_drop'? Names: cr",
        ),
        ([{"use": "roll", "pixel": 5}], "augment: roll has no argument 'pixel'. Did you mean 'pixels'?"),
        ([{"use": "roll", "pixels": -1}], "augment: roll: pixels must be at least 0 pixels, got -1"),
        (
            [{"use": "drop_time", "ratio": 1.0}],
            "drop_time: ratio must be above 0 and below 1, got 1.0",
        ),
        ([{"use": "cutmix", "labels": "area"}], "labels must be one of count, distance, volume, got 'area'"),
        ([{"use": "event_mix", "alpha": 0.0}], "augment: event_mix: alpha must be a number above 0, got 0.0"),
        ([{"use": "mixup", "prob": 2}], "augment: mixup: prob must be from 0 to 1, got 2"),
        ([3], "augment must list names, or tables such as { use = 'roll', pixels = 5 }, got 3"),
    ],
)
def test_mistakes_are_one_clear_line(augment: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^augment") as caught:
        EVENT_AUGMENTATIONS.read(augment, TASK)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
