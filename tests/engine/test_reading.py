"""Samples that other processes read ahead, and that are made values where they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snnplug import run
from snnplug.engine import data
from snnplug.engine.course_told import tell_epoch
from snnplug.engine.data import batches, order
from snnplug.engine.progress import Reporter
from snnplug.nn import CropAndFlip, FrameSplit, ImageSplit, seeded
from snnplug.runs.records import Epoch

CPU = torch.device("cpu")
PARTS = list(order(50, 1).split(8))


def pixels(augment: Any = None) -> ImageSplit:
    images = torch.arange(50 * 48, dtype=torch.uint8).view(50, 3, 4, 4)
    return ImageSplit(images, torch.arange(50) % 5, augment)


def read(split: Any, **how: Any) -> tuple[Tensor, Tensor]:
    with seeded(3):
        values, labels = zip(*batches(split, PARTS[how.get("first", 0) :], seed=7, **how), strict=True)
    return torch.cat(values), torch.cat(labels)


def equal(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> bool:
    return all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("augment", [None, CropAndFlip(1)])
def test_any_number_of_processes_reads_the_same(augment: Any) -> None:
    one, two = (read(pixels(augment), workers=count) for count in (1, 2))
    assert equal(one, two)
    assert torch.equal(one[1], torch.cat(PARTS) % 5)
    if augment is None:
        assert equal(one, read(pixels()))
    else:
        assert not torch.equal(one[0], read(pixels())[0])


def test_the_rest_of_an_epoch_is_read_as_in_the_whole_of_it() -> None:
    split = pixels(CropAndFlip(1))
    whole, rest = read(split, workers=1), read(split, workers=1, first=2)
    few = read(split, workers=1, first=len(PARTS) - 2)  # in this process
    assert equal(rest, (whole[0][16:], whole[1][16:]))
    assert equal(few, (whole[0][-10:], whole[1][-10:]))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", ["pixels", "augmented", "counts", "floats"])
def test_values_are_finished_where_they_are_used(
    kind: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = pixels(CropAndFlip(1) if kind == "augmented" else None)
    if kind == "counts":
        split = FrameSplit(torch.randint(5, (50, 2, 3, 4, 4), dtype=torch.int16), torch.arange(50) % 5)
    if kind == "floats":
        split = ImageSplit(torch.rand(50, 3, 4, 4), torch.arange(50) % 5)
    before = read(split, workers=0)
    moved: list[torch.dtype] = []
    finished = type(split).finished

    def watched(self: Any, stored: Tensor) -> Tensor:
        moved.append(stored.dtype)
        return finished(self, stored)

    monkeypatch.setattr(data, "is_apart", lambda device: device is not None)
    monkeypatch.setattr(data, "read_ahead", unpinned)
    monkeypatch.setattr(type(split), "finished", watched)
    found = read(split, workers=workers, device=CPU)
    assert equal(found, before)
    assert set(moved) == {split.images.dtype}


def unpinned(*given: Any, pin: bool, **more: Any) -> Any:
    from snnplug.engine.ahead import read_ahead

    assert pin
    return read_ahead(*given, **more)


def test_what_has_to_be_augmented_on_the_host_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def brighter(values: Tensor) -> Tensor:
        assert values.is_floating_point()
        return values * 0.5

    monkeypatch.setattr(data, "is_apart", lambda device: device is not None)
    monkeypatch.setattr(ImageSplit, "stored", None)
    split: Any = pixels(brighter)
    monkeypatch.setattr(
        split, "batch", lambda indices: (split.images[indices].float(), split.labels[indices])
    )
    assert read(split, device=CPU)[0].dtype == torch.float32


def test_a_training_is_the_same_with_any_number_of_processes(tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "dataset": {"use": "digits", "augment": [{"use": "crop", "pad": 1}]},
        "encoder": {"use": "direct", "steps": 1},
        "neuron": {"use": "relu"},
        "architecture": {"use": "vgg", "layers": [4, "M"]},
        "loss": {"use": "sdt"},
        "train": {"epochs": 2, "batch_size": 128},
    }
    one, two = (
        run(
            {**recipe, "train": {**recipe["train"], "workers": count}},
            out=tmp_path / str(count),
            device="cpu",
        )
        for count in (1, 2)
    )
    pairs = zip(one.model().state_dict().values(), two.model().state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert one.summary["accuracy"] == two.summary["accuracy"]


def test_a_training_that_waits_for_data_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    def epoch(number: int, share: float, seconds: float) -> Epoch:
        return Epoch(epoch=number, loss=1.0, accuracy=0.5, seconds=seconds, data_share=share)

    report, history = Reporter(quiet=False), []
    for number, (share, seconds) in enumerate([(0.9, 1.0), (0.3, 60.0), (0.62, 60.0), (0.7, 60.0)], 1):
        history.append(epoch(number, share, seconds))
        tell_epoch(report, "train", 4, history)
    notes = [line for line in capsys.readouterr().err.splitlines() if "waits for data" in line]
    assert len(notes) == 1
    assert "train waits for data 62% of its time" in notes[0]
    assert "train.workers" in notes[0]
