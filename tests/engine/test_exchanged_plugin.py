"""A killed run whose plugin is exchanged before it goes on: really installed, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
KINDS = {
    "neurons": ("Neuron", "toys:ToyNeuron", ""),
    "encoders": ("Encoder", "toys:ToyEncoder", ""),
    "losses": ("Loss", "toys:ToyLoss", ""),
    "datasets": ("Dataset", "toys:toy_data", ""),
    "search_spaces": ("SearchSpace", "toys:ToySpace", ", components={'neuron': 'neuron'}"),
    "strategies": ("Strategy", "toys:ToyRandom", ""),
    "scorers": ("Scorer", "acme_toys.scorer:Score", ""),
}
HOOK = """
@hookimpl
def snnplug_{hook}():
    yield {spec}Spec(name="toy", target="{target}", summary="A toy."{more})
"""
PLUGIN = "from snnplug import *\nfrom snnplug import hookimpl\n" + "".join(
    HOOK.format(hook=hook, spec=spec, target=target, more=more)
    for hook, (spec, target, more) in KINDS.items()
)
SCORER = "import toys\n\nclass Score(toys.ToyScorer):\n    pass\n"
RECIPE = """
seed = 3
dataset = { use = "toy" }
encoder = { use = "toy" }
neuron = { use = "toy" }
loss = { use = "toy" }
[search]
space = { use = "toy", delay = 0.1 }
strategy = { use = "toy", draws = 40 }
scorer = { use = "toy" }
round_size = 4
"""


class Machine:
    """A folder with one installed plugin and a recipe of its things."""

    def __init__(self, folder: Path, distributions: Any) -> None:
        self.folder, self.distributions = folder, distributions
        (folder / "recipe.toml").write_text(RECIPE)
        ours = {entry.dist.name for entry in metadata.entry_points(group="snnplug") if entry.dist is not None}
        paths = (distributions.folder, HERE, HERE.parents[1])
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "SNNPLUG_DISABLE": ",".join(ours),
            "OMP_NUM_THREADS": "1",
        }

    def install(self, scorer: str = SCORER, version: str = "1.0") -> None:
        for info in self.distributions.folder.glob("*.dist-info"):
            for file in info.iterdir():
                file.unlink()
            info.rmdir()
        self.distributions.add("acme-toys", PLUGIN, version=version, files={"scorer.py": scorer})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snnplug", "run", *arguments]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, **pipes)

    def resume(self, *options: str) -> tuple[int, str]:
        process = self.start("--resume", "run", *options)
        _, errors = process.communicate(timeout=300)
        return process.returncode, errors

    def trials(self) -> int:
        journal = self.folder / "run" / "trials.journal"
        return journal.read_bytes().count(b'"checksum"') if journal.exists() else 0


@pytest.fixture
def killed(tmp_path: Path, distributions: Any) -> Machine:
    machine = Machine(tmp_path, distributions)
    machine.install()
    process = machine.start("recipe.toml", "--out", "run", "--device", "cpu")
    deadline = time.monotonic() + 300
    while machine.trials() < 3:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "run" / "summary.json").exists()
    return machine


@pytest.mark.slow
def test_an_exchanged_plugin_is_refused_by_name_or_accepted_and_recorded(killed: Machine) -> None:
    before = killed.trials()
    for scorer, version, named in (
        (SCORER + "\n", "1.0", "acme-toys 1.0: other content"),
        (SCORER, "1.1", "acme-toys 1.0 -> 1.1"),
    ):
        killed.install(scorer, version)
        code, errors = killed.resume()
        assert (code, len(errors.splitlines())) == (2, 1), errors
        assert named in errors
        assert killed.trials() == before
    code, errors = killed.resume("--accept-versions")
    assert code == 0, errors
    assert killed.trials() > before
    resolved = json.loads((killed.folder / "run" / "resolved.json").read_text())
    assert resolved["accepted"] == ["acme-toys 1.0 -> 1.1"]


@pytest.mark.slow
def test_the_same_plugin_goes_on(killed: Machine) -> None:
    killed.install()
    code, errors = killed.resume()
    assert code == 0, errors
