"""An epoch of the engine's training loop, against the same epoch written by hand.

Both read the same batches of images in memory, run the same network (LIF neurons on a constant input), count
loss and accuracy, and let AdamW take a step. The engine besides says whose code fails, checks every loss,
takes the norm of the gradient now and then, watches the clock for checkpoints, and times the data. After the
rounds both networks must have the same weights to the last bit.

python tests/benchmarks/bench_train_loop.py
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measure import alternate, parser, set_up, show
from torch import nn

from snnplug import Registry, Splits, Task
from snnplug.engine.course import Course
from snnplug.engine.data import order
from snnplug.engine.device import alone, deterministic, usual_settings
from snnplug.engine.parts import Parts, make_parts
from snnplug.engine.progress import Reporter
from snnplug.engine.session import Session
from snnplug.engine.train_section import TrainSection
from snnplug.engine.training import _Trainer
from snnplug.nn import ImageSplit
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.runs.directory import RunDirectory
from snnplug.seeds import derive_seed


class Size(NamedTuple):
    """What is trained, and how many batches are timed at once."""

    architecture: dict[str, Any]
    shape: tuple[int, int, int]
    steps: int
    batch: int
    batches: int


SIZES = {
    "small": Size({"use": "vgg", "layers": [8, "M", 16, "M"]}, (1, 8, 8), 4, 64, 40),
    "middle": Size({"use": "mnist_cnn"}, (1, 28, 28), 10, 64, 10),
    "large": Size({"use": "vgg", "layers": [32, 32, "M", 64, 64, "M", 128, 128, "M"]}, (3, 32, 32), 4, 32, 2),
}
OPTIMIZER = {"use": "adamw", "lr": 1e-3}


def make(size: Size, device: torch.device) -> Parts:
    """Return the parts around a network, with random images."""
    generator = torch.Generator().manual_seed(0)
    count = size.batch * size.batches
    split = ImageSplit(
        torch.rand(count, *size.shape, generator=generator),
        torch.randint(10, (count,), generator=generator),
    )
    recipe = Recipe.from_dict(
        {
            "dataset": {"use": "digits"},
            "encoder": {"use": "direct", "steps": size.steps},
            "neuron": {"use": "lif"},
            "architecture": size.architecture,
            "loss": {"use": "sdt"},
        }
    )
    plan = make_plan(recipe, Registry.from_installed(quiet=True))
    task = Task(input_shape=size.shape, classes=10)
    return make_parts(plan, device, Splits(task=task, train=split, val=None, test=None))


def engine(parts: Parts, model: nn.Module, size: Size, folder: Path) -> Callable[[], object]:
    """Return the training of an epoch by the engine; the epoch is always the first."""
    session = Session(
        parts=parts, directory=RunDirectory(folder), fabric=alone(parts.device), report=Reporter(quiet=True)
    )
    section = TrainSection(batch_size=size.batch, optimizer=OPTIMIZER, schedule="constant")
    trainer = _Trainer(session, parts, model, section, "train", None, Course(), 1, torch.get_num_threads())

    def epoch() -> None:
        bar = session.report.bar("train", size.batches, 0, told=False)
        with bar as shown, trainer.course.epoch(trainer.fabric, trainer._begin()):
            trainer._epoch(0, shown)

    return epoch


def by_hand(parts: Parts, model: nn.Module, size: Size) -> Callable[[], object]:
    """Return the same, written out."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=OPTIMIZER["lr"])
    split = parts.splits.train
    assert parts.loss is not None
    loss_of = parts.loss

    def epoch() -> tuple[float, float]:
        model.train()
        loss_sum = correct = 0.0
        indices = order(len(split), derive_seed(parts.seed, "epoch order", 0))
        for part in torch.split(indices, size.batch):
            images, labels = split.batch(part)
            images, labels = images.to(parts.device), labels.to(parts.device)
            outputs = model(images.unsqueeze(0).expand(size.steps, *images.shape))
            loss = loss_of(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                loss_sum += float(loss) * len(labels)
                correct += float((loss_of.readout(outputs).argmax(1) == labels).sum())
        return loss_sum / len(split), correct / len(split)

    return epoch


def main() -> None:
    """Measure each size, then compare the weights."""
    options = parser(__doc__.split("\n", 1)[0])
    options.add_argument("--sizes", nargs="+", choices=SIZES, default=[*SIZES])
    options = options.parse_args()
    set_up(options)
    warnings.simplefilter("ignore")
    for name in options.sizes:
        size = SIZES[name]
        if options.quick:
            size = size._replace(batch=4, batches=2)
        parts = make(size, torch.device(options.device))
        ours, hand = (parts.network(None, "train") for _ in range(2))
        print(f"{name}: {size.architecture}, {size.shape}, T = {size.steps}, {size.batches} x {size.batch}")
        with tempfile.TemporaryDirectory() as folder, usual_settings(), deterministic():
            contestants = {
                "by hand": by_hand(parts, hand, size),
                "snnplug": engine(parts, ours, size, Path(folder)),
            }
            show(alternate(contestants, options), {}, "by hand")
        pairs = zip(ours.parameters(), hand.parameters(), strict=True)
        assert all(torch.equal(mine, theirs) for mine, theirs in pairs), "they did not train alike"


if __name__ == "__main__":
    main()
