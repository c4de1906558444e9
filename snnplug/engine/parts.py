"""What belongs to a network: the resolved recipe, data, encoder, loss, task and device.

Parts know no run directory and no progress bar, so a worker process has them whole, and a stage that
needs others, such as another encoder with more steps, makes them from these.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from snnplug.contracts import Genotype, SearchSpace, Splits, Task
from snnplug.engine.calls import Calls
from snnplug.engine.data import batches, is_apart, settle_steps
from snnplug.errors import ContractError
from snnplug.nn import Encoder, Loss, channels_last, materialize, seeded
from snnplug.recipe.plan import Plan
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, describe, refuse, title
from snnplug.seeds import derive_seed

__all__ = ["Parts", "make_parts"]

_WORKERS = 2  # that read ahead for a GPU
_METHODS = ("sample", "mutate", "crossover", "key", "build", "size", "graph")  # of a search space


@attrs.frozen(kw_only=True, slots=False)
class Parts:
    """The composed parts around a network.

    Attributes:
        plan: resolved recipe.
        splits: data, on the CPU.
        encoder, loss: built, on the device; `loss` is None where nothing needs one.
        task: what networks are built for: the data's task after encoding.
        device: where it is computed.
        encoded_by: the encoder's component.
    """

    plan: Plan
    splits: Splits
    encoder: Encoder
    loss: Loss | None
    task: Task
    device: torch.device
    encoded_by: Component

    @functools.cached_property
    def calls(self) -> Calls:
        """How the parts are called: whatever goes wrong in one names it."""
        return Calls(self.plan, self.encoder, self.encoded_by, self.loss, self.splits.task)

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.plan.recipe.seed

    @functools.cached_property
    def space(self) -> SearchSpace | None:
        """The search space, None where the recipe names an architecture."""
        component = self.plan.space
        return _search_space(component, self.task) if component is not None else None

    def readout(self, outputs: Tensor) -> Tensor:
        """Return class scores `[B, K]` of outputs `[T, B, K]`, as the loss means them."""
        return self.calls.readout(outputs)

    def encode(self, values: Tensor, *purpose: object) -> Tensor:
        """Encode a batch on the device; its randomness depends on the seed and the purpose alone."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "encode", *purpose))
        values = values.to(self.device, torch.float32, non_blocking=True)  # the type of the network
        return self.calls.encode(values, generator)

    def batches(
        self, split: Any, parts: Sequence[Tensor], *purpose: object, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield values and labels of samples of a split, as `snnplug.engine.data.batches` does.

        What samples draw depends on the seed and the purpose alone.
        """
        seed = derive_seed(self.seed, "samples", *purpose)
        return self.calls.samples(
            batches(
                split,
                parts,
                seed=seed,
                fit=self.fit,
                first=first,
                workers=self.workers,
                device=self.device,
            )
        )

    @property
    def workers(self) -> int:
        """Number of processes that read samples ahead: as `[train]` says, else so many as a GPU needs."""
        section = self.plan.recipe.train
        wanted = section.workers if section is not None else None
        return wanted if wanted is not None else _WORKERS if is_apart(self.device) else 0

    @property
    def fit(self) -> int | None:
        """Number of steps that samples are cut or padded to, None where all have the same."""
        data = self.splits.task
        return self.encoder.steps if data.events and data.steps == 0 else None

    def sample(self, count: int) -> Tensor:
        """Return an encoded input of zeros, `[T, count, C, H, W]`.

        Raises:
            ContractError: the encoder does not fit the data.
        """
        data = self.splits.task
        steps = (data.steps or self.encoder.steps,) if data.events else ()
        encoded = self.encode(torch.zeros(count, *steps, *data.input_shape), "sample")
        expected = (self.encoder.steps, count, *self.encoder.output_shape)
        if tuple(encoded.shape) != expected:
            hint = "; for data with a time axis, use one that keeps it" if data.events else ""
            raise ContractError(
                f"{title(self.encoded_by)} must return [T, B, ...] = {list(expected)} for "
                f"{count} samples, got {list(encoded.shape)}{hint}"
            )
        return encoded

    def network(self, genotype: Genotype, *purpose: object) -> nn.Module:
        """Build the network of a genotype, or the recipe's architecture; see `build`."""
        space, architecture = self.space, self.plan.get("architecture")
        if space is not None:
            return self.build(lambda: space.build(genotype), *purpose)
        assert architecture is not None
        return self.build(lambda: architecture.build(self.task), *purpose)

    def example(self) -> nn.Module:
        """Build a network to check things with: the recipe's, or one of its search space."""
        return self.network(None if self.space is None else self.space.sample(random.Random(0)), "check")

    def build(
        self,
        builder: Callable[[], nn.Module],
        *purpose: object,
        shape: Callable[[nn.Module, Tensor], None] = materialize,
    ) -> nn.Module:
        """Build a network on the device: seeded, and every parameter with its shape.

        Args:
            builder: called without arguments.
            purpose: what its seed depends on, beside the run's.
            shape: called with the network and an input, gives every parameter its shape.

        Raises:
            ContractError: it cannot run on the task's input.
        """
        with seeded(derive_seed(self.seed, "weights", *purpose)), self.calls.running:
            built: Any = builder()
            if not isinstance(built, nn.Module):
                refuse(self.calls.root, "a torch.nn.Module", built)
            model = built.to(self.device)
            shape(model, self.sample(2))
            if self.device.type == "cpu":
                channels_last(model)
            return model.train()

    def with_neuron(self, neuron: Component) -> Parts:
        """Return parts whose networks are of another neuron; all else is shared."""
        return attrs.evolve(self, plan=self.plan.with_neuron(neuron))

    def with_encoder(self, encoder: Component) -> Parts:
        """Return parts with another encoder, and thus another number of steps; data and loss are shared."""
        built = _encoder(encoder, self.splits.task, self.device)
        task = _encoded(self.splits.task, built)
        return attrs.evolve(self, encoder=built, encoded_by=encoder, task=task)


def make_parts(plan: Plan, device: torch.device, splits: Splits | None = None) -> Parts:
    """Build data, encoder and loss.

    Args:
        plan: resolved recipe.
        device: where to compute.
        splits: in place of the recipe's data set, such as none of its samples.

    Raises:
        DataError: the dataset is missing or unreadable.
        ParameterError: a parameter is out of range.
        ContractError: the parts do not fit each other.
    """
    if splits is None:
        splits = settle_steps(plan["dataset"].build(), plan["dataset"])
    encoder = _encoder(plan["encoder"], splits.task, device)
    loss = plan.get("loss")
    built = None if loss is None else loss.build()
    if loss is not None and not isinstance(built, Loss):
        raise ContractError(f"{title(loss)} must be a snnplug.nn.Loss, got {describe(built)}")
    return Parts(
        plan=plan,
        splits=splits,
        encoder=encoder,
        loss=None if built is None else built.to(device),
        task=_encoded(splits.task, encoder),
        device=device,
        encoded_by=plan["encoder"],
    )


def _encoder(component: Component, task: Task, device: torch.device) -> Encoder:
    encoder = component.build(task)
    if not isinstance(encoder, Encoder):
        raise ContractError(f"{title(component)} must be a snnplug.nn.Encoder, got {describe(encoder)}")
    with calling(component, "steps and output_shape, whole numbers of at least 1"):
        shape = encoder.output_shape
        sizes = (encoder.steps, *shape) if isinstance(shape, tuple | list) else (None,)
        if not all(isinstance(size, int) and size >= 1 for size in sizes):
            raise ContractError(
                f"{title(component)} must have whole numbers of at least 1 as steps and output_shape, "
                f"got {describe(encoder.steps)} and {describe(shape)}"
            )
        return encoder.to(device)


def _search_space(component: Component, task: Task) -> SearchSpace:
    space: SearchSpace = component.build(task)
    if lacking := [name for name in _METHODS if not callable(getattr(space, name, None))]:
        raise ContractError(f"{title(component)} must have the methods {', '.join(lacking)}")
    return space


def _encoded(task: Task, encoder: Encoder) -> Task:
    return attrs.evolve(task, steps=encoder.steps, input_shape=encoder.output_shape)
