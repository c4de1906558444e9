"""A training starts from weights of a file: by name, in order, and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import snnplug
from snnplug import Registry
from snnplug.engine.starting_weights import match, read_weights
from snnplug.errors import DataError, RecipeError, RunDirectoryError

RECIPE: dict[str, Any] = {
    "dataset": {"use": "digits"},
    "encoder": {"use": "snnplug-encoders:direct", "steps": 2},
    "neuron": {"use": "lif"},
    "architecture": {"use": "resnet", "blocks": [1, 1], "widths": [4, 8]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 1, "batch_size": 512, "optimizer": {"use": "sgd", "lr": 0.0}},
}


class Block(nn.Module):
    """A residual block with torchvision's names."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )


class ANN(nn.Module):
    """A small ResNet with torchvision's names."""

    def __init__(self, classes: int = 10, inputs: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.layer1, self.layer2 = nn.Sequential(Block(4, 4)), nn.Sequential(Block(4, 8))
        self.fc = nn.Linear(8, classes)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.from_installed(quiet=True)


def started(registry: Registry, out: Path, weights: Path, **changes: Any) -> Any:
    recipe = {**RECIPE, **changes, "train": {**RECIPE["train"], "weights": str(weights)}}
    return snnplug.run(recipe, out=out, registry=registry)


def saved(model: nn.Module, file: Path, **around: str) -> Path:
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    state: Any = model.state_dict()
    for key, prefix in around.items():
        state = {key: {prefix + name: value for name, value in state.items()}, "epoch": 3}
    torch.save(state, file)
    return file


def weights_of(run: Any) -> list[torch.Tensor]:
    return [p for name, p in run.model().named_parameters()]


@pytest.mark.parametrize("around", [{}, {"state_dict": "module."}], ids=("plain", "wrapped"))
def test_an_ann_of_the_same_layers_gives_its_weights_in_order(
    registry: Registry, tmp_path: Path, around: dict[str, str]
) -> None:
    ann = ANN()
    run = started(registry, tmp_path / "run", saved(ann, tmp_path / "ann.pt", **around))
    for own, given in zip(weights_of(run), ann.parameters(), strict=True):
        assert torch.equal(own, given)
    found = run.summary["train"]
    assert (found["by"], found["new"], found["unused"]) == ("order", [], [])
    assert found["taken"] == len(ann.state_dict())
    assert len(found["sha256"]) == 64


def test_a_layer_of_another_shape_stays_new_and_is_named(registry: Registry, tmp_path: Path) -> None:
    ann = ANN(classes=100, inputs=3)
    run = started(registry, tmp_path / "run", saved(ann, tmp_path / "ann.pt"))
    found = run.summary["train"]
    assert found["new"] == ["layers.0.weight", "layers.7.weight", "layers.7.bias"]
    assert found["unused"] == ["conv1.weight", "fc.weight", "fc.bias"]
    assert torch.equal(weights_of(run)[1], ann.bn1.weight)


def test_the_network_of_another_run_with_other_neurons(registry: Registry, tmp_path: Path) -> None:
    first = snnplug.run(
        {**RECIPE, "neuron": {"use": "relu"}, "seed": 5}, out=tmp_path / "a", registry=registry
    )
    run = started(registry, tmp_path / "run", tmp_path / "a", neuron={"use": "imp", "base": "lif"})
    own = {name: p for name, p in run.model().named_parameters() if "theta" not in name}
    for given, kept in zip(weights_of(first), own.values(), strict=True):
        assert torch.equal(given, kept)
    assert run.summary["train"]["by"] == "name"
    assert all("theta" in name for name in run.summary["train"]["new"])


def test_the_file_may_go_once_it_was_taken(registry: Registry, tmp_path: Path) -> None:
    file = saved(ANN(), tmp_path / "ann.pt")
    run = started(registry, tmp_path / "run", file)
    file.unlink()
    for name in ("summary.json", "checkpoint.pt"):
        (tmp_path / "run" / name).unlink()
    again = snnplug.resume(tmp_path / "run", registry=registry)
    assert again.summary["train"] == run.summary["train"]
    assert all(map(torch.equal, weights_of(again), weights_of(run)))


def test_what_is_no_weights_is_refused_before_the_start(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("weights")
    torch.save({"epoch": 3}, tmp_path / "epoch.pt")
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "a.pt")
    torch.save({"layers.0.weight": torch.zeros(2)}, tmp_path / "shape.pt")
    (tmp_path / "folder").mkdir()
    for name, error, message in (
        ("none.pt", DataError, r"train\.weights: .*none\.pt cannot be read: No such file"),
        ("text.pt", DataError, r"text\.pt is no file of weights; make one with torch\.save"),
        ("epoch.pt", DataError, r"epoch\.pt holds no weights; expected a state_dict"),
        ("a.pt", DataError, r"such as a\.weight; here such as layers\.0\.weight.* 1 tensors, here 38"),
        ("shape.pt", DataError, r"layers\.0\.weight is \[2\], layers\.0\.weight \[4, 1, 3, 3\]"),
        ("folder", RunDirectoryError, "not a run directory"),
    ):
        with pytest.raises(error, match=message) as caught:
            started(registry, tmp_path / "run", tmp_path / name)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists()


def test_two_beginnings_are_one_too_many(registry: Registry, tmp_path: Path) -> None:
    file = saved(ANN(), tmp_path / "ann.pt")
    train = {**RECIPE["train"], "weights": str(file), "start": "inherit"}
    with pytest.raises(RecipeError, match="start = 'inherit'"):
        snnplug.run({**RECIPE, "train": train}, out=tmp_path / "run", registry=registry)


def test_torchvisions_resnet_fits_ours(registry: Registry) -> None:
    models = pytest.importorskip("torchvision").models
    task = snnplug.Task(input_shape=(3, 224, 224), classes=1000, steps=1)
    for name, depth in (("resnet18", 18), ("resnet34", 34), ("resnet50", 50)):
        with torch.device("meta"):
            ann = getattr(models, name)()
        own = registry.use("architecture", "sew_resnet", depth=depth).build(
            task, neuron=registry.use("neuron", "lif")
        )
        found = match(own, ann.state_dict(), name)
        assert (found.by, found.new, found.unused) == ("order", (), ())


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    torch.save(ANN(), tmp_path / "whole.pt")  # a pickled network
    with pytest.raises(DataError, match="no file of weights"):
        read_weights(str(tmp_path / "whole.pt"), "train.weights")
