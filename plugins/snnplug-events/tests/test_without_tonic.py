"""Where tonic is not installed the data sets are listed, and say what is missing when they are used."""

from __future__ import annotations

import sys

import pytest

from snnplug import Registry
from snnplug.errors import DataError


@pytest.mark.parametrize("name", ["nmnist", "cifar10dvs", "dvs128gesture", "ncaltech101", "shd"])
def test_without_tonic_each_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tonic", None)
    with pytest.raises(
        DataError, match=r"is read by tonic, which cannot be imported .*; pip install snnplug-events"
    ):
        Registry.from_installed().create("dataset", f"snnplug-events:{name}")
