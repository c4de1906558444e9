"""Jobs of submitit's local executor, which does all that SLURM's does but the queue."""

from __future__ import annotations

import subprocess
import sys

import pytest

from snnplug import Answer, Registry
from snnplug.errors import RunFailed
from snnplug.testing import ExecutorConformance, PluginConformance

pytest.importorskip("submitit", reason="snnplug-slurm needs submitit: tox -e clusters")
pytestmark = [  # of submitit: a process that ends later than its job is forgotten
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class TestPlugin(PluginConformance):
    name = "snnplug-slurm"


@pytest.mark.slow
class TestLocalJobs(ExecutorConformance):
    name = "snnplug-slurm:slurm"
    params = ({"cluster": "local"},)

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)


def failing(number):
    raise SystemExit(7)


def test_without_slurm_it_says_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    executor = Registry.from_installed().use("executor", "slurm", folder=str(tmp_path))
    with pytest.raises(RunFailed, match=r"sbatch"):
        executor.build(failing, 1)


@pytest.mark.slow
def test_a_job_that_ends_at_once_is_said(tmp_path) -> None:
    executor = Registry.from_installed().create(
        "executor", "slurm", failing, 1, cluster="local", folder=str(tmp_path)
    )
    executor.start(0)
    heard: list[Answer] = []
    while not heard:
        heard += executor.answers(1.0)
    executor.close()
    assert heard[0].worker == 0
    assert "has hung up" in heard[0].lost


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, snnplug; r = snnplug.Registry.from_installed(); c = r.use('executor', 'slurm'); "
        "print(c.qualified, 'submitit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["snnplug-slurm:slurm", "False"]
