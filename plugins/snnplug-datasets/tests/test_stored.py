from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision.datasets import CIFAR10, CIFAR100, SVHN

from snnplug import Registry
from snnplug.errors import DataError, ParameterError
from snnplug.nn import CropAndFlip

registry = Registry.from_installed()
random = np.random.default_rng(0)


def write_idx(file: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    file.write_bytes(header + values.astype(np.uint8).tobytes())


def write_mnist(root: Path, folder: str = "MNIST") -> dict[str, np.ndarray]:
    """Write 200 training and 50 test images whose first pixel is the label."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    images = {}
    for part, count in (("train", 200), ("t10k", 50)):
        labels = np.arange(count) % 10
        images[part] = random.integers(0, 256, (count, 28, 28))
        images[part][:, 0, 0] = labels
        write_idx(raw / f"{part}-images-idx3-ubyte", images[part])
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)
    return images


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    """Write CIFAR's pickles with 100 images each; their checksums take the place of the real ones."""
    dataset = CIFAR10 if classes == 10 else CIFAR100
    folder = root / dataset.base_folder
    folder.mkdir(parents=True)
    key = "labels" if classes == 10 else "fine_labels"

    def write(name: str, content: dict[str, object]) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    def batch(name: str) -> list[str]:
        labels = [i % classes for i in range(100)]
        data = random.integers(0, 256, (100, 3, 32, 32)).astype(np.uint8)
        data[:, :, 0, 0] = np.array(labels)[:, None]
        return write(name, {"data": data.reshape(100, -1), key: labels})

    monkeypatch.setattr(dataset, "train_list", [batch(name) for name, _ in dataset.train_list])
    monkeypatch.setattr(dataset, "test_list", [batch(name) for name, _ in dataset.test_list])
    names = write(dataset.meta["filename"], {dataset.meta["key"]: [f"class {i}" for i in range(classes)]})
    monkeypatch.setattr(dataset, "meta", {**dataset.meta, "md5": names[1]})


def write_svhn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write SVHN's three files, 0 as its label 10; their checksums take the place of the real ones.

    The first pixel is the class; the second one tells the parts apart.
    """
    parts = {}
    for number, (part, (url, name, _)) in enumerate(SVHN.split_list.items()):
        labels = np.arange(100 * (number + 1)) % 10
        data = random.integers(0, 256, (32, 32, 3, len(labels))).astype(np.uint8)
        data[0, 0], data[0, 1] = labels, number
        savemat(root / name, {"X": data, "y": np.where(labels, labels, 10)[:, None].astype(np.uint8)})
        parts[part] = [url, name, hashlib.md5((root / name).read_bytes()).hexdigest()]
    monkeypatch.setattr(SVHN, "split_list", parts)


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_mnist_files(tmp_path: Path, name: str, folder: str) -> None:
    images = write_mnist(tmp_path, folder)
    splits = registry.create("dataset", name, root=str(tmp_path))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (180, 20, 50)
    assert splits.task.input_shape == (1, 28, 28)
    assert splits.task.classes == len(splits.class_names) == 10
    for part in (splits.train, splits.val, splits.test):
        values, labels = part.batch(torch.arange(len(part)))
        assert values.dtype == torch.float32
        assert torch.equal((values[:, 0, 0, 0] * 255).round().long(), labels)
        assert part.augment is None
    values, _ = splits.test.batch(torch.tensor([7]))
    np.testing.assert_allclose(values[0, 0].numpy() * 255, images["t10k"][7], rtol=1e-6)
    both = torch.cat([splits.train.images, splits.val.images]).flatten(1).unique(dim=0)
    assert torch.equal(both, torch.from_numpy(images["train"]).to(torch.uint8).flatten(1).unique(dim=0))


def test_fewer_samples_keep_the_shares_of_the_classes(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    splits = registry.create(
        "dataset", "mnist", root=str(tmp_path), train_samples=50, val_samples=30, test_samples=20
    )
    assert splits.train.labels.bincount().tolist() == [5] * 10
    assert splits.val.labels.bincount().tolist() == [3] * 10
    assert splits.test.labels.bincount().tolist() == [2] * 10
    more = registry.create("dataset", "mnist", root=str(tmp_path), train_samples=100, val_samples=30)
    assert torch.equal(more.val.images, splits.val.images)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"train_samples": 181}, "train_samples must be between 0 and the 180 samples there are, got 181"),
        ({"train_samples": 0}, "train_samples, val_fraction and val_samples must leave images to train on"),
        ({"test_samples": -1}, "test_samples must be at least 0, got -1"),
        ({"val_fraction": 1.0}, r"val_fraction must be at least 0 and below 1, got 1.0"),
        ({"val_samples": 3}, "val_samples takes 3 of 200 samples"),
    ],
)
def test_numbers_that_cannot_be(tmp_path: Path, parameters: dict[str, int], message: str) -> None:
    write_mnist(tmp_path)
    with pytest.raises(ParameterError, match=message):
        registry.create("dataset", "mnist", root=str(tmp_path), **parameters)


@pytest.mark.parametrize("classes", [10, 100])
def test_cifar_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    write_cifar(tmp_path, monkeypatch, classes)
    total = 500 if classes == 10 else 100
    splits = registry.create(
        "dataset", f"cifar{classes}", root=str(tmp_path), val_fraction=0.0, augment=False
    )
    assert (len(splits.train), splits.val, len(splits.test)) == (total, None, 100)
    assert splits.task.input_shape == (3, 32, 32)
    assert splits.class_names == tuple(f"class {i}" for i in range(classes))
    values, labels = splits.train.batch(torch.arange(total))
    assert torch.equal((values[:, :, 0, 0] * 255).round().long(), labels.unsqueeze(1).expand(-1, 3))


def test_only_cifar_training_batches_are_augmented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, 10)
    splits = registry.create("dataset", "cifar10", root=str(tmp_path))
    indices = torch.arange(8)
    torch.manual_seed(0)
    one = splits.train.batch(indices)[0]
    torch.manual_seed(0)
    assert torch.equal(splits.train.batch(indices)[0], one)
    assert not torch.equal(splits.train.batch(indices)[0], one)
    for part in (splits.val, splits.test):
        assert torch.equal(part.batch(indices)[0], part.batch(indices)[0])


@pytest.mark.parametrize("extra", [False, True])
def test_svhn_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: bool) -> None:
    write_svhn(tmp_path, monkeypatch)  # 100 images for training, 200 for the test and 300 extra ones
    splits = registry.create("dataset", "svhn", root=str(tmp_path), extra=extra, augment=False)
    train, test = (400, 200) if extra else (100, 200)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (train * 9 // 10, train // 10, test)
    assert splits.task.input_shape == (3, 32, 32)
    assert splits.class_names == tuple("0123456789")
    for part in (splits.train, splits.val, splits.test):
        values, labels = part.batch(torch.arange(len(part)))
        assert torch.equal((values[:, :, 0, 0] * 255).round().long(), labels.unsqueeze(1).expand(-1, 3))
        assert values.is_contiguous()
    both = torch.cat([splits.train.images, splits.val.images])
    assert set(both[:, 0, 0, 1].tolist()) == ({0, 2} if extra else {0})
    assert set(splits.test.images[:, 0, 0, 1].tolist()) == {1}


def test_svhn_is_cropped_and_mirrored_only_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_svhn(tmp_path, monkeypatch)
    splits = registry.create("dataset", "svhn", root=str(tmp_path))
    assert splits.train.augment == CropAndFlip(flip=False)
    assert splits.val.augment is None
    assert splits.test.augment is None
    mirrored = registry.create("dataset", "svhn", root=str(tmp_path), flip=True)
    assert mirrored.train.augment == CropAndFlip(flip=True)


def test_flip_without_augmentation_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path, monkeypatch)
    with pytest.raises(ParameterError, match="flip needs augment = true"):
        registry.create("dataset", "svhn", root=str(tmp_path), augment=False, flip=True)


@pytest.mark.parametrize("part", ["train", "test", "extra"])
def test_svhn_names_the_file_that_is_missing_or_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    write_svhn(tmp_path, monkeypatch)
    file = tmp_path / f"{part}_32x32.mat"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=rf"svhn at .*/{file.name} is incomplete or corrupt"):
        registry.create("dataset", "svhn", root=str(tmp_path), extra=True)
    file.unlink()
    with pytest.raises(DataError, match=rf"svhn is not at .*/{file.name}; set root = .* or download = true"):
        registry.create("dataset", "svhn", root=str(tmp_path), extra=True)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "MNIST"),
        ("fashion_mnist", "FashionMNIST"),
        ("cifar10", "cifar-10-batches-py"),
        ("cifar100", "cifar-100-python"),
        ("svhn", "train_32x32.mat"),
    ],
)
def test_a_missing_dataset_says_where_it_looked_and_what_to_do(
    tmp_path: Path, name: str, folder: str
) -> None:
    with pytest.raises(DataError) as error:
        registry.create("dataset", name, root=str(tmp_path))
    assert str(error.value) == (
        f'{name} is not at {tmp_path / folder}; set root = "..." to the folder that holds it, '
        "or download = true to fetch it"
    )


def test_the_root_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNPLUG_DATA", str(tmp_path / "here"))
    with pytest.raises(DataError, match="here"):
        registry.create("dataset", "mnist")
    monkeypatch.delenv("SNNPLUG_DATA")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(DataError, match=r"home.\.cache.snnplug.MNIST"):
        registry.create("dataset", "mnist")


@pytest.mark.parametrize("damage", ["cut", "no idx", "empty", "gone"])
def test_corrupt_mnist_files(tmp_path: Path, damage: str) -> None:
    write_mnist(tmp_path)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"cut": file.read_bytes()[:5000], "no idx": b"hello world", "empty": b""}[damage])
    with pytest.raises(DataError, match=r"mnist at .*MNIST is incomplete or corrupt"):
        registry.create("dataset", "mnist", root=str(tmp_path))


def test_corrupt_cifar_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, 10)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"cifar10 at .* is incomplete or corrupt"):
        registry.create("dataset", "cifar10", root=str(tmp_path))


def test_a_download_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(CIFAR10, "download", offline)
    with pytest.raises(DataError, match=r"cifar10 cannot be downloaded .*no route to host"):
        registry.create("dataset", "cifar10", root=str(tmp_path), download=True)


def no_home(path: str) -> str:
    """What `os.path.expanduser` does for a user whom the system does not know."""
    return path


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100", "svhn"])
@pytest.mark.parametrize("download", [False, True])
def test_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, download: bool) -> None:
    monkeypatch.setattr("os.path.expanduser", no_home)
    monkeypatch.delenv("SNNPLUG_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError,
        match=r"^there is no home directory for ~/\.cache/snnplug; set dataset\.root, or .* SNNPLUG_DATA,",
    ):
        registry.create("dataset", name, download=download)
    assert not list(tmp_path.iterdir())  # and nothing was made under the name ~


def test_without_a_home_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.path.expanduser", no_home)
    write_mnist(tmp_path)
    assert len(registry.create("dataset", "mnist", root=str(tmp_path)).test) == 50
    monkeypatch.setenv("SNNPLUG_DATA", str(tmp_path))
    assert len(registry.create("dataset", "mnist").test) == 50
    monkeypatch.setenv("SNNPLUG_DATA", "~nobody_here/data")
    with pytest.raises(DataError, match="no home directory for ~nobody_here/data"):
        registry.create("dataset", "mnist")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_home_of_somebody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SNNPLUG_DATA", raising=False)
    with pytest.raises(DataError, match="mnist is not at"):
        registry.create("dataset", "mnist")
