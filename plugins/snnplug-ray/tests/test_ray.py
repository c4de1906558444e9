"""Actors on a cluster of this machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from snnplug import Registry
from snnplug.errors import RunFailed
from snnplug.testing import ExecutorConformance, PluginConformance

ray = pytest.importorskip("ray", reason="snnplug-ray needs ray: tox -e clusters")
pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # Ray's own


def doubling(number):
    return lambda item: 2 * item


class TestPlugin(PluginConformance):
    name = "snnplug-ray"


@pytest.mark.slow
class TestRay(ExecutorConformance):
    name = "snnplug-ray:ray"
    params = ({"address": "local"}, {"address": "local", "cpus": 0.5})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"address": "local", "gpus": 3000.0}, "no node of the cluster has cpus = 1 and gpus = 3000"),
        ({"address": "127.0.0.1:1"}, "no cluster of Ray at address = '127.0.0.1:1'"),
    ],
)
def test_what_is_not_there_is_said(parameters, said) -> None:
    with pytest.raises(RunFailed, match=said):
        Registry.from_installed().use("executor", "ray", **parameters).build(doubling, 1)
    assert not ray.is_initialized()


@pytest.mark.slow
def test_a_cluster_that_runs_already_is_used_and_left_running() -> None:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        executor = Registry.from_installed().use("executor", "ray").build(doubling, 2)
        executor.start(0)
        assert [answer.result for answer in executor.answers(None)] == [None]
        executor.give(0, 4)
        assert [answer.result for answer in executor.answers(None)] == [8]
        executor.close()
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_nothing_of_it_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, snnplug; r = snnplug.Registry.from_installed(); c = r.use('executor', 'ray'); "
        "print(c.qualified, 'ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["snnplug-ray:ray", "False"]
