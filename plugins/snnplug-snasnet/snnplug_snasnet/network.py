"""The macro skeleton around two cells of the same matrix.

    stem:        conv 3x3 -> batch norm                      once per image if the input is static
    cell1:       C channels
    reduction:   batch norm -> neuron -> conv 3x3 -> batch norm -> pool 2x2        C -> 2C
    cell2:       2C channels
    classifier:  batch norm -> neuron -> pool pxp -> flatten -> dropout
                 -> linear without bias -> neuron -> linear -> mean over groups ("voting")

After Kim et al., ECCV 2022, arXiv 2201.10355, and its published code. Batch norm takes its
statistics per time step. The first neurons stand in cell1. The paper's text has a neuron behind the stem
("spike encoding") and another order in the reduction, conv 3x3 -> batch norm -> neuron -> pool 2x2:
`stem_neuron = true` and `reduction = "paper"`. The last linear layer has no neuron: voting averages
real numbers. The published code returns the mean over time; here each step's output is returned and the
loss reads them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from torch import Tensor, nn

from snnplug import Task
from snnplug.nn import Dropout, SpikingNeuron, StepwiseBatchNorm2d, TimeModule, fold, outermost
from snnplug_snasnet.cell import Cell
from snnplug_snasnet.genotype import Matrix
from snnplug_snasnet.operations import NewNeuron

__all__ = ["Reducing", "SNASNetwork", "Skeleton"]

Reducing: TypeAlias = Literal["code", "paper"]
_POOLS = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Sizes of the skeleton, all decided; `Skeleton.of` decides them from the task.

    Attributes:
        in_channels: channels of the input.
        channels: channels C of the stem and the first cell.
        features: values per sample that reach the first linear layer.
        hidden: neurons of the hidden layer.
        classes: number of classes K.
        voting: outputs averaged for each class.
        dropout: probability of a zero.
        pooling: "avg" or "max" for the two pools that halve the image.
        final_pool: side p of the last pool.
        stem_stride: stride of the stem.
        stem_neuron: a neuron follows the stem.
        reduction: order of the reduction cell, "code" or "paper".
    """

    in_channels: int
    channels: int
    features: int
    hidden: int
    classes: int
    voting: int
    dropout: float
    pooling: Literal["avg", "max"]
    final_pool: int
    stem_stride: int
    stem_neuron: bool
    reduction: Reducing

    @classmethod
    def of(
        cls,
        task: Task,
        *,
        channels: int,
        hidden: int | None,
        voting: int | None,
        dropout: float,
        pooling: Literal["avg", "max"],
        final_pool: int | None,
        stem_stride: int | None,
        stem_neuron: bool,
        reduction: Reducing,
    ) -> Skeleton:
        """Fill in what is None; the defaults are described at `snnplug_snasnet.space.SNASNet`.

        Raises:
            ValueError: the pools leave nothing of the image.
        """
        if len(task.input_shape) != 3:
            raise ValueError(f"task.input_shape must be (C, H, W), got {task.input_shape}")
        in_channels, *image = task.input_shape
        if stem_stride is None:
            stem_stride = max(1, min(image) // 32)
        if hidden is None:
            hidden = min(1024, 8 * channels)
        if voting is None:
            voting = 10 if task.classes <= 10 else 5
        reduced = [((side - 1) // stem_stride + 1) // 2 for side in image]
        if final_pool is None:
            final_pool = 2 if min(reduced) >= 2 else 1
        if min(reduced) < final_pool:
            raise ValueError(
                f"final_pool must fit into the {reduced[0]}x{reduced[1]} image that stem and reduction "
                f"leave of input {task.input_shape}, got {final_pool}"
            )
        features = 2 * channels * (reduced[0] // final_pool) * (reduced[1] // final_pool)
        return cls(
            in_channels=in_channels,
            features=features,
            classes=task.classes,
            dropout=dropout,
            pooling=pooling,
            final_pool=final_pool,
            channels=channels,
            hidden=hidden,
            voting=voting,
            stem_stride=stem_stride,
            stem_neuron=stem_neuron,
            reduction=reduction,
        )


class Reduction(TimeModule):
    """The reduction cell of the published code: C channels to 2C at half the resolution."""

    def __init__(self, skeleton: Skeleton, new_neuron: NewNeuron) -> None:
        super().__init__()
        C = skeleton.channels
        self.norm = StepwiseBatchNorm2d(C)
        self.neuron = new_neuron()
        self.conv = nn.Conv2d(C, 2 * C, 3, padding=1, bias=False)
        self.out_norm = StepwiseBatchNorm2d(2 * C)
        self.pool = _POOLS[skeleton.pooling](2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, 2C, H/2, W/2]`."""
        x = fold(self.conv, self.neuron(self.norm(x)))
        return fold(self.pool, self.out_norm(x))


class PaperReduction(TimeModule):
    """The reduction cell in the order of the paper's text: convolution first, neuron before the pool."""

    def __init__(self, skeleton: Skeleton, new_neuron: NewNeuron) -> None:
        super().__init__()
        C = skeleton.channels
        self.conv = nn.Conv2d(C, 2 * C, 3, padding=1, bias=False)
        self.norm = StepwiseBatchNorm2d(2 * C)
        self.neuron = new_neuron()
        self.pool = _POOLS[skeleton.pooling](2)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, 2C, H/2, W/2]`."""
        return fold(self.pool, self.neuron(self.norm(fold(self.conv, x))))


_REDUCTIONS: dict[Reducing, type[TimeModule]] = {"code": Reduction, "paper": PaperReduction}


class Classifier(TimeModule):
    """The classifier: spikes of the last cell to one value per class and time step."""

    def __init__(self, skeleton: Skeleton, new_neuron: NewNeuron) -> None:
        super().__init__()
        self.norm = StepwiseBatchNorm2d(2 * skeleton.channels)
        self.neuron = new_neuron()
        self.pool = _POOLS[skeleton.pooling](skeleton.final_pool)
        self.dropout = Dropout(skeleton.dropout)
        self.hidden = nn.Linear(skeleton.features, skeleton.hidden, bias=False)
        self.hidden_neuron = new_neuron()
        self.output = nn.Linear(skeleton.hidden, skeleton.classes * skeleton.voting)
        self.votes = (skeleton.classes, skeleton.voting)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, 2C, H, W]` to `[T, B, K]`."""
        x = fold(self.pool, self.neuron(self.norm(x))).flatten(2)
        x = self.hidden_neuron(fold(self.hidden, self.dropout(x)))
        votes = fold(self.output, x)
        return votes.reshape(*votes.shape[:2], *self.votes).mean(-1)


class SNASNetwork(TimeModule):
    """A network of two cells, freshly initialised.

    Args:
        matrix: the cell; see `snnplug_snasnet.genotype`.
        operations: names of the operations by code.
        skeleton: sizes.
        new_neuron: called for each layer of neurons.
    """

    def __init__(
        self, matrix: Matrix, operations: tuple[str, ...], skeleton: Skeleton, new_neuron: NewNeuron
    ) -> None:
        super().__init__()
        C = skeleton.channels
        self.stem = nn.Sequential(
            nn.Conv2d(skeleton.in_channels, C, 3, skeleton.stem_stride, 1, bias=False), nn.BatchNorm2d(C)
        )
        self.stem_neuron = new_neuron() if skeleton.stem_neuron else None
        self.cell1 = self.make_cell(matrix, operations, C, new_neuron)
        self.reduction = _REDUCTIONS[skeleton.reduction](skeleton, new_neuron)
        self.cell2 = self.make_cell(matrix, operations, 2 * C, new_neuron)
        self.classifier = Classifier(skeleton, new_neuron)
        initialize(self)

    def make_cell(
        self, matrix: Matrix, operations: tuple[str, ...], channels: int, new_neuron: NewNeuron
    ) -> Cell:
        """Return a cell."""
        return Cell(matrix, operations, channels, new_neuron)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[T, B, C, H, W]` to `[T, B, K]`."""
        x = fold(self.stem, x)
        x = self.cell1(x if self.stem_neuron is None else self.stem_neuron(x))
        out: Tensor = self.classifier(self.cell2(self.reduction(x)))
        return out


def initialize(network: nn.Module) -> None:
    """Draw the weights as published: convolutions uniform (Kaiming, a = 2), linear layers N(0, 0.01).

    Batch norm starts at 1 and 0 anyway. Neurons keep the parameters they were made with.
    """
    for _, module in outermost(network, (SpikingNeuron,)):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, a=2)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
