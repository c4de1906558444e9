"""Architecture search: spaces, candidates, scorers, strategies. Shapes as in `snnplug.contracts`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

from snnplug.errors import ContractError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "Ask",
    "Candidate",
    "Edge",
    "Genotype",
    "Graph",
    "Score",
    "Scorer",
    "SearchSpace",
    "Strategy",
    "Supernet",
    "Trial",
]

Genotype = Any  # plain JSON: what a search space samples and builds


@attrs.frozen
class Edge:
    """An edge of a drawn cell. What it says of its neurons is read by scorers of the structure.

    Attributes:
        source, target: node names.
        label: the operation on it.
        backward: it carries values to the next time step.
        spiking: layers of neurons that a signal passes on it, one after another: 0 for none; None where the
            space does not say.
        threshold: of these neurons, where it is known.
        stride: by what it divides height and width of the image.
    """

    source: str
    target: str
    label: str = ""
    backward: bool = False
    spiking: int | None = None
    threshold: float | None = None
    stride: int = 1


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
    genotypes drawn anew for each batch. `space.build(genotype)` loaded with `weights(genotype)` gives
    the outputs that the supernet gives after `select(genotype)`, and genotypes of equal key share weights.

    It may have a method `chain(genotype) -> Sequence[tuple[str, Module]]`: it selects the genotype and
    returns its path as parts by name, which run one after the other on `[T, B, *]` until another genotype is
    selected. Parts of equal name do the same with the same weights and leave their input as it is, so that
    what two genotypes have in common from the start on need be computed only once.
    """

    def select(self, genotype: Genotype) -> None:
        """Let the next forward passes run that architecture."""

    def weights(self, genotype: Genotype) -> Mapping[str, Tensor]:
        """Return the state_dict of `space.build(genotype)`, made of the shared tensors themselves."""


def _no_supernet() -> nn.Module:
    raise ContractError("there are no weights to inherit: the recipe needs [search.supernet]")


def _no_chain() -> None:
    return None


def _no_held_out(index: int, size: int) -> tuple[Tensor, Tensor]:
    raise ContractError("there is no held-out data: the data set needs a validation split")


def _no_training(epochs: int, **_: Any) -> Sequence[Any]:
    raise ContractError("candidates are trained in the search of a run that has [train] alone")


def _no_graph() -> Graph:
    raise ContractError("there is no graph of the candidate: nobody has given the search space's")


