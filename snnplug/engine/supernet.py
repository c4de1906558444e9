"""A supernet in training, and where its weights are afterwards.

Every batch trains one path, drawn from the seed, the epoch and the number of the batch alone: never from the
process, so that several train the same one. It is judged by the mean over a fixed sample of paths.
"""

from __future__ import annotations

import io
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts import Genotype, SearchSpace
from snnplug.engine.course import Course, best_epoch
from snnplug.engine.evaluate import Evaluation, evaluate
from snnplug.engine.parts import Parts
from snnplug.errors import ContractError, one_line
from snnplug.nn import count_spikes, is_materialized, materialize
from snnplug.registry.contain import refuse
from snnplug.runs.damage import UNREADABLE, damaged, missing
from snnplug.runs.directory import RunDirectory
from snnplug.runs.reading import structure
from snnplug.runs.records import Epoch
from snnplug.seeds import derive_seed

__all__ = [
    "Paths",
    "Shared",
    "Trained",
    "build_supernet",
    "kept_epoch",
    "shared_chain",
    "shared_network",
]

_MOST_PATHS = 10_000  # drawn until every parameter has a shape


def _known(facts: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in facts.items() if value is not None}


@attrs.frozen
class Shared:
    """The weights of a trained supernet.

    Attributes:
        directory: of the run that holds them.
        name: of the checkpoint.
        facts: what its training has found out, such as mean spikes per sample.
        content: of the checkpoint, for a process that may not see the directory; None to read it there.
    """

    directory: Path
    name: str
    facts: Mapping[str, float] = attrs.field(factory=dict, converter=_known)
    content: bytes | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, directory: RunDirectory, name: str) -> Shared:
        """Return what the checkpoint of a run holds; arguments as those of `Trained.read`."""
        return cls(directory.path, name, Trained.read(directory, name).kept.facts)

    def load(self, parts: Parts) -> nn.Module:
        """Return the supernet with its weights, on the device of the parts.

        On the CPU they stay in the file, which is mapped: processes share one copy, and none writes to it.
        """
        state = self._state()
        if state is None:
            raise ContractError(f"there is no {self.directory / self.name}: no supernet has been trained")
        supernet = build_supernet(parts)
        try:
            supernet.load_state_dict(state["model"], assign=parts.device.type == "cpu")
        except RuntimeError as error:
            raise ContractError(
                f"the supernet in {self.directory} is not that of this search space: {one_line(error)}"
            ) from error
        return supernet.eval()

    def carried(self) -> Shared:
        """Return the same with the content of its checkpoint."""
        return attrs.evolve(self, content=(self.directory / self.name).read_bytes())

    def _state(self) -> dict[str, Any] | None:
        if self.content is None:
            return RunDirectory(self.directory).load_checkpoint(self.name, mapped=True)
        state: dict[str, Any] = torch.load(io.BytesIO(self.content), map_location="cpu", weights_only=True)
        return state


@attrs.frozen
class Trained:
    """What a checkpoint says of the training of a supernet.

    Attributes:
        epochs: how many it has had.
        kept: the epoch whose weights it has.
        complete: whether the training has ended.
    """

    epochs: int
    kept: Epoch
    complete: bool

    @classmethod
    def read(cls, directory: RunDirectory, name: str) -> Trained:
        """Read a checkpoint of a run, without its weights.

        Raises:
            RunDirectoryError: it is damaged or missing.
        """
        state = directory.load_checkpoint(name, mapped=True)
        if state is None:
            raise missing(directory.path, name)
        try:
            history = [structure(epoch, Epoch) for epoch in state["history"]]
            kept = kept_epoch(history, best=bool(state["best_model"]))
        except UNREADABLE as error:
            raise damaged(directory.path, name, error) from error
        return cls(len(history), kept, state.get("complete", True))


def kept_epoch(history: Sequence[Epoch], *, best: bool) -> Epoch:
    """Return the epoch whose weights are those of the supernet."""
    return history[best_epoch(history)] if best else history[-1]


