"""Stem, backbone and head of AutoSNN's networks (Na et al., ICML 2022, arXiv 2201.12738).

    stem       conv3x3 - bn - neuron; the convolution once per image if the input is static. Larger images
               are halved once (pool - conv3x3 - bn - neuron) or twice (and another pool) behind it
    backbone   see `snnplug_autosnn.macro`
    head       (global average - neuron) - flatten - linear without bias - neuron - mean of V outputs a class

Each step's output is returned, and the loss reads them out; the published code returns their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from snnplug.nn import StepwiseBatchNorm2d, TimeModule, TimeSequential, fold, is_static
from snnplug_autosnn.blocks import Make, block
from snnplug_autosnn.context import ContextMake, own_weights, set_context
from snnplug_autosnn.macro import Macro, Place

__all__ = ["STEM_HALVINGS", "AutoSNNSupernet", "AutoSNNetwork", "Frame", "Stem"]

Stem = Literal["conv", "conv_pool", "conv_pool_pool"]

STEM_HALVINGS: Mapping[str, int] = {"conv": 0, "conv_pool": 1, "conv_pool_pool": 2}
"""How often a stem halves the image."""


class Frame(NamedTuple):
    """What stands around a backbone.

    Attributes:
        stem: how the image is taken in.
        inputs: channels of the image.
        classes: number of classes K.
        votes: outputs averaged for each class.
    """

    stem: Stem
    inputs: int
    classes: int
    votes: int


class StemConv(TimeModule):
    """Convolution and batch norm of the input, once where it is static."""

    def __init__(self, make: Make, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.norm = make.norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, C', H, W]`."""
        y = fold(self.conv, x)
        if not isinstance(self.norm, StepwiseBatchNorm2d):
            return fold(self.norm, y)
        out: Tensor = fold(self.norm.step, y) if is_static(y) else self.norm(y)
        return out


class Head(TimeModule):
    """From the backbone's spikes to a value for each class."""

    def __init__(self, make: Make, macro: Macro, classes: int, votes: int) -> None:
        super().__init__()
        H, W = (1, 1) if macro.averaged else macro.size
        average = (nn.AdaptiveAvgPool2d(1), make.neuron()) if macro.averaged else ()
        self.layers = TimeSequential(
            *average,
            nn.Flatten(),
            nn.Linear(macro.channels * H * W, classes * votes, bias=False),
            make.neuron(),
        )
        self.votes = (classes, votes)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, K]`."""
        votes = self.layers(x)
        out: Tensor = votes.reshape(*votes.shape[:2], *self.votes).mean(-1)
        return out


class AutoSNNetwork(TimeModule):
    """A network of given blocks, freshly initialised.

    Args:
        blocks: a name for each block of the backbone, in order.
        macro: backbone.
        make: makes the parts.
        frame: what stands around the backbone.
    """

    def __init__(
        self,
        blocks: Sequence[str],
        macro: Macro,
        make: Make,
        frame: Frame,
    ) -> None:
        super().__init__()
        C, halvings = macro.places[0].inputs, STEM_HALVINGS[frame.stem]
        rows: list[nn.Module] = [StemConv(make, frame.inputs, C), make.neuron()]
        if halvings:
            rows += [nn.MaxPool2d(2), make.conv_norm(C, C, 3), make.neuron()]
        rows += [nn.MaxPool2d(2)] * (halvings - 1)
        self.stem = TimeSequential(*rows)
        named = enumerate(blocks)
        self.layers = nn.ModuleList(
            self.at(place, *next(named), make) if place.kind == "block" else _pool(place, make)
            for place in macro.places
        )
        self.head = Head(make, macro, frame.classes, frame.votes)

    def at(self, place: Place, index: int, name: str, make: Make) -> TimeModule:
        """Return what stands at a place for a block, the index-th one."""
        return block(name, make, place.inputs, place.outputs, place.stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, K]`."""
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.head(x)
        return out


def _pool(place: Place, make: Make) -> TimeModule:
    if place.kind == "m":
        return TimeSequential(nn.MaxPool2d(2))
    return TimeSequential(nn.AvgPool2d(2), make.neuron())


class Choice(TimeModule):
    """All blocks that may stand at a place; the selected one runs."""

    def __init__(self, blocks: Mapping[str, TimeModule]) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict(blocks)
        self.selected = next(iter(blocks))

    def forward(self, x: Tensor) -> Tensor:
        """Run the selected block."""
        out: Tensor = self.block(x)
        return out

    @property
    def block(self) -> nn.Module:
        """The selected block."""
        return self.blocks[self.selected]


class AutoSNNSupernet(AutoSNNetwork):
    """Every network of a space at once, with shared weights; see `snnplug.Supernet`.

    Args:
        names: of the blocks that may stand at each place.
        read: returns the names of the blocks of a genotype, in order.
        macro, make, frame: as `AutoSNNetwork` takes them.
        reach: on how many blocks before it the batch norm of a block depends; see `snnplug_autosnn.context`.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        read: Callable[[Any], tuple[str, ...]],
        macro: Macro,
        make: Make,
        frame: Frame,
        reach: int = 0,
    ) -> None:
        self._names, self._reach = names, reach
        super().__init__(names[:1] * len(macro.blocks), macro, make, frame)
        self.read, self.places = read, macro.blocks

    def at(self, place: Place, index: int, name: str, make: Make) -> TimeModule:
        """Return all blocks for a place."""
        make = ContextMake(make, self._names, index, self._reach)
        return Choice(
            {one: block(one, make, place.inputs, place.outputs, place.stride) for one in self._names}
        )

    def select(self, genotype: Any) -> None:
        """Let the next forward passes run the blocks of a genotype."""
        for place, (name, before) in self._chosen(genotype).items():
            choice = self.layers[place]
            assert isinstance(choice, Choice)
            choice.selected = name
            set_context(choice.block, self._context(before))

    def chain(self, genotype: Any) -> list[tuple[str, nn.Module]]:
        """Select a genotype and return the parts that run for it, one after the other on `[T, B, *]`."""
        self.select(genotype)
        chosen = self._chosen(genotype)
        parts: list[tuple[str, nn.Module]] = [("stem", self.stem)]
        for place, layer in enumerate(self.layers):
            if isinstance(layer, Choice):
                name, before = chosen[place]
                after = f" after {' '.join(before)}" if before else ""
                parts.append((f"layers.{place} {name}{after}", layer.block))
            else:
                parts.append((f"layers.{place}", layer))
        return [*parts, ("head", self.head)]

    def weights(self, genotype: Any) -> dict[str, Tensor]:
        """Return the shared weights of a genotype, by their names in its own network."""
        chosen = self._chosen(genotype)
        found = {**self.stem.state_dict(prefix="stem."), **self.head.state_dict(prefix="head.")}
        for place, layer in enumerate(self.layers):
            prefix = f"layers.{place}."
            if isinstance(layer, Choice):
                name, before = chosen[place]
                found |= own_weights(layer.blocks[name], self._context(before), prefix)
            else:
                found |= layer.state_dict(prefix=prefix)
        return found

    def _chosen(self, genotype: Any) -> dict[int, tuple[str, tuple[str, ...]]]:
        """Return the name of the block at each place, and the names before it that batch norm depends on."""
        names = self.read(genotype)
        return {
            place: (name, names[max(0, index - self._reach) : index])
            for index, (place, name) in enumerate(zip(self.places, names, strict=True))
        }

    def _context(self, before: Sequence[str]) -> int:
        number = 0
        for name in before:
            number = number * len(self._names) + self._names.index(name)
        return number
