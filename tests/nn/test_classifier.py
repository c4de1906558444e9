"""Network, encoder and loss as one module, in loops of other libraries."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from snnplug import Registry, Task
from snnplug.errors import ContractError
from snnplug.nn import Classifier

REGISTRY = Registry.from_installed()


def test_a_classifier_takes_samples_and_gives_scores_and_loss() -> None:
    task = Task(input_shape=(1, 8, 8), classes=3, steps=4)
    network = REGISTRY.use("architecture", "dense", neuron=REGISTRY.use("neuron", "lif"), hidden=(6,)).build(
        task
    )
    encoder = REGISTRY.create("encoder", "direct", task, steps=4)
    loss = REGISTRY.create("loss", "lts")
    values, labels = torch.rand(5, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1])
    classifier = Classifier(network, encoder, loss)
    outputs = network(encoder(values))
    assert torch.equal(classifier(values), outputs[-1])
    found = classifier(values, labels=labels)
    assert torch.equal(found["logits"], outputs[-1])
    assert torch.equal(found["loss"], loss(outputs, labels))
    assert torch.equal(Classifier(network)(encoder(values)), outputs.mean(0))
    with pytest.raises(ContractError, match="Classifier without a loss"):
        Classifier(network, encoder)(values, labels)


def test_random_encoders_of_a_classifier_follow_the_global_seed() -> None:
    task = Task(input_shape=(1, 8, 8), classes=3, steps=4)
    encoder = REGISTRY.create("encoder", "poisson", task, steps=4)
    classifier, values = Classifier(nn.Flatten(2), encoder), torch.full((2, 1, 8, 8), 0.5)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(classifier(values))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_lightning_trains_a_classifier(tmp_path: Path) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    task = Task(input_shape=(1, 8, 8), classes=3, steps=2)
    network = REGISTRY.use("architecture", "dense", neuron=REGISTRY.use("neuron", "plif"), hidden=(8,)).build(
        task
    )
    made = Classifier(
        network, REGISTRY.create("encoder", "direct", task, steps=2), REGISTRY.create("loss", "tet")
    )

    class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.classifier, self.losses = made, list[float]()

        def training_step(self, batch: Any, index: int) -> Any:
            loss = self.classifier(*batch)["loss"]
            self.losses.append(loss.item())
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.02)

    torch.manual_seed(0)
    labels = torch.arange(30) % 3
    values = torch.zeros(30, 1, 8, 8)
    values[torch.arange(30), 0, labels] = 1.0
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(values, labels), batch_size=10)
    module = Module()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning says of loaders and loggers
        trainer = lightning.Trainer(
            max_epochs=6,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(module, data)
    assert module.losses[-1] < 0.7 * module.losses[0]
