"""Conformance of a plugin distribution as a whole, whatever kinds it offers. Imports no torch itself."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import metadata
from typing import ClassVar

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from snnplug.registry.distributions import GROUP
from snnplug.registry.registration import Registration
from snnplug.registry.registry import Registry

__all__ = ["PluginConformance"]


class PluginConformance:
    """Checks of a distribution: its metadata, its import, and every spec it registers.

        class TestPlugin(PluginConformance):
            name = "acme-neurons"

    Attributes:
        name: distribution name.
    """

    name: ClassVar[str] = ""

    @pytest.fixture
    def distribution(self) -> metadata.Distribution:
        """Return the installed distribution."""
        return metadata.distribution(self.name)

    @pytest.fixture
    def registrations(self, installed_registry: Registry) -> list[Registration]:
        """Return all that the plugin registers."""
        return [r for r in installed_registry if canonicalize_name(r.plugin) == canonicalize_name(self.name)]

    def test_one_entry_point(self, distribution: metadata.Distribution) -> None:
        """One distribution, one entry point in the group `snnplug`, naming a module."""
        (entry_point,) = distribution.entry_points.select(group=GROUP)
        assert not entry_point.attr, "the entry point names a module, such as 'acme_neurons.plugin'"

    def test_requirement_on_snnplug_is_bounded(self, distribution: metadata.Distribution) -> None:
        """It requires snnplug with an upper bound, so that a later major version is not taken blindly."""
        requirements = map(Requirement, distribution.requires or ())
        (requirement,) = (r for r in requirements if canonicalize_name(r.name) == "snnplug")
        assert {s.operator for s in requirement.specifier} & {"<", "<=", "==", "~="}, (
            f"{requirement} has no upper bound; write for example snnplug>=0.1,<0.2"
        )

    def test_import_is_free_of_torch(self, distribution: metadata.Distribution) -> None:
        """Reading what the plugin offers does not import torch."""
        (entry_point,) = distribution.entry_points.select(group=GROUP)
        code = f"import sys, {entry_point.module}; sys.exit('torch' in sys.modules)"
        path = os.pathsep.join(filter(None, sys.path))
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr or f"{entry_point.module} imports torch"

    def test_offers_something(self, registrations: list[Registration]) -> None:
        """It registers at least one thing."""
        assert registrations

    def test_targets_load(self, registrations: list[Registration]) -> None:
        """Every target can be imported and called."""
        for registration in registrations:
            assert callable(registration.load()), registration.qualified

    def test_targets_have_docstrings(self, registrations: list[Registration]) -> None:
        """Every target says what it is."""
        for registration in registrations:
            target = registration.load()
            assert (target.__doc__ or "").strip(), f"{registration.qualified}: {target} has no docstring"

    def test_summaries_fit_a_listing(self, registrations: list[Registration]) -> None:
        """Every summary is one line of at most 120 characters."""
        for registration in registrations:
            assert len(registration.spec.summary) <= 120, registration.qualified

    def test_parameters_are_annotated(self, registrations: list[Registration]) -> None:
        """Every recipe parameter has a type, against which recipes are checked."""
        for registration in registrations:
            for parameter in inspect.signature(registration.load()).parameters.values():
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                    assert parameter.annotation is not inspect.Parameter.empty, (
                        f"{registration.qualified}: parameter {parameter.name} has no type"
                    )

    def test_unknown_parameter_is_refused(
        self, registrations: list[Registration], installed_registry: Registry
    ) -> None:
        """No target swallows a misspelled parameter."""
        for registration in registrations:
            component = installed_registry.use(registration.kind, registration.qualified, no_such_parameter=1)
            assert any("no_such_parameter" in line for line in component.check()), registration.qualified
