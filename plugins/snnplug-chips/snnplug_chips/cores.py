"""Networks made for chips of cores: each core a convolution, a norm that folds into it, neurons and a pool.

    core      conv kxk, stride 1, same size -> batch norm -> neurons -> average pool pxp
    head      flatten -> linear -> neurons, one for a class

A core takes what the core before it sends, and where both have the same shape also what the one before that
sends: spikes added to spikes, as chips route them, never currents. So every layer has a place on a chip such
as Speck, whose memory alone decides which network fits: `[search] limits = { chip = "speck" }`.
"""

from __future__ import annotations

import copy
import random
from typing import Annotated, Any

from annotated_types import Ge, Interval
from torch import Tensor, nn

from snnplug import Component, Edge, Graph, Task, check_ranges, digest
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import SpikingNeuron, TimeModule, TimeSequential, as_neuron, fold
from snnplug_chips.genotype import Core, read_cores, write_cores

__all__ = ["CoreNetwork", "Cores"]


class CoreNetwork(TimeModule):
    """A network of cores: `[T, B, C, H, W]` to spikes `[T, B, K]`."""

    def __init__(self, cores: tuple[Core, ...], task: Task, new_neuron: Any) -> None:
        super().__init__()
        channels, *image = task.input_shape
        built = []
        for core in cores:
            half = core.kernel // 2
            convolution = nn.Conv2d(channels, core.channels, core.kernel, padding=half, bias=False)
            layers = [convolution, nn.BatchNorm2d(core.channels), new_neuron()]
            built.append(TimeSequential(*layers, *([nn.AvgPool2d(core.pool)] if core.pool > 1 else [])))
            channels, image = core.channels, [side // core.pool for side in image]
        self.cores = nn.ModuleList(built)
        self.skips = [core.skip for core in cores]
        self.classifier = nn.Linear(channels * image[0] * image[1], task.classes)
        self.neuron = new_neuron()

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, K]`."""
        before = x
        for core, skip in zip(self.cores, self.skips, strict=True):
            x, before = core(x + before if skip else x), x
        spikes: Tensor = self.neuron(fold(self.classifier, x.flatten(2)))
        return spikes


@check_ranges
class Cores:
    """Cores in a row. A genotype is a text, `"8k3p2 16k3+ 16k5p2"`; see `snnplug_chips.genotype`.

    Args:
        task: images and number of classes.
        neuron: the neuron of every core and of the classes.
        cores: how many there are at most, beside the one that classifies.
        channels: of a core, any of these.
        kernels: sides of kernels, any of these; odd.
        pools: sides of pools, any of these.
        skips: a core may take what the one before the last sends, too.
        mutation: probability that a mutant has another core at a place.

    Raises:
        ValueError: a parameter is out of range.
        ContractError: the inputs are no images.
    """

    def __init__(
        self,
        task: Task,
        *,
        neuron: Component | SpikingNeuron | type[SpikingNeuron],
        cores: Annotated[int, Ge(1)] = 4,
        channels: tuple[Annotated[int, Ge(1)], ...] = (4, 8, 16, 32),
        kernels: tuple[Annotated[int, Ge(1)], ...] = (1, 3, 5),
        pools: tuple[Annotated[int, Ge(1)], ...] = (1, 2),
        skips: bool = True,
        mutation: Annotated[float, Interval(gt=0, le=1)] = 0.3,
    ) -> None:
        if len(task.input_shape) != 3:
            raise ContractError(f"cores take images [C, H, W], got inputs of shape {list(task.input_shape)}")
        if even := [kernel for kernel in kernels if kernel % 2 == 0]:
            raise ValueError(f"kernels must be odd, so that images keep their size, got {even}")
        if 1 not in pools:
            raise ValueError(f"pools must hold 1, for a core without a pool, got {list(pools)}")
        self.task, self.mutation = task, mutation
        self.most, self.skips = cores, skips
        self.choices = tuple(channels), tuple(kernels), tuple(pools)
        self._new = lambda: as_neuron(copy.deepcopy(neuron))
        own = getattr(self._new(), "threshold", None)  # one that does not fit is refused here
        self._threshold = float(own) if isinstance(own, int | float) else None

    def sample(self, rng: random.Random) -> str:
        """Draw a number of cores, and each of them uniformly."""
        cores = [self._draw(rng) for _ in range(rng.randint(1, self.most))]
        return write_cores(self._legal(cores))

    def mutate(self, genotype: Any, rng: random.Random) -> str:
        """Return another network: each core is drawn anew with a probability, and one may come or go."""
        parent = self.read(genotype)
        for _ in range(1000):
            cores = [self._draw(rng) if rng.random() < self.mutation else core for core in parent]
            change = rng.choice(("none", "more", "less"))
            if change == "more" and len(cores) < self.most:
                cores.insert(rng.randrange(len(cores) + 1), self._draw(rng))
            elif change == "less" and len(cores) > 1:
                del cores[rng.randrange(len(cores))]
            child = self._legal(cores)
            if child != parent:
                return write_cores(child)
        raise ParameterError(f"the space has one network only: {write_cores(parent)}")

    def crossover(self, one: Any, other: Any, rng: random.Random) -> str:
        """Return the first cores of one, and those of the other from the same place on."""
        first, second = self.read(one), self.read(other)
        cut = rng.randint(1, max(len(first), len(second)))
        return write_cores(self._legal([*first[:cut], *second[cut:]]))

    def key(self, genotype: Any) -> str:
        """Return the SHA-256 of the cores."""
        return digest({"cores": [list(core) for core in self.read(genotype)]})

    def build(self, genotype: Any) -> CoreNetwork:
        """Return a freshly initialised network: `[T, B, C, H, W]` to `[T, B, K]`."""
        return CoreNetwork(self.read(genotype), self.task, self._new)

    def size(self) -> None:
        """Return None: how many fit the image is not counted."""

    def graph(self, genotype: Any) -> Graph:
        """Return the cores in a row with what skips one, and the head."""
        nodes, edges = ["input"], []
        cores = self.read(genotype)
        for number, core in enumerate(cores):
            node, label = f"cores.{number}", write_cores([core._replace(skip=False)])
            senders = nodes[-2:] if core.skip else nodes[-1:]
            for sender in senders:
                edges.append(
                    Edge(sender, node, label, spiking=1, threshold=self._threshold, stride=core.pool)
                )
            nodes.append(node)
        edges.append(Edge(nodes[-1], "classifier", "linear", spiking=1, threshold=self._threshold))
        return Graph((*nodes, "classifier"), tuple(edges))

    def read(self, genotype: Any) -> tuple[Core, ...]:
        """Return the cores of a genotype.

        Raises:
            ParameterError: it is none of this space.
        """
        cores = read_cores(genotype)
        if len(cores) > self.most:
            raise ParameterError(
                f"genotype {genotype!r} has {len(cores)} cores, the space at most {self.most}"
            )
        names = "channels", "kernels", "pools"
        for core in cores:
            for name, value, allowed in zip(names, core[:3], self.choices, strict=True):
                if value not in allowed:
                    there = ", ".join(map(str, allowed))
                    raise ParameterError(f"genotype {genotype!r}: {name} of {value} are none of {there}")
        if self._legal(cores) != cores:
            raise ParameterError(
                f"genotype {genotype!r} pools more than is left of the image, or adds what has another "
                f"shape; inside the space is {write_cores(self._legal(cores))!r}"
            )
        return cores

    def _draw(self, rng: random.Random) -> Core:
        skip = self.skips and rng.random() < 0.5
        return Core(*(rng.choice(allowed) for allowed in self.choices), skip)

    def _legal(self, cores: Any) -> tuple[Core, ...]:
        """Return cores without pools that leave nothing of the image, and without sums of other shapes."""
        shapes = [tuple(self.task.input_shape)]
        found: list[Core] = []
        for core in cores:
            _, *image = shapes[-1]
            pool = core.pool if min(image) >= core.pool else 1
            skip = self.skips and core.skip and len(shapes) > 1 and shapes[-1] == shapes[-2]
            found.append(core._replace(pool=pool, skip=skip))
            shapes.append((core.channels, *(side // pool for side in image)))
        return tuple(found)