def build_supernet(parts: Parts) -> nn.Module:
    """Return the supernet of the space: seeded, on the device, every parameter with its shape.

    Raises:
        ContractError: the space has none, or some parameter is on no path.
    """
    space: Any = parts.space
    if not callable(getattr(space, "supernet", None)):
        raise ContractError(f"{type(space).__name__} has no supernet; choose another search space")

    def shape(model: Any, x: Tensor) -> None:
        rng = random.Random(derive_seed(parts.seed, "supernet paths"))
        for _ in range(_MOST_PATHS):
            model.select(space.sample(rng))
            materialize(model, x, partly=True)
            if is_materialized(model):
                return
        materialize(model, x)  # says what is on no path

    return parts.build(space.supernet, "search.supernet", shape=shape)


def shared_network(parts: Parts, supernet: Any, genotype: Genotype, key: str) -> nn.Module:
    """Return the network of a genotype with its copy of a supernet's weights, in evaluation mode."""
    network = parts.network(genotype, key, "inherited")
    with parts.calls.running:
        network.load_state_dict(dict(supernet.weights(genotype)))
    return network.eval()


def shared_chain(parts: Parts, supernet: Any, genotype: Genotype) -> list[tuple[str, nn.Module]] | None:
    """Return the parts of a supernet that run for a genotype, in evaluation mode; None if it tells none."""
    if not callable(getattr(supernet, "chain", None)):
        return None
    with parts.calls.running:
        chain: list[Any] = list(supernet.eval().chain(genotype))
        for part in chain:
            if not (isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], nn.Module)):
                refuse(parts.calls.root, "a chain of parts (text, torch.nn.Module)", part)
    return chain


class Paths(Course):
    """Single-path training: uniform draws, judged by a fixed sample of paths.

    Args:
        parts: with a search space.
        model: the supernet.
        count: paths that it is judged by.
    """

    def __init__(self, parts: Parts, model: Any, count: int) -> None:
        assert parts.space is not None
        self.parts, self.model, self.space = parts, model, parts.space
        self.sample = list(_different(self.space, derive_seed(parts.seed, "validation paths"), count))

    @contextmanager
    def epoch(self, fabric: Any, counted: Mapping[str, float]) -> Iterator[dict[str, float]]:
        """Find the mean spikes per sample, of neurons and with those that pools pass on."""
        facts: dict[str, float] = {}
        self.before, self.samples = counted, 0

        def count(module: nn.Module, args: tuple[Any, ...]) -> None:
            self.samples += args[0].shape[1]

        hook = self.model.register_forward_pre_hook(count)
        try:
            with count_spikes(self.model) as self.total:
                yield facts
        finally:
            hook.remove()
        sums = torch.tensor(list(self.counted().values()), dtype=torch.float64)
        if fabric.world_size > 1:
            sums = fabric.all_reduce(sums.to(fabric.device), reduce_op="sum").cpu()
        neurons, pools, samples = sums.tolist()
        facts |= {"spikes": neurons / samples, "spikes_and_pools": (neurons + pools) / samples}

    def counted(self) -> dict[str, float]:
        """Return spikes and samples of the epoch so far."""
        now = {"neurons": self.total.neurons, "pools": self.total.pools, "samples": self.samples}
        return {name: self.before.get(name, 0.0) + float(value) for name, value in now.items()}

    def before_batch(self, epoch: int, step: int) -> None:
        """Select the path of a step."""
        rng = random.Random(derive_seed(self.parts.seed, "path", epoch, step))
        with self.parts.calls.running:
            self.model.select(self.space.sample(rng))

    def validate(self, parts: Parts, model: Any, batch_size: int) -> Evaluation | None:
        """Return the mean loss and accuracy over the sample of paths."""
        scores = []
        for genotype in self.sample:
            with parts.calls.running:
                model.select(genotype)
            score = evaluate(parts, model, parts.splits.val, "val", batch_size)
            if score is None:
                return None
            scores.append(score)
        return Evaluation(
            statistics.fmean(score.loss for score in scores),
            statistics.fmean(score.accuracy for score in scores),
        )


def _different(space: SearchSpace, seed: int, count: int) -> Iterator[Genotype]:
    """Yield genotypes of different networks, as many as wanted or as are found."""
    rng = random.Random(seed)
    seen: set[str] = set()
    for _ in range(100 * count):
        if len(seen) == count:
            return
        genotype = space.sample(rng)
        if (key := space.key(genotype)) not in seen:
            seen.add(key)
            yield genotype
