"""What the architectures share: the check of the input shape, convolution and its norm, first weights."""

from __future__ import annotations

from torch import nn

from snnplug import Task
from snnplug.errors import ContractError
from snnplug_models.norms import Norm

__all__ = ["conv", "image_shape", "start_as_he"]


def image_shape(task: Task, name: str) -> tuple[int, int, int]:
    """Return `(C, H, W)`.

    Raises:
        ContractError: the task's inputs are no images.
    """
    if len(task.input_shape) != 3:
        raise ContractError(f"{name} needs images [C, H, W], got inputs of shape {list(task.input_shape)}")
    C, H, W = task.input_shape
    return C, H, W


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, norm: Norm, branches: int = 1
) -> list[nn.Module]:
    """Return a convolution that keeps the size (divided by the stride) and its normalisation.

    Args:
        inputs, outputs: channels.
        kernel: odd kernel size.
        stride: stride.
        norm: makes the normalisation; without one the convolution has a bias.
        branches: how many currents are added before the next neuron, this one included.
    """
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=norm.bias)
    return [layer, *norm.behind(outputs, branches=branches)]


def start_as_he(model: nn.Module) -> None:
    """Draw the weights of convolutions anew from N(0, 2 / fan_out).

    He et al., ICCV 2015, arXiv:1502.01852.
    """
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
