"""The records and protocols that plugins and engine exchange. Nothing here imports torch.

Shapes: T time steps, B samples, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnplug.nn import Activity

__all__ = [
    "Benchmark",
    "Candidate",
    "Edge",
    "EnergyEstimate",
    "EnergyItem",
    "EnergyModel",
    "Graph",
    "Scorer",
    "SearchSpace",
    "Splits",
    "Strategy",
    "Supernet",
    "Task",
    "TrainedNetwork",
    "Trial",
]

Genotype = Any  # plain JSON: what a search space samples and builds


@attrs.frozen(kw_only=True)
class Task:
    """What a network is built for.

    Attributes:
        input_shape: shape of one input at one time step, `(C, H, W)`.
        classes: number of classes K.
        steps: number of time steps T; 0 until an encoder has been chosen.
        mean, std: per-channel normalisation of values in [0, 1]; empty for none.
        events: the data has a time axis of its own, `[T, C, H, W]` a sample.
    """

    input_shape: tuple[int, ...]
    classes: int
    steps: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    events: bool = False


@attrs.frozen(kw_only=True)
class Splits:
    """A dataset ready for use.

    Attributes:
        task: shape, classes and normalisation.
        train, val, test: `torch.utils.data.Dataset`s of `(values [C, H, W] in [0, 1], label)`.
            One that has a method `batch(indices) -> (values [B, C, H, W], labels [B])` is read
            that way, which is much faster for data in memory. `test` or `val` may be None.
        class_names: names of the classes, or empty.
    """

    task: Task
    train: Any
    val: Any
    test: Any
    class_names: tuple[str, ...] = ()


@attrs.frozen
class Edge:
    """An edge of a drawn cell.

    Attributes:
        source, target: node names.
        label: the operation on it.
        backward: it carries values to the next time step.
    """

    source: str
    target: str
    label: str = ""
    backward: bool = False


@attrs.frozen
class Graph:
    """A cell as the report draws it: nodes in order, from input to output."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


class SearchSpace(Protocol):
    """A set of architectures. Built as `target(task, *, neuron, ...)`.

    A genotype is plain JSON. All randomness comes from the generator that is passed in.
    """

    def sample(self, rng: random.Random) -> Genotype:
        """Draw a genotype."""

    def mutate(self, genotype: Genotype, rng: random.Random) -> Genotype:
        """Return a changed copy, inside the space."""

    def crossover(self, one: Genotype, other: Genotype, rng: random.Random) -> Genotype:
        """Return a child of two, inside the space."""

    def key(self, genotype: Genotype) -> str:
        """Return the SHA-256 of the canonical form: equal for genotypes that are the same network."""

    def build(self, genotype: Genotype) -> nn.Module:
        """Return a freshly initialised network: input `[T, B, C, H, W]` to outputs `[T, B, K]`."""

    def size(self) -> int | None:
        """Return the number of genotypes, or None where it is not known."""

    def graph(self, genotype: Genotype) -> Graph:
        """Return what the report draws."""


@runtime_checkable
class Supernet(Protocol):
    """A network that holds every architecture of a space with shared weights.

    A space offers one by a method `supernet() -> Module`; the module is trained with
    genotypes drawn anew for each batch.
    """

    def select(self, genotype: Genotype) -> None:
        """Let the next forward passes run that architecture."""


@attrs.frozen(kw_only=True)
class Candidate:
    """An architecture as a scorer sees it. Equal candidates give equal scores, in any order.

    Attributes:
        genotype: plain JSON.
        key: its canonical key.
        build: `build(repeat=0)` returns the network on the device, its weights and any other
            randomness seeded by run, key and repeat; materialised; in training mode.
        batch: `batch(index, size)` returns `(input [T, B, C, H, W], target [B])` from the
            training data: batch `index` of one fixed shuffling, the same for every candidate.
        seed: seed for the scorer's own randomness.
    """

    genotype: Genotype
    key: str
    build: Callable[..., nn.Module]
    batch: Callable[[int, int], tuple[Tensor, Tensor]]
    seed: int

    @cached_property
    def network(self) -> nn.Module:
        """A network to look at, one for all scorers: it is not to be run or changed."""
        return self.build()


