"""Conformance, on small files in each data set's own format."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from snnplug.testing import DatasetConformance, PluginConformance

from .event_files import write_cifar10dvs, write_gestures, write_ncaltech101, write_nmnist, write_shd

pytestmark = pytest.mark.filterwarnings("ignore:.*were published:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    root = tmp_path_factory.mktemp("data")
    write_nmnist(root, each=10)
    write_cifar10dvs(root, each=103)
    write_gestures(root)
    write_ncaltech101(root)
    pytest.importorskip("h5py")
    write_shd(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNPLUG_DATA", str(root))
        yield


class TestPlugin(PluginConformance):
    name = "snnplug-events"


class TestNMNIST(DatasetConformance):
    name = "snnplug-events:nmnist"


class TestCIFAR10DVS(DatasetConformance):
    name = "snnplug-events:cifar10dvs"


class TestDVS128Gesture(DatasetConformance):
    name = "snnplug-events:dvs128gesture"


class TestNCaltech101(DatasetConformance):
    name = "snnplug-events:ncaltech101"


class TestSHD(DatasetConformance):
    name = "snnplug-events:shd"
