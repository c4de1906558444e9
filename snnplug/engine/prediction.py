"""The network of a run directory, built again and filled with its weights, and what it says of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts import Splits, Task
from snnplug.engine.data import fit_steps
from snnplug.engine.device import find_place, usual_settings
from snnplug.engine.parts import Parts, make_parts
from snnplug.errors import ContractError, DataError, RunDirectoryError
from snnplug.nn import watch_spikes
from snnplug.recipe.plan import make_plan
from snnplug.recipe.recipe import Recipe
from snnplug.registry.registry import LOCAL, Registry
from snnplug.runs.opening import directory_at
from snnplug.runs.reading import Records
from snnplug.runs.records import Resolved

__all__ = ["Prediction", "Predictor", "make_predictor", "no_samples", "with_samples"]

_KINDS = ("encoder", "neuron", "architecture", "search_space", "loss")  # that a network is made of


@attrs.frozen(eq=False)
class Prediction:
    """What a network says of some samples.

    Attributes:
        labels: class indices `[B]`.
        probabilities: `[B, K]`, the softmax of the class scores.
        spikes: number of spikes of all neurons and steps, `[B]`.
    """

    labels: Tensor
    probabilities: Tensor
    spikes: Tensor

    def __repr__(self) -> str:
        return f"<Prediction of {len(self.labels)}: labels {self.labels[:10].tolist()}>"


@attrs.frozen(eq=False)
class Predictor:
    """A trained network with the parts around it."""

    parts: Parts
    model: nn.Module

    def encode(self, values: Tensor) -> Tensor:
        """Return values as the network's input, `[T, B, C, H, W]`."""
        return self.parts.encode(self._fitted(values), "predict")

    def predict(self, images: Any, batch_size: int) -> Prediction:
        """Classify one image, a batch, or the batches of a loader."""
        with usual_settings(), torch.no_grad():
            found = [self._batch(batch) for batch in self._batches(images, batch_size)]
        if not found:
            raise DataError("there are no images to classify")
        return Prediction(*(torch.cat(part) for part in zip(*found, strict=True)))

    def _batches(self, images: Any, batch_size: int) -> Iterator[Tensor]:
        is_array = isinstance(images, Tensor) or hasattr(images, "__array__")
        if isinstance(images, Iterable) and not is_array:
            for batch in images:
                values = batch[0] if isinstance(batch, list | tuple) else batch
                yield from self._batches(torch.as_tensor(values), batch_size)
            return
        values = torch.as_tensor(images)
        task = self.parts.splits.task
        axes = len(task.input_shape) + int(task.events)
        values = values.unsqueeze(0) if values.ndim == axes else values
        if values.ndim != axes + 1 or tuple(values.shape[-len(task.input_shape) :]) != task.input_shape:
            time = ["T"] if task.events else []
            shape = ", ".join([*time, *map(str, task.input_shape)])
            raise DataError(
                f"the network takes one image [{shape}] or a batch [B, {shape}], got {list(values.shape)}"
            )
        if not values.is_floating_point() and task.values != "scaled":
            values = values.float()
        if not values.is_floating_point():
            raise DataError(f"images are floats in [0, 1], got {values.dtype}; divide 8-bit ones by 255")
        yield from torch.split(values, batch_size)

    def _fitted(self, values: Tensor) -> Tensor:
        fit = self.parts.fit
        return values if fit is None else fit_steps(values, fit, dim=1)

    def _batch(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        spikes = torch.zeros(len(values), dtype=torch.float64, device=self.parts.device)

        def count(name: str, seen: Tensor) -> None:
            spikes.add_((seen != 0).flatten(2).sum((0, 2)))

        watch = watch_spikes(self.model, count)
        try:
            scores = self.parts.readout(self.parts.calls.network(self.model, self.encode(values)))
        finally:
            watch.remove()
        return scores.argmax(1).cpu(), scores.softmax(1).cpu(), spikes.cpu()


def make_predictor(records: Records, registry: Registry, device: str) -> Predictor:
    """Return the trained network of a run directory.

    Args:
        records: of the directory.
        registry: where names are looked up.
        device: "cpu" or "cuda".

    Raises:
        RunDirectoryError: nothing was trained, a file is damaged, or a plugin is not installed.
    """
    directory = directory_at(records.directory)
    path, resolved, task = records.directory, records.resolved, records.resolved.task
    kinds = _KINDS if task is not None else (*_KINDS, "dataset")
    if missing := _missing(resolved, kinds, registry):
        raise RunDirectoryError(f"{path}: {missing}")
    recipe = Recipe.from_dict(resolved.recipe)
    splits = None if task is None else no_samples(task)
    parts = make_parts(make_plan(recipe, registry, kinds), find_place(device).device, splits)
    found = records.summary.search if records.summary is not None else None
    genotype = found.best if found is not None else None
    if not directory.writable:
        _refuse_files(parts, path)
    if parts.space is not None and genotype is None:
        raise RunDirectoryError(f"{path} is not finished; run: snnplug run --resume {path}")
    restored = None
    for spec in reversed(recipe.running):
        restored = restored or spec.load()().restore(parts, directory, genotype)
    if restored is None:
        gone = [name for name in records.problems if name.startswith("checkpoint")]
        if gone:
            raise RunDirectoryError(records.problems[gone[0]])
        raise RunDirectoryError(
            f"{path} holds no trained network: its recipe trains none, or has not come to it"
        )
    return Predictor(restored.parts, restored.network)


def _refuse_files(parts: Parts, path: Path) -> None:
    """Refuse a shared run whose network would be read from a file, which may be anything."""
    architecture = parts.plan.get("architecture")
    if architecture is not None and getattr(architecture.spec, "trained", False):
        raise RunDirectoryError(
            f"{path} reads its network from a file ({architecture.qualified}), and a shared run is built of "
            "names alone"
        )


def no_samples(task: Task) -> Splits:
    """Return the splits of a data set that is not at hand: what its samples are like is all that is known."""
    return Splits(task=task, train=(), val=None, test=None)


def with_samples(parts: Parts, records: Records, registry: Registry) -> Parts:
    """Return the parts of a run with the samples of its data set.

    Raises:
        ContractError: the data set is no longer that of the run.
        DataError: it cannot be read.
    """
    plan = make_plan(Recipe.from_dict(records.resolved.recipe), registry)
    whole = make_parts(plan, parts.device)
    if whole.splits.task != parts.splits.task:
        raise ContractError(
            f"{records.directory}: the data set is no longer that on which the network was trained"
        )
    return attrs.evolve(parts, splits=whole.splits, plan=plan)


def _missing(resolved: Resolved, kinds: Iterable[str], registry: Registry) -> str:
    """Return one line that says which distributions to install, empty if none is missing."""
    versions = {use.use.rpartition(":")[0]: use.version for use in resolved.components}
    used = [use for use in resolved.components if use.kind in kinds]
    needed = {name for use in used for name in (use.use, *use.nested_names())}
    there = {registration.qualified for registration in registry}
    plugins = sorted({name.rpartition(":")[0] for name in needed - there})
    if LOCAL in plugins:
        return "this run uses things that were registered from Python; give load the registry that has them"
    if not plugins:
        return ""
    said = ", ".join(f"{plugin} {versions.get(plugin, '')}".strip() for plugin in plugins)
    return f"this run needs {said}, not installed here; run: pip install {' '.join(plugins)}"
