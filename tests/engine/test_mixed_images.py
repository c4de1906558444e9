"""Mixed images train a network, with the labels mixed alike; a loss that takes none is refused before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch.nn.functional as F
from torch import Tensor

from snnplug import DatasetSpec, LossSpec, Registry, Splits, run
from snnplug.errors import ContractError
from snnplug.nn import Loss

MIXED: dict[str, Any] = {
    "dataset": {"use": "digits", "augment": [{"use": "crop", "pad": 1}, "mixup", "cutmix"]},
    "encoder": {"use": "direct", "steps": 1},
    "neuron": {"use": "relu"},
    "architecture": {"use": "vgg", "layers": [8, "M"]},
    "loss": {"use": "sdt"},
    "train": {"epochs": 2, "batch_size": 64},
}


class HardLabels(Loss):
    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(outputs.mean(0).log_softmax(1), target)


class Seen(Loss):
    """Keeps the targets that it is given."""

    targets: list[Tensor]

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        Seen.targets.append(target)
        return F.cross_entropy(outputs.mean(0), target)


def registry(loss: type[Loss]) -> Registry:
    found = Registry([*Registry.from_installed(quiet=True)])
    found.register(LossSpec(name="mine", target=loss, summary="For tests."))
    return found


def test_a_network_learns_from_mixed_images_and_a_seed_repeats_it(tmp_path: Path) -> None:
    runs = [run(MIXED, out=tmp_path / name) for name in ("one", "two")]
    first, again = (done.summary["accuracy"] for done in runs)
    assert first == again
    assert first["test"] > 0.3


def test_the_loss_gets_probabilities_in_training_and_labels_elsewhere(tmp_path: Path) -> None:
    Seen.targets = []
    run({**MIXED, "loss": {"use": "mine"}}, out=tmp_path / "run", registry=registry(Seen))
    mixed = [target for target in Seen.targets if target.ndim == 2 and len(target) > 2]
    assert len(mixed) == 2 * 20  # batches of 64 out of 1258, but for the one that was tried before
    assert any(0 < target.max(1).values.min() < 1 for target in mixed)
    assert any(target.ndim == 1 and len(target) > 2 for target in Seen.targets)  # validation


def test_a_loss_that_takes_no_probabilities_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        run({**MIXED, "loss": {"use": "mine"}}, out=tmp_path / "run", registry=registry(HardLabels))
    message = str(caught.value)
    assert "does not take the class probabilities [B, K]" in message
    assert "leave what mixes labels, as mixup and cutmix do, out of dataset.augment" in message
    assert not (tmp_path / "run").exists()
    hard = {**MIXED, "dataset": {"use": "digits", "augment": ["crop"]}, "loss": {"use": "mine"}}
    hard["train"] = {"epochs": 1, "batch_size": 256}
    run(hard, out=tmp_path / "other", registry=registry(HardLabels))


def test_training_accuracy_takes_the_larger_part_of_mixed_labels(tmp_path: Path) -> None:
    def shifted(*, larger: float) -> Splits:
        """Digits of which the next class is the larger part, or the smaller one."""

        def mix(values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            this, following = (F.one_hot((labels + step) % 10, 10) for step in (0, 1))
            return values, larger * following + (1 - larger) * this

        splits: Splits = Registry.from_installed(quiet=True).create("dataset", "digits")
        splits.train.mix = mix
        return splits

    found = Registry([*Registry.from_installed(quiet=True)])
    found.register(DatasetSpec(name="shifted", target=shifted, summary="For tests."))
    for larger in (0.7, 0.3):
        recipe = {**MIXED, "dataset": {"use": "shifted", "larger": larger}}
        run(recipe, out=tmp_path / str(larger), registry=found)
        lines = map(json.loads, (tmp_path / str(larger) / "metrics.jsonl").read_text().splitlines())
        last = [line for line in lines if line["stage"] == "train"][-1]
        assert last["accuracy"] > 0.3
        assert (last["val_accuracy"] < 0.1) is (larger > 0.5)  # of labels that are not mixed
