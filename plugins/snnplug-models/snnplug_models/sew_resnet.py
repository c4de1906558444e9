"""SEW-ResNet: residual blocks whose spikes are connected with those of their shortcut.

    stem       conv7x7 stride 2 - norm - neuron - pool3x3 stride 2, or conv3x3 - norm - neuron
    block      g(neuron(norm(conv3x3(neuron(norm(conv3x3(x)))))), x)                                18, 34
               g(neuron(norm(conv1x1(neuron(norm(conv3x3(neuron(norm(conv1x1(x)))))))), x)          50 to 152
    shortcut   neuron(norm(conv1x1(x))) where the size or the channels change
    head       mean over the image - linear

Fang et al., NeurIPS 2021, arXiv:2102.04159, with g as in `snnplug_models.sew`. The pool of the stem is an
average, as in Shen et al., NeurIPS 2024; a maximum, as at first, keeps spikes binary. On images the stem's
convolution and norm run once. What differs: outputs of every step are returned, and a loss reads them out;
the stem follows the size of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Ge, MinLen
from torch import nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ContractError
from snnplug.nn import TimeSequential, as_neuron
from snnplug_models.layers import conv, image_shape, start_as_he
from snnplug_models.norms import BatchNorm, Norm, norm
from snnplug_models.resnet import Residual
from snnplug_models.sew import CONNECT, ConnectName

__all__ = ["BLOCKS", "Depth", "sew_resnet"]

Depth: TypeAlias = Literal[18, 34, 50, 101, 152]

BLOCKS: Mapping[Depth, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
"""Blocks of each stage; from 50 layers on a block has three convolutions and four times the channels."""


@check_ranges
def sew_resnet(
    task: Task,
    *,
    neuron: Component,
    depth: Depth = 18,
    connect: ConnectName = "ADD",
    blocks: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] | None = None,
    width: Annotated[int, Ge(1)] = 64,
    stem: Literal["auto", "conv3", "conv7_pool"] = "auto",
    pool: Literal["avg", "max"] = "avg",
    batch_norm: BatchNorm = "joint",
    start_as_identity: bool = False,
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: images or event frames.
        neuron: built for every convolution, those of shortcuts among them.
        depth: 18 and 34 have blocks of two convolutions, 50, 101 and 152 of three.
        connect: how spikes of a block and its shortcut become one; see `snnplug_models.sew`.
        blocks: blocks of each stage; None for those of the depth.
        width: channels of the stem; stages have 1, 2, 4, 8 times as many, from 50 layers on four times that.
        stem: "auto" is "conv3" up to 64 pixels and "conv7_pool" above.
        pool: of the stem "conv7_pool"; behind "avg" the first blocks see fractions and are billed in MACs.
        batch_norm: see `snnplug_models.norms`.
        start_as_identity: blocks pass their shortcut on at the start: the scale of their last norm is 0,
            and for AND its shift 1.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the images are too small for so many stages, the norm does not fit the neuron or the
            steps, or a gate is asked for with neurons that send more than 0 and 1.
        ValueError: blocks or width are not positive, or without a norm blocks are to start as the identity.
    """
    C, H, W = image_shape(task, "sew_resnet")
    blocks = BLOCKS[depth] if blocks is None else blocks
    if start_as_identity and batch_norm == "none":
        raise ValueError("start_as_identity needs a norm, but batch_norm = 'none'; choose one of the two")
    if stem == "auto":
        stem = "conv3" if min(H, W) <= 64 else "conv7_pool"
    reduction = (4 if stem == "conv7_pool" else 1) * 2 ** (len(blocks) - 1)
    if min(H, W) < reduction:
        raise ContractError(
            f"{len(blocks)} stages and the stem {stem!r} divide the size by {reduction}, "
            f"but images are {H} x {W}; use fewer stages or another stem"
        )
    _check_gate(connect, neuron)
    make = norm(batch_norm, task, neuron)
    kernel, stride = (7, 2) if stem == "conv7_pool" else (3, 1)
    layers: list[nn.Module] = [*conv(C, width, kernel, stride, norm=make), as_neuron(neuron)]
    if stem == "conv7_pool":
        layers.append(nn.AvgPool2d(3, 2, 1) if pool == "avg" else nn.MaxPool2d(3, 2, 1))
    C, expansion = width, 1 if depth < 50 else 4
    for stage, count in enumerate(blocks):
        for block in range(count):
            step = 2 if stage and not block else 1
            layers.append(_block(C, width * 2**stage, expansion, step, neuron, connect, make))
            C = width * 2**stage * expansion
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, task.classes)]
    model = TimeSequential(*layers, *([as_neuron(neuron)] if spiking_output else []))
    start_as_he(model)
    if start_as_identity:
        _silence(model, connect)
    return model


def _block(
    inputs: int,
    width: int,
    expansion: int,
    stride: int,
    neuron: Component,
    connect: ConnectName,
    norm: Norm,
) -> Residual:
    outputs = width * expansion
    if expansion == 1:
        row = [(inputs, width, 3, stride), (width, outputs, 3, 1)]
    else:
        row = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
    branch = [part for one in row for part in (*conv(*one, norm=norm), as_neuron(neuron))]
    resize: list[nn.Module] = []
    if stride > 1 or inputs != outputs:
        resize = [*conv(inputs, outputs, 1, stride, norm=norm), as_neuron(neuron)]
    return Residual(TimeSequential(*branch), TimeSequential(*resize), CONNECT[connect])


def _check_gate(connect: ConnectName, neuron: Component) -> None:
    if connect == "ADD":
        return
    built = as_neuron(neuron)
    if built.graded or built.analog:
        raise ContractError(
            f"{connect} is a gate of spikes of 0 and 1, but {type(built).__name__} sends other values; "
            "use connect = 'ADD', or another neuron"
        )


def _silence(model: nn.Module, connect: ConnectName) -> None:
    for block in model.modules():
        if isinstance(block, Residual):
            last: Any = block.branch.get_submodule("layers")[-2]  # type: ignore[index]
            nn.init.zeros_(last.weight)
            nn.init.constant_(last.bias, 1.0 if connect == "AND" else 0.0)
