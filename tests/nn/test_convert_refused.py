"""What no spiking network computes is refused, with the operation and the user's line of source."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from snnplug.errors import ContractError, ConversionError
from snnplug.nn import convert

from .converting import Levels, Rectify


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 5)

    def forward(self, x):
        x = self.middle(F.relu(self.conv(x)))
        return self.fc(x.mean((2, 3)))


class Attention(Net):
    def middle(self, x):
        weights = torch.softmax(x.flatten(2).mean(1), -1)
        return x * weights.view(-1, 1, 8, 8)


class Dots(Net):
    def middle(self, x):
        tokens = x.flatten(2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens).view_as(x)


class Gate(Net):
    def middle(self, x):
        gate = torch.sigmoid(x.mean((2, 3), keepdim=True))
        return x * gate


class GroupNorm(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)

    def middle(self, x):
        return self.norm(x)


class Transposed(Net):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 4, 2, 2)

    def middle(self, x):
        return self.up(x)


class Branch(Net):
    def middle(self, x):
        if x.sum() > 0:
            return x * 2
        return x


class Alias(Net):
    def middle(self, x):
        half = x[:, :2]
        half.mul_(2)
        return x


class Upsampling(Net):
    def middle(self, x):
        return F.interpolate(x, scale_factor=2)


class Shrink(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


shrink = Shrink.apply  # taken before anything could be put in its place


class Custom(Net):
    def middle(self, x):
        return shrink(x - 1)


class Recurrent(Net):
    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.LSTM(4, 4, batch_first=True)

    def middle(self, x):
        y, _ = self.memory(x.mean(3).transpose(1, 2))
        return y.transpose(1, 2).unsqueeze(3)


class Counter(Net):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def middle(self, x):
        self.calls += 1
        return x


class BatchStatistics(Net):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def middle(self, x):
        return self.norm(x)


class Across(Net):
    def middle(self, x):
        return x - x.mean(0, keepdim=True)


class Signed(Net):
    def middle(self, x):
        return F.hardtanh(x - 1)


class Padded(Net):
    def middle(self, x):
        return F.pad(x, (1, 1, 1, 1), value=1.0)


class Noise(Net):
    def middle(self, x):
        return x + torch.rand_like(x)


class Zeros(Net):
    def middle(self, x):
        return x + torch.zeros(x.shape[0], 4, 1, 1)


class Unknown(Net):
    def middle(self, x):
        return x.cumsum(1)


class Half(Net):
    def middle(self, x):
        return x.half().float()


class Product(Net):
    def middle(self, x):
        return (x.flatten(2) @ x.flatten(2).transpose(1, 2)).unsqueeze(3)


class Input(Net):
    def forward(self, x):
        x.relu_()
        return self.conv(x).mean((2, 3))


def line_with(cls: type, text: str) -> str:
    """Return the line of a class that holds a text, as it is reported."""
    lines, first = inspect.getsourcelines(cls)
    place = next(i for i, line in enumerate(lines) if text in line)
    return f"test_convert_refused.py:{first + place}: {lines[place].strip()}"


REFUSED = [  # the operation, a part of the reason, and of the line
    (Attention, "softmax", "softmax divides", "torch.softmax("),
    (Dots, "scaled_dot_product_attention", "attention", "scaled_dot"),
    (Gate, "sigmoid", "a sigmoid", "torch.sigmoid("),
    (GroupNorm, "group_norm", "its scale depends on the input", "self.norm(x)"),
    (Transposed, "conv_transpose2d", "a transposed convolution", "self.up(x)"),
    (Alias, "mul", "changes in place what another view", "half.mul_(2)"),
    (Upsampling, "upsample_nearest2d", "upsampling", "F.interpolate("),
    (Custom, "clamp", "Shrink, a custom autograd function", "shrink(x - 1)"),
    (Recurrent, "lstm", "a recurrent layer", "self.memory("),
    (Counter, "add", "changes a parameter or buffer in place", "self.calls += 1"),
    (BatchStatistics, "batch_norm", "takes the statistics of the batch", "self.norm(x)"),
    (Across, "mean", "works across the samples of a batch", "x.mean(0"),
    (Signed, "hardtanh", "bounded below by something else than 0", "F.hardtanh("),
    (Padded, "pad", "pads with something else than zeros", "F.pad("),
    (Noise, "rand_like", "draws random numbers", "torch.rand_like("),
    (Zeros, "add", "made anew for each batch", "torch.zeros("),
    (Unknown, "cumsum", "it has no rule", "x.cumsum("),
    (Half, "to", "changes the type", "x.half()"),
    (Product, "matmul", "multiplies two tensors that depend on the input", "x.flatten(2) @"),
    (Input, "relu", "changes the input in place", "x.relu_()"),
]


@pytest.mark.parametrize(
    ("cls", "operation", "why", "text"), REFUSED, ids=lambda value: getattr(value, "__name__", "")
)
def test_refused_with_operation_and_line(cls, operation, why, text) -> None:
    example = torch.rand(2, 3, 8, 8)
    with pytest.raises(ConversionError) as raised:
        convert(cls(), example, Rectify)
    line = line_with(cls, text)
    first = raised.value.refused[0]
    assert first.startswith(operation)
    assert why in first
    assert f"at {line}:" in first
    assert first in str(raised.value)
    conversion = convert(cls(), example, Rectify, strict=False)
    assert [str(entry) for entry in conversion.refused] == list(raised.value.refused)
    assert (conversion.refused[0].operation, conversion.refused[0].line) == (operation, line)
    assert conversion.converted is None
    with pytest.raises(ConversionError):
        _ = conversion.network


def test_a_data_dependent_branch_stops_the_export() -> None:
    with pytest.raises(ConversionError) as raised:
        convert(Branch(), torch.rand(2, 3, 8, 8), Rectify)
    assert "data-dependent branch" in str(raised.value)
    assert line_with(Branch, "if x.sum()") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_branch_in_the_graph_is_refused_like_any_operation() -> None:
    class Cond(Net):
        def middle(self, x):
            return torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x * 3, (x,))

    refused = convert(Cond(), torch.rand(2, 3, 8, 8), Rectify, strict=False).refused
    assert [entry.operation for entry in refused] == ["sum", "gt", "cond"]
    assert all(".cond(" in entry.line for entry in refused)


def test_every_refused_operation_is_listed() -> None:
    class Many(Net):
        def middle(self, x):
            y = F.silu(self.conv(F.gelu(x[:, :3])))
            return torch.tanh(y) * x

    with pytest.raises(ConversionError) as raised:
        convert(Many(), torch.rand(2, 3, 8, 8), Rectify)
    assert [line.split()[0] for line in raised.value.refused] == ["gelu", "silu", "tanh", "mul"]
    assert str(raised.value).startswith("4 operations of the model cannot be converted:\n  gelu at test_")
    assert "Allowed are" in str(raised.value)


def test_models_that_cannot_be_exported() -> None:
    class Fixed(Net):
        def middle(self, x):
            return x.view(2, 4, 8, 8)

    class Wrong(Net):
        def middle(self, x):
            return x @ torch.zeros(3, 3)

    with pytest.raises(ConversionError, match="works for one batch size only"):
        convert(Fixed(), torch.rand(2, 3, 8, 8), Rectify)
    with pytest.raises(
        ConversionError, match=r"refuses it at test_convert_refused\.py:\d+: return x @ torch"
    ):
        convert(Wrong(), torch.rand(2, 3, 8, 8), Rectify)


def test_several_inputs_or_outputs() -> None:
    class Two(Net):
        def forward(self, x):
            return self.conv(x), x

    class Nothing(nn.Module):
        def forward(self, x):
            return torch.zeros(2, 3)

    with pytest.raises(ContractError, match="this one returns 2"):
        convert(Two(), torch.rand(2, 3, 8, 8), Rectify)
    with pytest.raises(ContractError, match="does not depend on its input"):
        convert(Nothing(), torch.rand(2, 3), Rectify)
    with pytest.raises(ContractError, match='pools must be "fold" or "stage", got \'max\''):
        convert(Net(), torch.rand(2, 3, 8, 8), Rectify, pools="max")


def test_a_stage_of_pools_needs_what_is_not_negative() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.AvgPool2d(2), nn.ReLU())
    with pytest.raises(
        ConversionError, match=r"avg_pool2d in '1': stands before the activation.*pools=\"fold\""
    ):
        convert(model, torch.rand(2, 1, 6, 6), Levels, pools="stage")
