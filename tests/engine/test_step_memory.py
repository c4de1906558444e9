"""`[train] memory`: equal runs in all modes, the mode that fits, and what is said of it."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from test_distillation import RECIPE as TUNED
from torch import Tensor, nn

import snnplug
from snnplug.engine import step_memory
from snnplug.engine.free_memory import _available, _left, free_memory
from snnplug.engine.step_memory import StepMemory
from snnplug.engine.train_section import TrainSection
from snnplug.nn import TimeSequential, watch_spikes
from snnplug.testing.candidates import TinyNeuron

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "direct", "steps": 2},
    "neuron": {"use": "plif"},
    "architecture": {"use": "vgg", "layers": [4, "M", 4], "dropout": 0.2},
    "train": {"epochs": 1, "batch_size": 256, "accumulate": 2, "ema": 0.9},
}
MODES = ("keep", "compress", "recompute")


def weights(run: Any) -> dict[str, Tensor]:
    found: dict[str, Tensor] = run.model().state_dict()
    return found


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_runs_are_equal_in_all_modes(tmp_path: Path) -> None:
    runs = {}
    for mode in MODES:
        recipe = {**RECIPE, "train": {**RECIPE["train"], "memory": mode}}
        runs[mode] = snnplug.run(recipe, out=tmp_path / mode)
        assert_equal(weights(runs[mode]), weights(runs["keep"]))
    lines = {mode: run.metrics[0] for mode, run in runs.items()}
    assert [line.memory for line in lines.values()] == list(MODES)
    assert lines["recompute"].kept_bytes < lines["compress"].kept_bytes < lines["keep"].kept_bytes / 2
    assert {line.loss for line in lines.values()} == {lines["keep"].loss}


def test_tuning_with_a_teacher_is_equal(tmp_path: Path) -> None:
    runs = []
    for mode in ("keep", "recompute"):
        tuned = {**TUNED["convert"]["train"], "memory": mode, "epochs": 1}
        recipe = {**TUNED, "convert": {**TUNED["convert"], "train": tuned}}
        runs.append(snnplug.run(recipe, out=tmp_path / mode))
    assert_equal(*map(weights, runs))
    assert {line.memory for line in runs[1].metrics} == {"keep", "recompute"}


@pytest.mark.slow
def test_two_processes_are_equal(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'neuron = "lif"\narchitecture = { use = "vgg", layers = [4, "M", 4] }\nencoder = { use = "direct" }\n'
        'train = { epochs = 1, batch_size = 256, precision = "bf16-mixed" }\n'
    )
    for mode in MODES:
        command = [sys.executable, "-m", "snnplug", "run", recipe, "--device", "cpu", "--devices", "2"]
        command += ["-s", f"train.memory={mode}", "--out", tmp_path / mode]
        subprocess.run(command, check=True, capture_output=True)
    runs = [snnplug.load(tmp_path / mode) for mode in MODES]
    for run in runs[1:]:
        assert_equal(weights(run), weights(runs[0]))


class Small(nn.Module):
    """Convolutions, batch norm and neurons, dropout."""

    def __init__(self) -> None:
        super().__init__()
        rows = [(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), TinyNeuron()) for _ in range(3)]
        self.layers = TimeSequential(*chain(*rows), nn.Dropout(0.5), nn.Flatten(), nn.Linear(1024, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, 4, 16, 16]`."""
        out: Tensor = self.layers(x)
        return out


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Small()


X = (torch.rand(4, 8, 4, 16, 16, generator=torch.Generator().manual_seed(0)) < 0.3).float()
ARRAY = X.nbytes  # 524 kB, 9 of which are kept; the largest is 4 times there while the pass runs


def memory_of(model: nn.Module, said: list[str], recorded: Any = None, **settings: Any) -> StepMemory:
    section = TrainSection(memory="auto", **settings)
    optimizer = torch.optim.AdamW(model.parameters())
    device = torch.device("cpu")
    return StepMemory(model, optimizer, section, device, 1, said.append, "train", recorded)


@pytest.mark.parametrize(
    ("arrays", "mode"), [(18, "keep"), (11, "compress"), (6, "recompute"), (1, "recompute"), (None, "keep")]
)
@pytest.mark.parametrize("given", [True, False], ids=["given", "free"])
def test_the_first_that_fits(
    model: nn.Module, arrays: float | None, mode: str, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_ = None if arrays is None else int(arrays * ARRAY)
    monkeypatch.setattr(step_memory, "free_memory", lambda device: None if given else bytes_)
    said: list[str] = []
    memory = memory_of(model, said, memory_limit=(bytes_ or 0) / 1e9 if given else 0.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    draws, seen = torch.get_rng_state(), list[str]()
    watch = watch_spikes(model, lambda name, spikes: seen.append(name))
    with memory.saving(lambda: model(X)):
        assert_equal(model.state_dict(), before)
        assert torch.equal(torch.get_rng_state(), draws)
        assert not seen
        outputs = model(X)
    assert memory.mode == mode
    assert len(seen) == 3
    watch.remove()
    outputs.sum().backward()
    assert said[0].startswith("train: a step takes about ")
    assert f'memory = "{mode}"' in said[0]
    assert ("are free" in said[0]) == (not given and arrays is not None)
    with memory.saving(lambda: pytest.fail("the mode is known")):
        model(X)
    assert len(said) == 1


def test_what_is_continued_takes_the_same(model: nn.Module) -> None:
    said: list[str] = []
    memory = memory_of(model, said, memory_limit=11 * ARRAY / 1e9)
    assert memory.state_dict() is None
    with memory.saving(lambda: model(X)):
        model(X)
    again = memory_of(model, said, memory.state_dict())  # with all that is free
    with again.saving(lambda: pytest.fail("the mode is known")):
        model(X[:, :2])
    assert again.mode == "compress"
    assert again.state_dict() == memory.state_dict()
    assert len(said) == 2


def test_the_optimizer_counts(model: nn.Module) -> None:
    count = sum(p.numel() for p in model.parameters()) * 4
    buffers = sum(b.numel() * b.element_size() for b in model.buffers())
    for optimizer, states in (
        (torch.optim.SGD(model.parameters(), lr=0.1), 0),
        (torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 1),
        (torch.optim.AdamW(model.parameters()), 2),
        (torch.optim.AdamW(model.parameters(), amsgrad=True), 3),
        (torch.optim.RMSprop(model.parameters()), 2),
    ):
        whole, new = step_memory._weights(model, optimizer, averaged=False)
        assert (whole, new) == (count * (2 + states) + buffers, count * (1 + states))
        assert step_memory._weights(model, optimizer, averaged=True)[0] == whole + count + buffers


def test_free_memory(tmp_path: Path) -> None:
    free = free_memory(torch.device("cpu"))
    assert free is None or free > 1e6
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       200 kB\nMemAvailable:       77 kB\n")
    assert _available(meminfo) == 77 * 1024
    assert _available(tmp_path / "none") is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 50\n")
    assert _left(tmp_path) == 350
    (tmp_path / "memory.max").write_text("max\n")
    assert _left(tmp_path) is None
