"""Data with a time axis through a whole run: samples `[T, C, H, W]`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
import toys
from torch import Generator, Tensor, nn

import snnplug
from snnplug import ArchitectureSpec, Component, DatasetSpec, EncoderSpec, Registry, Splits, Task
from snnplug.engine.data import fit_steps
from snnplug.errors import ContractError, DataError, ParameterError
from snnplug.nn import Encoder, FrameSplit, ImageSplit


class Frames(Encoder):
    """Passes frames on."""

    def __init__(self, task: Task, *, steps: int | None = None) -> None:
        super().__init__(task, steps)

    def forward(self, values: Tensor, generator: Generator | None = None) -> Tensor:
        if values.shape[1] != self.steps:
            raise ContractError(f"the data has {values.shape[1]} steps; set steps = {values.shape[1]}")
        return values.transpose(0, 1)


class Listed(torch.utils.data.Dataset[Any]):
    """Samples one by one, of the numbers of steps given in turn."""

    def __init__(self, lengths: tuple[int, ...], count: int = 24) -> None:
        self.lengths, self.count = lengths, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label, steps = index % 2, self.lengths[index % len(self.lengths)]
        frames = torch.zeros(steps, 2, 3, 3)
        frames[:, label] = 1.0
        return frames, label


def recorded(*, bins: int = 5, states: bool = True) -> Splits:
    """Frames in memory, with or without a word on their number."""
    frames, labels = zip(*(Listed((bins,))[i] for i in range(24)), strict=True)
    part = ImageSplit(torch.stack(frames), torch.tensor(labels))
    task = Task(input_shape=(2, 3, 3), classes=2, events=True, steps=bins if states else None)
    return Splits(task=task, train=part, val=part, test=part)


def listed(*, lengths: tuple[int, ...] = (4, 2, 6), steps: int = 0) -> Splits:
    """Frames of different numbers of steps; below 0 nothing is said of them."""
    part = Listed(lengths)
    task = Task(input_shape=(2, 3, 3), classes=2, events=True, steps=None if steps < 0 else steps)
    return Splits(task=task, train=part, val=part, test=part)


def counted(*, shape: tuple[int, ...] = (2, 3, 3), bins: int = 5) -> Splits:
    """Counts of events, 8-bit; the class says where there are more."""
    labels = torch.arange(24) % 2
    chances = torch.ones(24, bins, *shape)
    chances[:, :, 0] += 3.0 * labels.view(-1, 1, *[1] * (len(shape) - 1))
    frames = torch.poisson(chances, generator=Generator().manual_seed(0)).to(torch.uint8)
    part = FrameSplit(frames, labels)
    task = Task(input_shape=shape, classes=2, events=True, steps=bins, values="counts")
    return Splits(task=task, train=part, val=part, test=part)


class Flat(nn.Module):
    """A linear layer, neurons and a readout on inputs of any shape."""

    def __init__(self, task: Task, neuron: Component) -> None:
        super().__init__()
        self.first = nn.Linear(math.prod(task.input_shape), 8)
        self.neuron, self.last = neuron.build(), nn.Linear(8, task.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.neuron(self.first(x.flatten(2))))


def flat(task: Task, *, neuron: Component) -> nn.Module:
    """Build it."""
    return Flat(task, neuron)


@pytest.fixture
def registry() -> Registry:
    registry = toys.toy_registry()
    registry.register(EncoderSpec(name="frames", target=Frames, summary="Frames."))
    registry.register(DatasetSpec(name="recorded", target=recorded, summary="In memory."))
    registry.register(DatasetSpec(name="listed", target=listed, summary="One by one."))
    registry.register(DatasetSpec(name="counted", target=counted, summary="Counts."))
    registry.register(ArchitectureSpec(name="flat", target=flat, summary="Linear."))
    return registry


def recipe(dataset: dict[str, Any], encoder: dict[str, Any], *, search: bool = True) -> dict[str, Any]:
    data = {**toys.RECIPE, "dataset": dataset, "encoder": encoder}
    if not search:
        del data["search"]
        data["architecture"] = {"use": "toy"}
    return data


@pytest.mark.parametrize("search", [True, False], ids=("search", "architecture"))
@pytest.mark.parametrize("states", [True, False], ids=("stated", "read"))
def test_a_whole_run(registry: Registry, tmp_path: Path, search: bool, states: bool) -> None:
    given = recipe({"use": "recorded", "states": states}, {"use": "frames", "steps": 5}, search=search)
    done = snnplug.run(given, out=tmp_path / "run", registry=registry)
    assert done.summary["latency_steps"] == 5
    assert done.summary["accuracy"]["test"] > 0.9
    assert "time step" in (tmp_path / "run" / "report.html").read_text()
    task = done.records.resolved.task
    assert task is not None
    assert (task.steps, task.events) == (5, True)
    loaded = snnplug.load(tmp_path / "run", registry=registry)
    frames, _ = recorded().test.batch(torch.arange(8))
    assert torch.equal(loaded.predict(frames).labels, done.predict(frames).labels)
    assert loaded.predict(frames[0]).labels.shape == (1,)
    with pytest.raises(DataError, match=r"one image \[T, 2, 3, 3\] or a batch \[B, T, 2, 3, 3\]"):
        loaded.predict(frames[0, 0])


@pytest.mark.parametrize("steps", [2, 7])
@pytest.mark.parametrize("states", [True, False])
def test_another_number_of_steps_is_refused_with_the_right_one(
    registry: Registry, tmp_path: Path, steps: int, states: bool
) -> None:
    given = recipe({"use": "recorded", "states": states}, {"use": "frames", "steps": steps})
    with pytest.raises(ContractError, match="set steps = 5"):
        snnplug.run(given, out=tmp_path / "run", registry=registry)
    assert not (tmp_path / "run").exists()


def test_variable_lengths_are_cut_and_padded(registry: Registry, tmp_path: Path) -> None:
    given = recipe({"use": "listed"}, {"use": "frames", "steps": 4})
    done = snnplug.run(given, out=tmp_path / "run", registry=registry)
    assert done.summary["latency_steps"] == 4
    assert done.summary["accuracy"]["test"] > 0.9
    loaded = snnplug.load(tmp_path / "run", registry=registry)
    longer = torch.stack([listed(lengths=(6,)).train[i][0] for i in range(4)])
    assert torch.equal(loaded.predict(longer).labels, loaded.predict(longer[:, :4]).labels)


def test_the_rule_of_cutting_and_padding() -> None:
    frames = torch.arange(1.0, 4.0).view(3, 1, 1, 1)
    assert fit_steps(frames, 2).flatten().tolist() == [1, 2]
    assert fit_steps(frames, 3) is not None
    assert fit_steps(frames, 5).flatten().tolist() == [1, 2, 3, 0, 0]


@pytest.mark.parametrize("steps", [4, -1], ids=("stated", "unsaid"))
def test_lengths_that_differ_unsaid_are_named(registry: Registry, tmp_path: Path, steps: int) -> None:
    given = recipe({"use": "listed", "steps": steps}, {"use": "frames", "steps": 4}, search=False)
    with pytest.raises(DataError, match=r"sample 1 has 2 time steps, its task says 4; say 0 if they differ"):
        snnplug.run(given, out=tmp_path / "run", registry=registry)


def test_a_static_encoder_is_told(registry: Registry, tmp_path: Path) -> None:
    given = recipe({"use": "recorded"}, {"use": "toy", "steps": 5})
    with pytest.raises(ContractError, match="for data with a time axis, use one that keeps it"):
        snnplug.run(given, out=tmp_path / "run", registry=registry)


def test_samples_without_a_time_axis_are_told(registry: Registry, tmp_path: Path) -> None:
    def flat() -> Splits:
        part = ImageSplit(torch.zeros(4, 2, 3, 3), torch.tensor([0, 1, 0, 1]))
        return Splits(
            task=Task(input_shape=(2, 3, 3), classes=2, events=True), train=part, val=part, test=part
        )

    registry.register(DatasetSpec(name="flat", target=flat, summary="No time."))
    with pytest.raises(ContractError, match=r"a sample is \[T, 2, 3, 3\]; its first one is \[2, 3, 3\]"):
        snnplug.run(recipe({"use": "flat"}, {"use": "frames"}), out=tmp_path / "run", registry=registry)


def test_installed_encoders(tmp_path: Path, registry: Registry) -> None:
    pytest.importorskip("snnplug_encoders")
    both = registry.merged(Registry.from_installed(quiet=True))
    for name, words in (("latency", "use the encoder 'direct'"), ("poisson", "use the encoder 'direct'")):
        given = recipe({"use": "recorded"}, {"use": f"snnplug-encoders:{name}", "steps": 5})
        with pytest.raises(ContractError, match=words):
            snnplug.run(given, out=tmp_path / "run", registry=both)


@pytest.mark.parametrize("shape", [(2, 3, 3), (7,)], ids=("images", "rows"))
def test_counts_stay_whole_and_each_event_is_an_operation(
    registry: Registry, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    given = recipe({"use": "counted", "shape": list(shape)}, {"use": "frames"}, search=False)
    given["architecture"] = {"use": "flat"}
    done = snnplug.run(given, out=tmp_path / "run", registry=registry)
    assert done.summary["latency_steps"] == 5  # those of the data
    first = done.activity.synapses["first"]
    assert not first.analog
    frames = counted(shape=shape).test.images.double()
    assert first.operations == [float(step.sum() * 8) for step in frames.unbind(1)]
    assert done.summary["macs"] == 0
    loaded = snnplug.load(tmp_path / "run", registry=registry)
    as_bytes = loaded.predict(frames[:4].to(torch.uint8)).labels
    assert torch.equal(as_bytes, loaded.predict(frames[:4].float()).labels)


def test_steps_must_be_given_where_samples_differ(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="steps must be given: samples of this data have different"):
        snnplug.run(recipe({"use": "listed"}, {"use": "frames"}), out=tmp_path / "run", registry=registry)


def test_values_that_are_none_of_the_known_are_refused(registry: Registry, tmp_path: Path) -> None:
    def odd() -> Splits:
        good = counted()
        return attrs.evolve(good, task=attrs.evolve(good.task, values="spikes"))

    registry.register(DatasetSpec(name="odd", target=odd, summary="Odd."))
    with pytest.raises(ContractError, match=r"one of scaled, binary, counts as Task\.values, got 'spikes'"):
        snnplug.run(recipe({"use": "odd"}, {"use": "frames"}), out=tmp_path / "run", registry=registry)