class Scorer(Protocol):
    """Gives a candidate one number; the spec says which direction is better. NaN never wins."""

    def __call__(self, candidate: Candidate) -> float:
        """Return the score."""


@attrs.frozen(kw_only=True)
class Trial:
    """An evaluated candidate.

    Attributes:
        index: position among the evaluated ones, from 0.
        genotype, key: the candidate.
        score: the scorer's value; NaN if it failed.
        values: scores of the baselines and of the recipe's objectives, by name.
        seconds: time of all scores together.
        objectives: as a strategy is told: what the search maximises, the score first, then
            the recipe's objectives, those to minimise with their sign changed; NaN if one
            failed. Empty where the score is the only one.
    """

    index: int
    genotype: Genotype
    key: str
    score: float
    values: Mapping[str, float] = attrs.field(factory=dict)
    seconds: float = 0.0
    objectives: tuple[float, ...] = ()


class Strategy(Protocol):
    """Decides which genotypes to try. Built as `target(space, seed, *, ...)`.

    The n-th draw depends only on the seed, n and what has been told, so a search that was
    killed is continued by asking again from the start and answering from the journal.
    """

    draws: int
    """How many genotypes it will ask for in all."""

    def ask(self, n: int) -> Sequence[Genotype]:
        """Return up to `n` genotypes to evaluate next; none when it is finished."""

    def tell(self, trials: Iterable[Trial]) -> None:
        """Take the results of what was asked last, in the order asked; higher scores are better.

        A genotype drawn twice is told twice, with the trial it was evaluated in.
        """


@attrs.frozen
class EnergyItem:
    """One line of an energy estimate.

    Attributes:
        name: what it is for, such as "synaptic operations".
        count: how many of it per sample.
        each: energy of one, in the estimate's unit.
    """

    name: str
    count: float
    each: float

    @property
    def value(self) -> float:
        """Energy of all of them."""
        return self.count * self.each


@attrs.frozen(kw_only=True)
class EnergyEstimate:
    """Energy of one inference of one sample.

    Attributes:
        unit: "J" or "relative".
        items: what it adds up from.
        reference: source of the constants.
        assumptions: what has to be true for the number to mean something.
        warnings: what was met in this network that the model does not cover.
    """

    unit: str
    items: tuple[EnergyItem, ...]
    reference: str = ""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """Sum over the items."""
        return sum(item.value for item in self.items)


class EnergyModel(Protocol):
    """Turns measured activity into an energy estimate. Built as `target(*, ...)`."""

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample."""


@attrs.frozen(kw_only=True)
class TrainedNetwork:
    """A network whose accuracy after training is known.

    Attributes:
        id: its name in the benchmark.
        genotype: plain JSON, as the benchmark's search space takes it; None for a network that
            no search would build, such as one without a path from input to output.
        key: equal for networks that compute the same function.
        accuracy: after training, in [0, 1]: of test data, where it was measured.
        epochs: validation accuracy after each epoch of training, in [0, 1]; may be empty.
        facts: what else is known, numbers by name: "parameters", "spiking_layers", "seconds".
    """

    id: str
    genotype: Genotype
    key: str
    accuracy: float
    epochs: tuple[float, ...] = ()
    facts: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Benchmark:
    """Networks with their accuracies, and how to build them.

    Attributes:
        networks: in an order that does not change.
        recipe: tables of a recipe, `search.space` among them, that builds the networks; a user's
            recipe goes before it.
        note: one line: what is there.
    """

    networks: tuple[TrainedNetwork, ...]
    recipe: Mapping[str, Any] = attrs.field(factory=dict)
    note: str = ""
