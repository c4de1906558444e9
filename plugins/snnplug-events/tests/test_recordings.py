"""Each data set from small files in its own format, through tonic, to splits of frames."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import threading
import warnings
from pathlib import Path

import pytest
import torch
from snnplug_events.recordings import _natural, find

from snnplug import Registry, Splits
from snnplug.errors import DataError, ParameterError
from snnplug.nn import check_split
from snnplug.nn.events import Events, resize, to_frames

from .event_files import (
    CIFAR10,
    random_events,
    write_atis,
    write_cifar10dvs,
    write_gestures,
    write_ncaltech101,
    write_nmnist,
    write_shd,
)

pytest.importorskip("tonic")
registry = Registry.from_installed()


def build(name: str, root: Path, **parameters: object) -> Splits:
    """Return the splits of files that are fewer than published."""
    with pytest.warns(UserWarning, match="were published; the archive may not have been unpacked"):
        splits = registry.create("dataset", f"snnplug-events:{name}", root=str(root), **parameters)
    for part in ("train", "val", "test"):
        check_split(getattr(splits, part), part, splits.task)
    return splits


def test_nmnist(tmp_path: Path) -> None:
    written = write_nmnist(tmp_path)
    splits = build("nmnist", tmp_path, val_fraction=0.25, steps=5)
    assert [len(split) for split in (splits.train, splits.val, splits.test)] == [30, 10, 40]
    assert splits.task.input_shape == (2, 34, 34)
    assert (splits.task.steps, splits.task.values, splits.task.events) == (5, "counts", True)
    values, labels = splits.test.batch(torch.arange(40))
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        events = written[f"Test/{place // 4}/{place % 4}"]
        assert int(label) == place // 4
        assert torch.equal(value, to_frames(events, size=(34, 34), steps=5, by="count").float())
    again = build("nmnist", tmp_path, val_fraction=0.25, steps=5)
    assert torch.equal(again.val.images, splits.val.images)
    assert splits.class_names[3] == "3 - three"


def test_overflowing_times_are_read(tmp_path: Path) -> None:
    events = random_events(1, (34, 34), duration=8192)
    later = events.shifted(2**13)
    write_atis(tmp_path / "a", events)
    write_atis(tmp_path / "b", events._replace(t=later.t - 2**13))
    mark = bytes([0, 240, 0, 0, 0])  # what comes after it is 2^13 microseconds later
    folder = tmp_path / "NMNIST" / "Test" / "0"
    folder.mkdir(parents=True)
    (folder / "0.bin").write_bytes((tmp_path / "a").read_bytes() + mark + (tmp_path / "b").read_bytes())
    with pytest.warns(UserWarning, match="1 recordings are in"):
        _, found = find("nmnist", "test", "NMNIST", str(tmp_path), False, 10_000, train=False)
    for read, expected in zip(found.events(0), Events.merged([events, later]), strict=True):
        assert torch.equal(read, expected)


def test_cifar10dvs_and_its_two_divisions(tmp_path: Path) -> None:
    written = write_cifar10dvs(tmp_path, 110)
    splits = build("cifar10dvs", tmp_path, steps=4, augment=False)
    assert [len(splits.train), splits.val, len(splits.test)] == [100, None, 1000]
    names = splits.class_names
    assert names == CIFAR10
    for split, numbers in ((splits.test, range(100)), (splits.train, range(100, 110))):
        files = [f"{name}/cifar10_{name}_{number}.aedat4" for name in names for number in numbers]
        expected = [to_frames(written[file], size=(128, 128), steps=4, by="count") for file in files]
        assert torch.equal(split.images, torch.stack(expected))
        assert split.labels.tolist() == [names.index(file.split("/")[0]) for file in files]
    seeded = [build("cifar10dvs", tmp_path, steps=1, split="seeded", split_seed=seed) for seed in (0, 0, 1)]
    assert [len(seeded[0].train), len(seeded[0].test)] == [990, 110]
    assert seeded[0].test.labels.bincount().tolist() == [11] * 10
    assert torch.equal(seeded[0].test.images, seeded[1].test.images)
    assert not torch.equal(seeded[0].test.images, seeded[2].test.images)


def test_frames_as_they_are_asked_for(tmp_path: Path) -> None:
    written = write_cifar10dvs(tmp_path, 1)
    events = written["airplane/cifar10_airplane_0.aedat4"]

    def first(**parameters: object) -> tuple[torch.Tensor, Splits]:
        splits = build("cifar10dvs", tmp_path, split="seeded", augment=False, steps=3, **parameters)
        return splits.train.batch(torch.tensor([0]))[0][0], splits

    full = to_frames(events, size=(128, 128), steps=3, by="count")
    value, splits = first(size=48)
    assert torch.equal(value, resize(full, (48, 48)).float())
    assert splits.task.values == "counts"
    value, splits = first(size=48, resize="bilinear")
    assert torch.equal(value, resize(full, (48, 48), "bilinear"))
    assert (splits.task.values, splits.task.input_shape) == ("scaled", (2, 48, 48))
    value, splits = first(size=4, binary=True, polarities=1)
    assert torch.equal(value, resize(full.sum(1, keepdim=True), (4, 4)).clamp(max=1).float())
    assert (splits.task.values, splits.task.input_shape) == ("binary", (1, 4, 4))
    value, _ = first(by="time", remainder="last")
    assert torch.equal(value, to_frames(events, size=(128, 128), steps=3, remainder="last").float())
    with pytest.raises(ParameterError, match='binary = true needs resize = "sum"'):
        registry.create("dataset", "cifar10dvs", root=str(tmp_path), binary=True, size=4, resize="bilinear")
    with pytest.raises(ParameterError, match="steps must be at least 1, got 0"):
        registry.create("dataset", "cifar10dvs", root=str(tmp_path), steps=0)


def test_dvs128gesture(tmp_path: Path) -> None:
    written = write_gestures(tmp_path)
    splits = build("dvs128gesture", tmp_path, val_fraction=0.0, steps=2, augment=["roll", "event_mix"])
    assert [len(splits.train), splits.val, len(splits.test)] == [22, None, 11]
    assert splits.task.classes == 11
    assert splits.class_names[1] == "Right hand wave"
    assert splits.test.labels.tolist() == list(range(11))  # 10.npy comes after 9.npy
    for label in range(11):
        events = written["ibmGestureTest", "user24_fluorescent", label]
        whole = Events.of(events.t // 1000 * 1000, events.x, events.y, events.p)
        assert torch.equal(splits.test.images[label], to_frames(whole, size=(128, 128), steps=2, by="count"))
    assert splits.train.augment is not None
    assert splits.train.mix is not None
    assert splits.test.augment is splits.test.mix is None


def test_ncaltech101(tmp_path: Path) -> None:
    written = write_ncaltech101(tmp_path)
    splits = build("ncaltech101", tmp_path, val_fraction=0.1, steps=2)
    assert [len(split) for split in (splits.train, splits.val, splits.test)] == [24, 3, 3]
    assert splits.class_names == ("BACKGROUND_Google", "ant", "zebra")
    assert splits.task.classes == 3
    assert splits.task.input_shape == (2, 180, 240)
    assert splits.test.labels.tolist() == [0, 1, 2]
    frames = {
        to_frames(e, size=(180, 240), steps=2, by="count").numpy().tobytes(): key
        for key, e in written.items()
    }
    seen = [frames[f.numpy().tobytes()] for s in (splits.train, splits.val, splits.test) for f in s.images]
    assert sorted(seen) == sorted(written)


def test_shd(tmp_path: Path) -> None:
    streams, labels = write_shd(tmp_path)
    splits = build("shd", tmp_path, val_fraction=0.3, steps=14)
    assert [len(split) for split in (splits.train, splits.val, splits.test)] == [40, 20, 40]
    assert splits.task.input_shape == (700,)
    assert splits.task.classes == 20
    assert splits.class_names[7] == "digit 7"
    values, found = splits.test.batch(torch.arange(40))
    assert values.shape == (40, 14, 700)
    assert found.tolist() == labels[60:]
    for value, events in zip(values, streams[60:], strict=True):
        assert int(value.sum()) == events.number
        spikes = value.nonzero()
        assert set(spikes[:, 1].tolist()) == set(events.x.tolist())
        early = events.t < 95_000  # of the first 100 ms; times are of single precision
        assert value[0, events.x[early].long()].all()
    assert build("shd", tmp_path, steps=14, augment=["drop_time"]).train.augment is not None
    with pytest.raises(
        ParameterError, match=r"augment names 'crop', which is unknown.* Names: drop_time, drop_ev"
    ):
        build("shd", tmp_path, steps=14, augment=["crop"])


@pytest.mark.parametrize(
    ("name", "folder", "address"),
    [
        ("nmnist", "NMNIST/Train", "data.mendeley.com/public-files/datasets/468j46mzdv"),
        ("cifar10dvs", "CIFAR10DVS", "figshare.com/ndownloader/files/38023437"),
        ("dvs128gesture", "DVSGesture/ibmGestureTrain", "figshare.com/ndownloader/files/38022171"),
        ("ncaltech101", "NCALTECH101/Caltech101", "data.mendeley.com/public-files/datasets/cy6cvx3ryv"),
        ("shd", "SHD", "zenkelab.org/datasets/shd_train.h5.zip"),
    ],
)
def test_what_is_missing_is_told_with_address_file_and_folder(
    name: str, folder: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network here")

    with pytest.raises(DataError) as caught:
        registry.create("dataset", name, root=str(tmp_path))
    message = str(caught.value)
    assert f"is not in {tmp_path / folder}; fetch https://" in message
    assert address in message
    assert f"save it as {tmp_path / folder.split('/')[0]}" in message
    assert "download = true" in message
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(
        DataError, match=r"cannot be fetched, or not read in .* \(OSError: no network here\); fetch"
    ):
        registry.create("dataset", name, root=str(tmp_path), download=True)


def test_an_archive_in_an_archive_is_fetched_and_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tonic.datasets import NCALTECH101

    there, here, served = tmp_path / "there", tmp_path / "here", tmp_path / "served"
    write_ncaltech101(there)
    (served / "outer").mkdir(parents=True)
    for name in ("Caltech101", "Caltech101_annotations"):
        shutil.make_archive(str(served / "outer" / name), "zip", there / "NCALTECH101", name)
    outer = Path(shutil.make_archive(str(served / "archive"), "zip", served, "outer"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(NCALTECH101, "url", f"http://127.0.0.1:{server.server_port}/archive.zip")
        monkeypatch.setattr(NCALTECH101, "file_md5", hashlib.md5(outer.read_bytes()).hexdigest())
        fetched = build("ncaltech101", here, download=True, steps=2)
        server.shutdown()
    assert "%|" in capfd.readouterr().err  # of the bar
    local = build("ncaltech101", there, steps=2)
    assert torch.equal(fetched.test.images, local.test.images)
    assert fetched.class_names == local.class_names


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    write_nmnist(tmp_path, each=1)
    (tmp_path / "NMNIST/Test/4/00000.bin").write_bytes(b"\1\2\3\4\5\6\7")
    with (
        pytest.raises(DataError, match=r"sample 4 of nmnist-test cannot be read .*remove the broken file"),
        warnings.catch_warnings(action="ignore"),
    ):
        registry.create("dataset", "nmnist", root=str(tmp_path))


def test_numbers_in_names_count_by_their_value() -> None:
    names = ["a/x_10", "a/x_9", "B/x_1", "a/x_9b"]
    assert sorted(names, key=_natural) == ["B/x_1", "a/x_9", "a/x_9b", "a/x_10"]
