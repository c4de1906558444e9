"""A neuron from somebody else: installed with pip, listed, run by name, checked with the kit."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("hatchling")

FILES = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "stranger-neurons"
version = "0.2.1"
dependencies = ["snnplug>=0.1,<0.2", "torch>=2"]

[project.entry-points.snnplug]
stranger = "stranger_neurons.plugin"
""",
    "stranger_neurons/__init__.py": "",
    "stranger_neurons/plugin.py": """
from snnplug import NeuronSpec, hookimpl


@hookimpl
def snnplug_neurons():
    yield NeuronSpec(
        name="stranger",
        target="stranger_neurons.neuron:Stranger",
        summary="Integrates with a leak and fires at a threshold that is its parameter.",
        reference="none: written for a test",
    )
""",
    "stranger_neurons/neuron.py": '''
from snnplug.nn import MembraneState, SpikingNeuron, spike


class Stranger(SpikingNeuron):
    """Leaky neuron: `v <- leak * v + x`, a spike where v reaches the threshold, then a soft reset.

    Args:
        leak: share of the membrane potential that stays after a time step, from 0 to 1.
        threshold: fires at this membrane potential or above.
    """

    def __init__(self, *, leak: float = 0.5, threshold: float = 1.0):
        if not 0 <= leak <= 1:
            raise ValueError(f"leak must be from 0 to 1, got {leak}")
        super().__init__()
        self.leak, self.threshold = leak, threshold

    def step(self, x, state):
        v = self.leak * state.v + x
        s = spike(v - self.threshold)
        return s, MembraneState(v - self.threshold * s)
''',
    "test_stranger.py": """
from snnplug.testing import NeuronConformance, PluginConformance


class TestPlugin(PluginConformance):
    name = "stranger-neurons"


class TestStranger(NeuronConformance):
    name = "stranger-neurons:stranger"
    params = [{}, {"leak": 0.9, "threshold": 0.5}]
    compiles = False
""",
    "recipe.toml": """
[dataset]
use = "digits"
[encoder]
use = "direct"
steps = 2
[neuron]
use = "stranger"
leak = 0.75
[architecture]
use = "vgg"
layers = [8, "M"]
[loss]
use = "sdt"
[train]
epochs = 1
""",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stranger")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def python(project) -> Path:
    """Python of a new environment that sees this one's packages and holds the stranger's plugin."""
    place = project / "venv"
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    # --system-site-packages would show those of the base Python, which this environment may not be
    shown = [
        path
        for path in (*site.getsitepackages(), str(Path(metadata.__file__).parent))
        if "site-packages" in path
    ]
    lines = [f"import site; site.addsitedir({path!r})" for path in dict.fromkeys(shown)]
    [packages] = place.glob("lib/python*/site-packages")
    (packages / "seen.pth").write_text("\n".join(lines) + "\n")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", str(project)], check=True, timeout=300)
    return python


def run(python: Path, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNNPLUG_", "PYTHON", "PYTEST_"))}
    environment |= {"SNNPLUG_STRICT": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [str(python), *args],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_it_is_not_installed_here():
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.distribution("stranger-neurons")


def test_list(python, tmp_path):
    data = json.loads(run(python, "-m", "snnplug", "list", "--json", cwd=tmp_path).stdout)
    [found] = [entry for entry in data["registrations"] if entry["plugin"] == "stranger-neurons"]
    assert (found["kind"], found["name"], found["version"]) == ("neuron", "stranger", "0.2.1")
    assert len(data["registrations"]) > 1  # beside the plugins of this environment
    assert data["problems"] == []


def test_run(python, project, tmp_path):
    recipe = project / "recipe.toml"
    done = run(python, "-m", "snnplug", "run", str(recipe), "--out", "out", "--device", "cpu", cwd=tmp_path)
    assert done.stdout.splitlines() == ["out"]
    assert "test accuracy" in done.stderr
    assert "report.html" in done.stderr
    resolved = (tmp_path / "out" / "resolved.json").read_text()
    assert "stranger-neurons:stranger" in resolved
    assert "0.2.1" in resolved
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert 0.0 <= summary["accuracy"]["test"] <= 1.0
    assert summary["spikes_per_sample"] > 0


def test_conformance(python, project):
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_stranger.py", cwd=project)
    assert "passed" in done.stdout
    assert "failed" not in done.stdout