def _mean_over_time(outputs: Tensor) -> Tensor:
    return outputs.mean(0)


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
        inherit: `inherit()` returns the network on the device with the weights that it shares with all
            others in the supernet, in evaluation mode; an own copy. ContractError without a supernet.
        held_out: `held_out(index, size)` returns `(input, target)` from the validation data as it is, in
            one drawn order, the same for every candidate, so that the first ones stand for all; the last
            batch may be smaller. ContractError where there is none.
        held_out_samples: how many there are.
        readout: class scores `[B, K]` of outputs `[T, B, K]`, as the recipe's loss means them.
        facts: what an earlier stage has found out for all candidates, such as `spikes`, the mean over
            the paths of the supernet.
        chain: `chain()` returns the parts of the supernet that are run for it, by name and in evaluation
            mode, none of them a copy; see `Supernet`. None where a supernet does not tell, or there is none.
        graph: `graph()` returns what the search space draws of it; no network is built for it.
        train: `train(epochs, *, samples=0, space=None)` trains the network as the recipe's [train] says,
            up to so many of its epochs, and returns a `snnplug.Epoch` for each. It goes on where the
            candidate's last such training ended, and the run's own training of what is found goes on where
            this has ended. With `samples` of the training data, or other parameters of the `space` by name,
            it is a training of its own. ContractError where nothing is trained. A scorer that trains has an
            attribute `trains`, the number of epochs, and `space`, if it asks for another one, so that what
            cannot be done is refused before the search.
    """

    genotype: Genotype
    key: str
    build: Callable[..., nn.Module]
    batch: Callable[[int, int], tuple[Tensor, Tensor]]
    seed: int
    inherit: Callable[[], nn.Module] = _no_supernet
    held_out: Callable[[int, int], tuple[Tensor, Tensor]] = _no_held_out
    held_out_samples: int = 0
    readout: Callable[[Tensor], Tensor] = _mean_over_time
    facts: Mapping[str, float] = attrs.field(factory=dict)
    chain: Callable[[], Sequence[tuple[str, nn.Module]] | None] = _no_chain
    graph: Callable[[], Graph] = _no_graph
    train: Callable[..., Sequence[Any]] = _no_training

    @cached_property
    def network(self) -> nn.Module:
        """A network to look at, one for all scorers: it is not to be run or changed."""
        return self.build()


@attrs.frozen
class Score:
    """A score with the numbers that it is made of.

    Attributes:
        value: the score.
        parts: numbers by name, such as accuracy and spikes, which are recorded beside it.
    """

    value: float
    parts: Mapping[str, float] = attrs.field(factory=dict)

    @classmethod
    def of(cls, result: float | Score) -> Score:
        """Return what a scorer has returned as a score."""
        return result if isinstance(result, Score) else cls(float(result))


class Scorer(Protocol):
    """Gives a candidate one number; the spec says which direction is better. NaN never wins."""

    def __call__(self, candidate: Candidate) -> float | Score:
        """Return the score."""


@attrs.frozen(kw_only=True)
class Trial:
    """An evaluated candidate.

    Attributes:
        index: position among the evaluated ones, from 0.
        genotype, key: the candidate.
        score: the scorer's value; NaN if it failed.
        values: scores of the baselines and of the recipe's objectives, by name.
        parts: what the score is made of, where its scorer says so.
        seconds: time of all scores together.
        objectives: as a strategy is told: what the search maximises, the score first, then
            the recipe's objectives, those to minimise with their sign changed; NaN if one
            failed. Empty where the score is the only one.
        rung: which score it is: 0 for that of the search's scorer, 1 for the first of its `rungs`, ...
    """

    index: int
    genotype: Genotype
    key: str
    score: float
    values: Mapping[str, float] = attrs.field(factory=dict)
    parts: Mapping[str, float] = attrs.field(factory=dict)
    seconds: float = 0.0
    objectives: tuple[float, ...] = ()
    rung: int = 0


@attrs.frozen
class Ask:
    """What a strategy wants to know, and why.

    Attributes:
        genotype: the candidate.
        rung: which score of it: 0 for that of the search's scorer, 1 for the first of its `rungs`, ... A
            candidate is asked for at a rung once it has a score at the one below.
        why: in a few words; equal for what is asked for the same reason. The report compares the groups.
        expected: the score that is expected there, as the strategy is told it: higher is better.
    """

    genotype: Genotype
    rung: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))
    why: str = attrs.field(default="", validator=attrs.validators.instance_of(str))
    expected: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.instance_of((int, float)))
    )

    @classmethod
    def of(cls, asked: Genotype | Ask) -> Ask:
        """Return what a strategy has asked for: a genotype alone means its score at rung 0."""
        return asked if isinstance(asked, Ask) else cls(asked)


class Strategy(Protocol):
    """Decides which genotypes to try. Built as `target(space, seed, *, ...)`.

    The n-th draw depends only on the seed, n and what has been told, so a search that was
    killed is continued by asking again from the start and answering from the journal.

    A strategy that asks for more than one score has an attribute `rungs`, their number; without it that is 1.
    """

    draws: int
    """How much it will ask for at most, over all rungs; it may end earlier, as where a space has no more."""

    def ask(self, n: int) -> Sequence[Genotype | Ask]:
        """Return up to `n` genotypes to evaluate next; none when it is finished."""

    def tell(self, trials: Iterable[Trial]) -> None:
        """Take the results of what was asked last, in the order asked; higher scores are better.

        A genotype drawn twice is told twice, with the trial it was evaluated in.
        """
