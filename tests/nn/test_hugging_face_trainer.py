"""A `Classifier` under the `Trainer` of Hugging Face's transformers: trained, evaluated, saved, loaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snnplug import Registry, Task
from snnplug.nn import Classifier

REGISTRY = Registry.from_installed()
TASK = Task(input_shape=(1, 8, 8), classes=3, steps=2)


class Samples(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Images whose brightest third tells the class."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.arange(count) % 3
        self.values = 0.2 * torch.rand(count, 1, 8, 8, generator=generator)
        for image, label in zip(self.values, self.labels.tolist(), strict=True):
            image[:, 3 * label : 3 * label + 2] += 0.7

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"values": self.values[index], "labels": self.labels[index]}


def classifier() -> Classifier:
    neuron = REGISTRY.use("neuron", "plif")
    network = REGISTRY.use("architecture", "dense", neuron=neuron, hidden=(16,)).build(TASK)
    encoder = REGISTRY.create("encoder", "direct", TASK, steps=2)
    return Classifier(network, encoder, REGISTRY.create("loss", "tet"))


@pytest.mark.filterwarnings("ignore")  # of what the library does itself
def test_a_trainer_trains_evaluates_and_saves(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers: Any = pytest.importorskip("transformers", reason="needs transformers and accelerate")
        pytest.importorskip("accelerate", reason="needs transformers and accelerate")

    def accuracy(found: Any) -> dict[str, float]:
        return {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())}

    torch.manual_seed(0)
    model = classifier()
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=6,
        per_device_train_batch_size=16,
        learning_rate=1e-2,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="epoch",
        save_total_limit=1,
    )
    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=Samples(96, 1),
        eval_dataset=Samples(48, 2),
        compute_metrics=lambda found: {
            "accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())
        },
    )
    before = trainer.evaluate()
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_loss"] < before["eval_loss"] and after["eval_accuracy"] > 0.9
    scores = trainer.predict(Samples(48, 2)).predictions
    assert scores.shape == (48, 3)
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(scores), model.eval()(Samples(48, 2).values))
    [file] = tmp_path.glob("checkpoint-*/model.safetensors")
    from safetensors.torch import load_file

    again = classifier()
    again.load_state_dict(load_file(file))
    with torch.no_grad():
        assert torch.equal(again.eval()(Samples(4, 3).values), model(Samples(4, 3).values))
