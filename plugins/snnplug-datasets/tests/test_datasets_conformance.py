from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import load_digits
from sklearn.utils import Bunch
from torchvision.datasets import SVHN

from snnplug import Component, Registry
from snnplug.testing import DatasetConformance, PluginConformance


class TestPlugin(PluginConformance):
    name = "snnplug-datasets"


class TestDigits(DatasetConformance):
    name = "snnplug-datasets:digits"
    params = ({}, {"val_fraction": 0.2, "test_fraction": 0.0})


@pytest.fixture
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_digits()
    few = Bunch(images=data.images[:250], target=data.target[:250])
    monkeypatch.setattr("snnplug_datasets.digits.load_digits", lambda: few)


@pytest.mark.usefixtures("few_digits")
class TestOrderedDigits(DatasetConformance):
    name = "snnplug-datasets:ordered_digits"
    params = ({}, {"steps": 7, "by": "count", "polarities": 1, "noise": 2.0, "hot_pixels": 2})


@pytest.mark.usefixtures("few_digits")
class TestMovingDigits(DatasetConformance):
    name = "snnplug-datasets:moving_digits"
    params = ({}, {"size": 16, "refractory": 2.0, "shuffle_time": True})


class TestMNIST(DatasetConformance):
    name = "snnplug-datasets:mnist"


class TestFashionMNIST(DatasetConformance):
    name = "snnplug-datasets:fashion_mnist"
    distinct = False  # some articles are photographed alike


class TestCIFAR10(DatasetConformance):
    name = "snnplug-datasets:cifar10"
    distinct = False  # published with near and exact duplicates


class TestCIFAR100(DatasetConformance):
    name = "snnplug-datasets:cifar100"
    distinct = False


class TestSVHN(DatasetConformance):
    name = "snnplug-datasets:svhn"

    @pytest.fixture
    def component(
        self, tmp_path: Path, installed_registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> Component:
        generator, parts = np.random.default_rng(0), {}
        for part, (url, name, _) in SVHN.split_list.items():
            images = generator.integers(0, 256, (32, 32, 3, 100)).astype(np.uint8)
            savemat(tmp_path / name, {"X": images, "y": np.arange(100)[:, None] % 10 + 1})
            parts[part] = [url, name, hashlib.md5((tmp_path / name).read_bytes()).hexdigest()]
        monkeypatch.setattr(SVHN, "split_list", parts)
        return installed_registry.use("dataset", self.name, root=str(tmp_path))


class TestImageFolder(DatasetConformance):
    name = "snnplug-datasets:image_folder"

    @pytest.fixture
    def component(self, tmp_path: Path, installed_registry: Registry) -> Component:
        generator = torch.Generator().manual_seed(0)
        for label in ("cat", "dog"):
            (tmp_path / label).mkdir()
            for i in range(20):
                pixels = torch.randint(256, (8, 8, 3), generator=generator, dtype=torch.uint8)
                Image.fromarray(pixels.numpy()).save(tmp_path / label / f"{i}.png")
        return installed_registry.use("dataset", self.name, root=str(tmp_path), size=8)
