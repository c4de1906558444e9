"""Fixtures of the tests in this folder."""

from __future__ import annotations

import pytest

from snnplug import Registry


@pytest.fixture(scope="session")
def registry() -> Registry:
    """All that is installed."""
    return Registry.from_installed(quiet=True)
