"""Two pytest fixtures for plugin authors, installed with snnplug. No options, nothing automatic, no torch."""

from __future__ import annotations

import pytest

from snnplug.registry.registry import Registry
from snnplug.testing import MODULES

__all__ = ["installed_registry", "registry"]

# an editable install lacks the list of files in which pytest looks for modules to rewrite
pytest.register_assert_rewrite("snnplug.testing.base", *(f"snnplug.testing.{module}" for module in MODULES))


@pytest.fixture
def registry() -> Registry:
    """Return an empty registry; nothing is discovered."""
    return Registry()


@pytest.fixture(scope="session")
def installed_registry() -> Registry:
    """Return the registry of all installed plugins; a broken one is an error.

    A module that tests something which is not installed overrides this fixture.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNPLUG_STRICT", "1")
        return Registry.from_installed()
