"""The checks of a whole distribution, on distributions written to a folder on the path."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from snnplug import NeuronSpec, Registry
from snnplug.testing import PluginConformance
from snnplug.testing.candidates import TinyNeuron


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs a distribution into a folder on `sys.path`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(
        name: str,
        *,
        requires: str = "snnplug>=0.1,<0.2",
        code: str = "",
        entry_points: str = "[snnplug]\nown = {module}.plugin\n",
    ) -> metadata.Distribution:
        module = name.replace("-", "_")
        package = tmp_path / module
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "plugin.py").write_text(code)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        )
        (info / "entry_points.txt").write_text(entry_points.format(module=module))
        return metadata.distribution(name)

    return install


GOOD = "from snnplug import hookimpl\n\n@hookimpl\ndef snnplug_neurons():\n    return []\n"


def test_good_distribution_passes(install) -> None:
    dist = install("acme-good", code=GOOD)
    kit = PluginConformance()
    kit.test_one_entry_point(dist)
    kit.test_requirement_on_snnplug_is_bounded(dist)
    kit.test_import_is_free_of_torch(dist)


@pytest.mark.parametrize("requires", ["snnplug", "snnplug>=0.1", "snnplug!=0.1"])
def test_unbounded_requirement_is_caught(install, requires: str) -> None:
    with pytest.raises(AssertionError, match="no upper bound"):
        PluginConformance().test_requirement_on_snnplug_is_bounded(install("acme-open", requires=requires))


def test_import_of_torch_is_caught(install, tmp_path: Path) -> None:
    (tmp_path / "torch.py").touch()  # stands for the real one, which takes seconds
    dist = install("acme-heavy", code="import torch\n")
    with pytest.raises(AssertionError, match="imports torch"):
        PluginConformance().test_import_is_free_of_torch(dist)


def test_import_that_fails_shows_why(install) -> None:
    dist = install("acme-bad", code="raise RuntimeError('no licence')\n")
    with pytest.raises(AssertionError, match="no licence"):
        PluginConformance().test_import_is_free_of_torch(dist)


def test_two_entry_points_are_caught(install) -> None:
    dist = install("acme-two", entry_points="[snnplug]\na = {module}.plugin\nb = {module}.plugin\n")
    with pytest.raises(AssertionError, match=r"one entry point in the group 'snnplug', got \['a', 'b'\]"):
        PluginConformance().test_one_entry_point(dist)


class Greedy(TinyNeuron):
    """Takes anything."""

    def __init__(self, **anything: float) -> None:
        super().__init__()


class Bare(TinyNeuron):
    def __init__(self, *, leak=0.5) -> None:
        super().__init__(leak=leak)


Bare.__doc__ = None


def test_faults_of_a_target_are_caught() -> None:
    registry, kit = Registry(), PluginConformance()
    greedy = registry.register(NeuronSpec(name="greedy", target=Greedy, summary="Takes anything."))
    bare = registry.register(NeuronSpec(name="bare", target=Bare, summary="x" * 130))
    lost = registry.register(NeuronSpec(name="lost", target="snnplug.nowhere:Lost", summary="Is not there."))
    with pytest.raises(AssertionError, match="greedy"):
        kit.test_unknown_parameter_is_refused([greedy], registry)
    with pytest.raises(AssertionError, match="docstring"):
        kit.test_targets_have_docstrings([bare])
    with pytest.raises(AssertionError, match="leak has no type"):
        kit.test_parameters_are_annotated([bare])
    with pytest.raises(AssertionError):
        kit.test_summaries_fit_a_listing([bare])
    with pytest.raises(ImportError, match="nowhere"):
        kit.test_targets_load([lost])
    with pytest.raises(AssertionError):
        kit.test_offers_something([])


def test_kit_and_fixtures_import_no_torch() -> None:
    code = (
        "import sys, snnplug.testing, snnplug.testing.pytest_plugin, snnplug.testing.plugin;"
        "from snnplug.testing import PluginConformance;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_name_of_the_kit_loads() -> None:
    import snnplug.testing

    assert sorted(snnplug.testing.__all__) == list(snnplug.testing.__all__)
    for name in snnplug.testing.__all__:
        assert getattr(snnplug.testing, name).__doc__
    with pytest.raises(AttributeError, match="NoSuch"):
        snnplug.testing.NoSuch  # noqa: B018


def test_fixture_registry_is_empty(registry: Registry) -> None:
    assert len(registry) == 0


MINE = """
import pytest
from snnplug import NeuronSpec, Registry
from snnplug.testing import NeuronConformance
from snnplug.testing.candidates import TinyNeuron

@pytest.fixture
def installed_registry():
    registry = Registry()
    registry.register(NeuronSpec(name="tiny", target=TinyNeuron, summary="Tiny.", reference="x"))
    return registry

class TestTiny(NeuronConformance):
    name = "tiny"
    params = [{}, {"leak": 0.9}]

class TestMisspelled(NeuronConformance):
    name = "tiny"
    params = [{"leek": 0.9}]
"""


def test_kit_reports_through_pytest(run_pytest, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(MINE)
    reports = run_pytest(tmp_path, "-k", "shape_of_the_input or are_accepted")
    assert reports["TestTiny::test_output_has_the_shape_of_the_input[leak=0.9-BN]"].passed
    misspelled = reports["TestMisspelled::test_parameters_are_accepted[leek=0.9]"]
    assert misspelled.failed
    assert "unknown parameter. Did you mean 'leak'?" in misspelled.longreprtext
