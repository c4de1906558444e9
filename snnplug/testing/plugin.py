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
from snnplug.version import REQUIREMENT

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
        try:
            return metadata.distribution(self.name)
        except metadata.PackageNotFoundError:
            pytest.fail(
                f"no distribution {self.name!r} is installed; run pip install -e . in its folder, and set "
                "`name` in the test class to the name in pyproject.toml"
            )

    @pytest.fixture
    def registrations(self, installed_registry: Registry) -> list[Registration]:
        """Return all that the plugin registers."""
        return [r for r in installed_registry if canonicalize_name(r.plugin) == canonicalize_name(self.name)]

    def entry_point(self, distribution: metadata.Distribution) -> metadata.EntryPoint:
        """Return the one entry point of the group."""
        found = list(distribution.entry_points.select(group=GROUP))
        assert len(found) == 1, (
            f"a distribution must have one entry point in the group {GROUP!r}, got "
            f"{[e.name for e in found]}; list all that it offers in one module, and name that under "
            "[project.entry-points.snnplug]"
        )
        return found[0]

    def test_one_entry_point(self, distribution: metadata.Distribution) -> None:
        """One distribution, one entry point in the group `snnplug`, naming a module."""
        entry_point = self.entry_point(distribution)
        assert not entry_point.attr, (
            f"the entry point must name a module, such as 'acme_neurons.plugin', got {entry_point.value!r}"
        )

    def test_requirement_on_snnplug_is_bounded(self, distribution: metadata.Distribution) -> None:
        """It requires snnplug with an upper bound, so that a later major version is not taken blindly."""
        requirements = list(map(Requirement, distribution.requires or ()))
        ours = [r for r in requirements if canonicalize_name(r.name) == "snnplug" and r.marker is None]
        assert len(ours) == 1, (
            f"its dependencies must name snnplug once, got {[str(r) for r in ours]}; write {REQUIREMENT} in "
            "pyproject.toml"
        )
        assert {s.operator for s in ours[0].specifier} & {"<", "<=", "==", "~="}, (
            f"{ours[0]} has no upper bound; write {REQUIREMENT} in pyproject.toml"
        )

    def test_import_is_free_of_torch(self, distribution: metadata.Distribution) -> None:
        """Reading what the plugin offers does not import torch."""
        entry_point = self.entry_point(distribution)
        code = f"import sys, {entry_point.module}; sys.exit('torch' in sys.modules)"
        path = os.pathsep.join(filter(None, sys.path))
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr or (
            f"{entry_point.module} imports torch, and so every listing would; give targets as texts "
            "'package.module:Attribute', and keep the package's __init__.py empty"
        )

    def test_offers_something(self, registrations: list[Registration]) -> None:
        """It registers at least one thing."""
        assert registrations, (
            f"{self.name!r} registers nothing; a function snnplug_KINDS in its plugin.py, marked @hookimpl, "
            "returns specs"
        )

    def test_targets_load(self, registrations: list[Registration]) -> None:
        """Every target can be imported and called."""
        for registration in registrations:
            target = registration.load()
            assert callable(target), (
                f"{registration.qualified}: {target!r} cannot be called; name a class or a function"
            )

    def test_targets_have_docstrings(self, registrations: list[Registration]) -> None:
        """Every target says what it is."""
        for registration in registrations:
            target = registration.load()
            assert (target.__doc__ or "").strip(), (
                f"{registration.qualified}: {target} has no docstring, which `snnplug show` prints"
            )

    def test_summaries_fit_a_listing(self, registrations: list[Registration]) -> None:
        """Every summary is one line of at most 120 characters."""
        for registration in registrations:
            letters = len(registration.spec.summary)
            assert letters <= 120, (
                f"{registration.qualified}: its summary has {letters} letters; at most 120 fit a line"
            )

    def test_parameters_are_annotated(self, registrations: list[Registration]) -> None:
        """Every recipe parameter has a type, against which recipes are checked."""
        for registration in registrations:
            for parameter in inspect.signature(registration.load()).parameters.values():
                if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                    assert parameter.annotation is not inspect.Parameter.empty, (
                        f"{registration.qualified}: parameter {parameter.name} has no type; annotate it, so "
                        "that recipes are checked"
                    )

    def test_unknown_parameter_is_refused(
        self, registrations: list[Registration], installed_registry: Registry
    ) -> None:
        """No target swallows a misspelled parameter."""
        for registration in registrations:
            component = installed_registry.use(registration.kind, registration.qualified, no_such_parameter=1)
            assert any("no_such_parameter" in line for line in component.check()), (
                f"{registration.qualified}: no_such_parameter = 1 was accepted; name the keyword-only "
                "arguments one by one, without **kwargs"
            )
