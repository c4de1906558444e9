"""VGG with neurons: 3x3 convolution, batch norm, neuron, and pools between.

K. Simonyan and A. Zisserman, ICLR 2015, arXiv:1409.1556. What differs: batch norm, a neuron in
place of each ReLU, no 4096-wide layers unless asked for, and any list of widths. Max pools keep
spikes binary; average pools make fractions of them, so the next layer's input is analog and is
billed in MACs, unless neurons follow the pool too, as in networks made for conversion: vgg16 then
has 13 + 5 layers of neurons (Li et al., ICML 2021, arXiv:2106.06984, and its code).

"vggsnn" and "vgg11_dvs" are the networks for event frames of 48 x 48 and of 128 x 128 pixels; pools average:

    vggsnn      64-128-P-256-256-P-512-512-P-512-512-P-FC      Deng et al., ICLR 2022, arXiv:2202.11946
    vgg11_dvs   64-P-128-P-256-256-P-512-512-512-512-mean-FC   Shen et al., NeurIPS 2024; head = "average"

As published their convolutions have a bias too, which batch norm takes away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval
from torch import nn

from snnplug import Component, Task, check_ranges
from snnplug.errors import ContractError, did_you_mean
from snnplug.nn import Dropout, TimeSequential, as_neuron
from snnplug_models.layers import conv, image_shape, start_as_he
from snnplug_models.norms import BatchNorm, norm

__all__ = ["CONFIGURATIONS", "vgg"]

Layers = list[int | str]

CONFIGURATIONS: Mapping[str, Layers] = {
    "vgg3": [16, "M", 32, "M"],
    "vgg5": [32, "M", 64, 64, "M", 128, "M"],
    "vgg9": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M"],
    "vgg11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg16": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "vgg19": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
    "vggsnn": [64, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg11_dvs": [64, "M", 128, "M", 256, 256, "M", *[512] * 4],
}
"""Widths of the convolutions; "M" is a pool. Numbers in the upper names count one linear layer."""


@check_ranges
def vgg(
    task: Task,
    *,
    neuron: Component,
    layers: str | list[int | str] = "auto",
    batch_norm: BatchNorm = "joint",
    pooling: Literal["max", "avg", "avg_neuron"] = "max",
    head: Literal["flatten", "average"] = "flatten",
    hidden: tuple[Annotated[int, Ge(1)], ...] = (),
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    start: Literal["torch", "he"] = "torch",
    last_std: Annotated[float, Gt(0)] | None = None,
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: images.
        neuron: built for every convolution and hidden layer, and for every pool with "avg_neuron".
        layers: widths and "M" for a 2x2 pool, a name such as "vgg11", or "auto": vgg3 below
            16 pixels, vgg5 below 32, vgg11 from there.
        batch_norm: see `snnplug_models.norms`.
        pooling: what "M" stands for; "avg_neuron" is an average pool and a layer of neurons.
        head: whether fully connected layers see the last image as it is, or its mean.
        hidden: widths of fully connected layers before the last.
        dropout: probability for the inputs of fully connected layers; one mask for all steps.
        start: weights of convolutions at the start: as torch draws them, or N(0, 2 / fan_out).
        last_std: standard deviation of the last layer's weights at the start; None for torch's own.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the pools leave nothing of the image, or the norm does not fit; see
            `snnplug_models.norms`.
        ValueError: the layers are unknown or not positive.
    """
    C, H, W = image_shape(task, "vgg")
    make = norm(batch_norm, task, neuron)
    modules: list[nn.Module] = []
    for width in _widths(layers, min(H, W)):
        if isinstance(width, str):
            H, W = H // 2, W // 2
            if min(H, W) < 1:
                size = " x ".join(map(str, task.input_shape[1:]))
                raise ContractError(
                    f"the pools of layers = {layers!r} leave nothing of images of {size} pixels; use fewer"
                )
            modules.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
            if pooling == "avg_neuron":
                modules.append(as_neuron(neuron))
        else:
            modules += [*conv(C, width, norm=make), as_neuron(neuron)]
            C = width
    modules += [nn.AdaptiveAvgPool2d(1)] if head == "average" else []
    modules.append(nn.Flatten())
    features = C if head == "average" else C * H * W
    for width in (*hidden, task.classes):
        if dropout:
            modules.append(Dropout(dropout))
        modules += [nn.Linear(features, width), as_neuron(neuron)]
        features = width
    if last_std is not None:
        nn.init.normal_(modules[-2].get_parameter("weight"), std=last_std)
    model = TimeSequential(*(modules if spiking_output else modules[:-1]))
    if start == "he":
        start_as_he(model)
    return model


def _widths(layers: str | Layers, size: int) -> Layers:
    if layers == "auto":
        layers = "vgg3" if size < 16 else "vgg5" if size < 32 else "vgg11"
    if isinstance(layers, str):
        if layers not in CONFIGURATIONS:
            names = ", ".join(("auto", *CONFIGURATIONS))
            hint = did_you_mean(layers, CONFIGURATIONS)
            raise ValueError(
                f"layers {layers!r} is unknown.{hint} Names: {names}, or a list of widths and 'M'"
            )
        return CONFIGURATIONS[layers]
    for width in layers:
        if width != "M" and (isinstance(width, str) or width < 1):
            raise ValueError(f"layers must hold widths of at least 1 and 'M' for a pool, got {width!r}")
    return layers
