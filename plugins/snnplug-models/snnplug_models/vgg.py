"""VGG with neurons: 3x3 convolution, batch norm, neuron, and pools between.

K. Simonyan and A. Zisserman, ICLR 2015, arXiv:1409.1556. What differs: batch norm, a neuron in
place of each ReLU, no 4096-wide layers unless asked for, and any list of widths. Max pools keep
spikes binary; average pools make fractions of them, so the next layer's input is analog and is
billed in MACs, unless neurons follow the pool too, as in networks made for conversion: vgg16 then
has 13 + 5 layers of neurons (Li et al., ICML 2021, arXiv:2106.06984, and its code).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import nn

from snnplug import Component, Task
from snnplug.errors import ContractError, did_you_mean
from snnplug.nn import Dropout, TimeSequential, as_neuron
from snnplug_models.layers import conv, image_shape

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
}
"""Widths of the convolutions; "M" is a pool. The numbers in the names count one linear layer."""


def vgg(
    task: Task,
    *,
    neuron: Component,
    layers: str | list[int | str] = "auto",
    batch_norm: Literal["joint", "per_step", "none"] = "joint",
    pooling: Literal["max", "avg", "avg_neuron"] = "max",
    hidden: tuple[int, ...] = (),
    dropout: float = 0.0,
    spiking_output: bool = False,
) -> TimeSequential:
    """Return the network: `[T, B, C, H, W]` to `[T, B, K]`.

    Args:
        task: images.
        neuron: built for every convolution and hidden layer, and for every pool with "avg_neuron".
        layers: widths and "M" for a 2x2 pool, a name such as "vgg11", or "auto": vgg3 below
            16 pixels, vgg5 below 32, vgg11 from there.
        batch_norm: over time and batch together, per step, or none.
        pooling: what "M" stands for; "avg_neuron" is an average pool and a layer of neurons.
        hidden: widths of fully connected layers before the last.
        dropout: probability for the inputs of fully connected layers; one mask for all steps.
        spiking_output: end in a layer of neurons; without it the outputs are analog.

    Raises:
        ContractError: the pools leave nothing of the image.
        ValueError: the layers are unknown or not positive.
    """
    C, H, W = image_shape(task, "vgg")
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
            modules += [*conv(C, width, batch_norm=batch_norm), as_neuron(neuron)]
            C = width
    modules.append(nn.Flatten())
    features = C * H * W
    for width in (*hidden, task.classes):
        if width < 1:
            raise ValueError(f"hidden must hold widths of at least 1, got {width}")
        if dropout:
            modules.append(Dropout(dropout))
        modules += [nn.Linear(features, width), as_neuron(neuron)]
        features = width
    return TimeSequential(*(modules if spiking_output else modules[:-1]))


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
