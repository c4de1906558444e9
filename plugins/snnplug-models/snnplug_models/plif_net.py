"""The networks of the PLIF paper: blocks of convolutions and a pool, two linear layers, and a vote.

    {conv3x3 - norm - neuron} x n - pool, several times - {dropout - linear - neuron} x 2 - mean of V a class

Fang et al., ICCV 2021, arXiv:2007.05785, and its code. No layer has a bias but that of batch norm.

    mnist           2 blocks of 1 convolution with 128 channels, 2048 hidden      also for Fashion-MNIST
    cifar10         2 blocks of 3 with 256, 2048 hidden, no second dropout
    nmnist          2 blocks of 1 with 128, a quarter of its inputs hidden
    cifar10dvs      4 blocks of the same
    dvs128gesture   5 blocks of the same

What differs: outputs of every step are returned, and the loss reads them out, where the code returns their
sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, TypeAlias

from annotated_types import Ge, Interval
from torch import Tensor, nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ContractError
from snnplug.nn import Dropout, TimeModule, TimeSequential, as_neuron
from snnplug_models.layers import conv, image_shape
from snnplug_models.norms import BatchNorm, norm

__all__ = ["VARIANTS", "Vote", "plif_net"]

Name: TypeAlias = Literal["mnist", "cifar10", "nmnist", "cifar10dvs", "dvs128gesture"]


class Variant(NamedTuple):
    """A published network.

    Attributes:
        blocks, convolutions: blocks, and convolutions in each.
        channels: of all convolutions.
        hidden: outputs of the first linear layer; 0 for a quarter of its inputs.
        dropouts: how many of the two linear layers have dropout before them.
    """

    blocks: int
    convolutions: int = 1
    channels: int = 128
    hidden: int = 0
    dropouts: int = 2


VARIANTS: Mapping[Name, Variant] = {
    "mnist": Variant(2, hidden=2048),
    "cifar10": Variant(2, 3, 256, 2048, 1),
    "nmnist": Variant(2),
    "cifar10dvs": Variant(4),
    "dvs128gesture": Variant(5),
}


class Vote(TimeModule):
    """Means over V neighbouring outputs: `[T, B, K V]` to `[T, B, K]`.

    Args:
        votes: number V of outputs for each class.
    """

    def __init__(self, votes: Annotated[int, Ge(1)]) -> None:
        super().__init__()
        self.votes = votes

    def forward(self, x: Tensor) -> Tensor:
        """Average."""
        return x.reshape(*x.shape[:-1], -1, self.votes).mean(-1)

    def extra_repr(self) -> str:
        """Show the number."""
        return f"votes={self.votes}"


@check_ranges
def plif_net(
    task: Task,
    *,
    neuron: Component,
    variant: Name = "mnist",
    channels: Annotated[int, Ge(1)] | None = None,
    hidden: Annotated[int, Ge(1)] | None = None,
    votes: Annotated[int, Ge(1)] = 10,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
    pooling: Literal["max", "avg"] = "max",
    batch_norm: BatchNorm = "joint",
) -> TimeSequential:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`, all outputs multiples of 1 / votes.

    Args:
        task: images or event frames.
        neuron: built for every convolution and linear layer.
        variant: which of the published networks; any fits any size that its pools leave something of.
        channels, hidden: other numbers than those of the variant.
        votes: outputs that are averaged for a class.
        dropout: probability for the inputs of linear layers; one mask for all steps.
        pooling: at the end of each block; after "avg" the next layer's input is analog.
        batch_norm: see `snnplug_models.norms`.

    Raises:
        ContractError: the pools leave nothing of the image, or the norm does not fit.
        ValueError: a number is not positive.
    """
    C, H, W = image_shape(task, "plif_net")
    facts = VARIANTS[variant]
    channels = facts.channels if channels is None else channels
    if min(H, W) >> facts.blocks < 1:
        raise ContractError(
            f"plif_net for {variant} halves images {facts.blocks} times, which leaves nothing of {H} x {W} "
            "pixels; use a variant with fewer blocks"
        )
    make = norm(batch_norm, task, neuron)
    layers: list[nn.Module] = []
    for _ in range(facts.blocks):
        for _ in range(facts.convolutions):
            layers += [*conv(C, channels, norm=make), as_neuron(neuron)]
            C = channels
        layers.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
    layers.append(nn.Flatten())
    features = C * (H >> facts.blocks) * (W >> facts.blocks)
    hidden = hidden or facts.hidden or max(1, features // 4)
    for i, width in enumerate((hidden, votes * task.classes)):
        layers += [Dropout(dropout)] if i < facts.dropouts else []
        layers += [nn.Linear(features, width, bias=False), as_neuron(neuron)]
        features = width
    return TimeSequential(*layers, Vote(votes))
