"""ResNet with neurons and one of three shortcuts.

    sew        y = A(x) + x, A(x) = neuron(bn(conv(neuron(bn(conv(x))))))     spikes are added
    membrane   y = A(x) + x, A(x) = bn(conv(neuron(bn(conv(neuron(x))))))     currents are added
    post_add   y = neuron(A(x) + x), A(x) = bn(conv(neuron(bn(conv(x)))))     a current and spikes are added

SEW ADD: Fang et al., NeurIPS 2021, arXiv:2102.04159. Membrane shortcut (MS-ResNet): Hu et al.,
TNNLS 2024, arXiv:2112.08954. Both can represent the identity, which "post_add" cannot with neurons that
spike: it is the ResNet of He et al., CVPR 2016, arXiv:1512.03385, with a neuron in place of every ReLU, as
it is trained as an ANN and converted. Where the size changes, x passes a 1x1 convolution and batch norm;
He et al. pad with zeros on CIFAR. With "sew" the input of a convolution is a whole number, the sum of
several spikes; a 2 is counted as two synaptic operations. With "membrane" every convolution but the stem
and the shortcuts that change the size sees binary spikes. What differs from the papers: the stem and the
defaults follow the size of the images. The stem "three_conv3" and a layer of neurons behind the last pool
are those of the "ResNet-20" that conversion papers use (Li et al., ICML 2021, arXiv:2106.06984, and its
first code).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeAlias

import torch
from annotated_types import Ge, MinLen
from torch import Tensor, nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ContractError
from snnplug.nn import TimeModule, TimeSequential, as_neuron, is_static
from snnplug_models.layers import conv, image_shape
from snnplug_models.norms import BatchNorm, Norm, norm

__all__ = ["Connect", "Residual", "resnet"]

Connect: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Residual(TimeModule):
    """What a branch and a shortcut give, connected, both `[T, B, C, H, W]` to `[T, B, C', H', W']`.

    Args:
        branch, shortcut: the two.
        connect: their sum, or another function of both, element by element.
    """

    def __init__(self, branch: TimeModule, shortcut: nn.Module, connect: Connect = torch.add) -> None:
        super().__init__()
        self.branch, self.shortcut, self.connect = branch, shortcut, connect

    def forward(self, x: Tensor) -> Tensor:
        """Connect the two; two stride-0 expansions along T stay one."""
        a, b = self.branch(x), self.shortcut(x)
        if is_static(a) and is_static(b):
            return self.connect(a[0], b[0]).expand_as(a)
        return self.connect(a, b)


@check_ranges
def resnet(
    task: Task,
    *,
    neuron: Component,
    blocks: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] | None = None,
    widths: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] | None = None,
    shortcut: Literal["sew", "membrane", "post_add"] = "sew",
    stem: Literal["auto", "conv3", "conv3_stride2", "three_conv3", "conv7_pool"] = "auto",
    pooling: Literal["avg", "avg_neuron"] = "avg",
    batch_norm: BatchNorm = "joint",
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: images.
        neuron: built for every convolution; with "membrane" and "post_add" not for those of shortcuts.
        blocks: blocks of two convolutions in each stage; all stages but the first halve the size.
            None: (1, 1, 1) below 16 pixels, (2, 2, 2) below 32, (2, 2, 2, 2) from there (ResNet-18).
        widths: channels of each stage. None: 16 below 16 pixels, 32 below 32, 64 from there,
            doubled from stage to stage.
        shortcut: "sew" adds spikes, "membrane" adds currents, "post_add" both, before a neuron.
        stem: first layers: a 3x3 convolution, one with stride 2, three of which the last has
            stride 2, or a 7x7 with stride 2 and a 3x3 max pool with stride 2; "auto" takes
            "conv3", "conv3_stride2" and "conv7_pool" up to 32, 64 and more pixels.
        pooling: the average pool before the last layer; "avg_neuron" has a layer of neurons behind it.
        batch_norm: see `snnplug_models.norms`; with "tdbn" two branches meet where currents are added.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the images are too small for so many stages, or the norm does not fit.
        ValueError: blocks and widths do not fit each other, or are not positive.
    """
    C, H, W = image_shape(task, "resnet")
    size = min(H, W)
    blocks = (
        blocks if blocks is not None else (1, 1, 1) if size < 16 else (2, 2, 2) if size < 32 else (2, 2, 2, 2)
    )
    first = 16 if size < 16 else 32 if size < 32 else 64
    widths = widths if widths is not None else tuple(first * 2**i for i in range(len(blocks)))
    if len(blocks) != len(widths):
        raise ValueError(
            f"blocks and widths must be equally long, got {len(blocks)} and {len(widths)} stages"
        )

    if stem == "auto":
        stem = "conv3" if size <= 32 else "conv3_stride2" if size <= 64 else "conv7_pool"
    reduction = {"conv3": 1, "conv7_pool": 4}.get(stem, 2) * 2 ** (len(blocks) - 1)
    if size < reduction:
        raise ContractError(
            f"{len(blocks)} stages and the stem {stem!r} divide the size by {reduction}, "
            f"but images are {H} x {W}; use fewer stages or another stem"
        )
    make = norm(batch_norm, task, neuron)
    layers: list[nn.Module] = []
    C = widths[0]
    for inputs, kernel, stride in _stem(stem, task.input_shape[0], C):
        if layers:
            layers.append(as_neuron(neuron))
        layers += conv(inputs, C, kernel, stride, norm=make)
    if shortcut != "membrane":
        layers.append(as_neuron(neuron))
    if stem == "conv7_pool":
        layers.append(nn.MaxPool2d(3, 2, 1))
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        for block in range(count):
            step = 2 if stage and not block else 1
            layers.append(_block(C, width, step, neuron, shortcut, make))
            if shortcut == "post_add":
                layers.append(as_neuron(neuron))
            C = width
    if shortcut == "membrane":
        layers.append(as_neuron(neuron))
    layers.append(nn.AdaptiveAvgPool2d(1))
    if pooling == "avg_neuron":
        layers.append(as_neuron(neuron))
    layers += [nn.Flatten(), nn.Linear(C, task.classes)]
    return TimeSequential(*layers, *([as_neuron(neuron)] if spiking_output else []))


def _stem(stem: str, inputs: int, width: int) -> list[tuple[int, int, int]]:
    """Return input channels, kernel size and stride of each convolution of a stem."""
    if stem == "three_conv3":
        return [(inputs, 3, 1), (width, 3, 1), (width, 3, 2)]
    return [(inputs, 7, 2) if stem == "conv7_pool" else (inputs, 3, 1 if stem == "conv3" else 2)]


def _block(inputs: int, outputs: int, stride: int, neuron: Component, shortcut: str, norm: Norm) -> Residual:
    met = 1 if shortcut == "sew" else 2  # currents that are added
    one = conv(inputs, outputs, stride=stride, norm=norm)
    two = conv(outputs, outputs, norm=norm, branches=met)
    resize: list[nn.Module] = []
    if stride > 1 or inputs != outputs:
        resize = conv(inputs, outputs, 1, stride, norm=norm, branches=met)
    if shortcut == "sew":
        branch = TimeSequential(*one, as_neuron(neuron), *two, as_neuron(neuron))
        resize += [as_neuron(neuron)] if resize else []
    elif shortcut == "membrane":
        branch = TimeSequential(as_neuron(neuron), *one, as_neuron(neuron), *two)
    else:
        branch = TimeSequential(*one, as_neuron(neuron), *two)
    return Residual(branch, TimeSequential(*resize))
