"""What multiplies and is not counted is named; what multiplies nothing, or only weights, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from snnplug.nn import Dropout, StepwiseBatchNorm2d, TimeSequential, fold, record
from snnplug.testing.candidates import TinyStart

from .counting import Fire, binary


class Calls(nn.Module):
    """Does with its part what it is told."""

    def __init__(self, call: Callable[[Any, Tensor], Any], part: nn.Module | None = None) -> None:
        super().__init__()
        self.part, self.call = part, call
        self.plain = torch.rand(6, 2)

    def forward(self, x: Tensor) -> Any:
        return self.call(self, x)


class Scale(nn.Module):
    """Multiplies by a weight for each feature."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Opaque(nn.Module):
    """Computes outside torch."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy() @ self.weight.detach().numpy())


@torch.library.custom_op("snnplug_tests::product", mutates_args=())
def product(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply in an operation of which torch knows nothing."""
    return torch.from_numpy(x.numpy() @ weight.numpy())


X = binary(3, 2, 6)


def uncounted(model: nn.Module, x: Tensor = X) -> dict[str, str]:
    with torch.no_grad(), record(model) as activity:
        model(x)
    return activity.uncounted


@pytest.mark.parametrize(
    ("part", "call", "kind"),
    [
        (Scale(), lambda part, x: part(x), "Scale"),
        (Opaque(), lambda part, x: part(x), "Opaque"),
        (nn.PReLU(2), lambda part, x: part(x), "PReLU"),
        (nn.Bilinear(6, 6, 2), lambda part, x: part(x, x), "Bilinear"),
        (nn.Embedding(2, 3), lambda part, x: part(x.long()), "Embedding"),
        (nn.LSTM(6, 3), lambda part, x: part(x), "LSTM"),
        (nn.GRU(6, 3), lambda part, x: part(x), "GRU"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers_with_weights(part: nn.Module, call: Callable[[Any, Tensor], Any], kind: str) -> None:
    assert uncounted(Calls(lambda net, x: call(net.part, x), part)) == {"part": kind}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda net, x: x * x.roll(1, 0), "mul"),
        (lambda net, x: (x.unsqueeze(-1) * net.plain).sum(-2), "mul"),
        (lambda net, x: torch.addcmul(x, x, x) / (x + 1), "addcmul, div"),
        (lambda net, x: x**2, "pow"),
        (lambda net, x: torch.fft.fft(x), "_fft_"),
        (lambda net, x: product(x, net.plain), "snnplug_tests::product"),
        (lambda net, x: torch.sparse.mm(net.plain.t().to_sparse(), x[0].t()), "_sparse_"),
        (lambda net, x: torch.linalg.solve(torch.eye(6) + x[0].t() @ x[0], x[0].t()), "_linalg_solve"),
    ],
)
def test_multiplications_without_weights(call: Callable[[Any, Tensor], Any], kind: str) -> None:
    for model, name in ((Calls(call), "Calls"), (nn.Sequential(Calls(call)), "0")):
        found = uncounted(model)
        assert list(found) == [name]
        assert found[name].startswith(kind)


def test_nothing_is_named_that_does_not_multiply() -> None:
    model = TimeSequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        StepwiseBatchNorm2d(4),
        nn.ConvTranspose2d(4, 4, 2),
        nn.GroupNorm(2, 4),
        TinyStart(),
        nn.MaxPool2d(2),
        nn.AvgPool2d(2),
        Dropout(0.5),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.LayerNorm(4),
        nn.LazyLinear(3),
        nn.Softmax(-1),
    )
    x = torch.rand(2, 2, 1, 6, 6)
    model(x)
    for training in (True, False):
        assert not uncounted(model.train(training), x)


@pytest.mark.parametrize(
    "call",
    [
        lambda net, x: net.part(x) * 2 / 3 + net.part.bias,
        lambda net, x: torch.where(net.part.weight[:, 0] > 0, fold(net.part, x), net.part.bias),
        lambda net, x: torch.cat([fold(net.part, x), net.part.bias.expand(3, 2, 6)]),
        lambda net, x: net.part(x) if x.any() else x,
    ],
)
def test_scales_sums_and_choices(call: Callable[[Any, Tensor], Any]) -> None:
    assert not uncounted(Calls(call, nn.Linear(6, 6)))


def test_a_part_that_passes_its_input_on_is_not_named() -> None:
    class Skips(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            return x

    assert not uncounted(Calls(lambda net, x: net.part(x), Skips()))


@pytest.mark.parametrize(
    "make",
    [
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        parametrizations.orthogonal,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    ],
)
def test_weights_made_of_weights_cost_nothing(make: Callable[[nn.Module], nn.Module]) -> None:
    model = TimeSequential(make(nn.Linear(6, 4)), Fire())
    with torch.no_grad(), record(model) as activity:
        model(X)
    assert list(activity.synapses) == ["layers.0"]
    assert activity.synapses["layers.0"].operations == [4 * value for value in X.sum((1, 2)).tolist()]
    assert not activity.uncounted


def test_weights_of_low_rank_and_weights_that_the_network_computes() -> None:
    one, two = nn.Linear(2, 4, bias=False), nn.Linear(6, 2, bias=False)
    model = Calls(
        lambda net, x: F.linear(x, net.part[0].weight @ net.part[1].weight), nn.ModuleList([one, two])
    )
    with torch.no_grad(), record(model) as activity:
        model(X)
    assert activity.synaptic_operations == 4 * float(X.sum()) / 2

    def hyper(net: Any, x: Tensor) -> Tensor:
        return torch.bmm(x.transpose(0, 1), net.part(x.mean(0)).view(2, 6, 3))

    model = Calls(hyper, nn.Linear(6, 18))
    with torch.no_grad(), record(model) as activity:
        model(X)
    assert activity.macs == 6 * 18
    assert activity.synaptic_operations == 3 * float(X.sum()) / 2
    assert list(activity.synapses) == ["part", "(bmm)"]


def test_the_state_of_a_layer_in_a_buffer_is_no_weights() -> None:
    class Stateful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)
            self.register_buffer("last", torch.zeros(2, 6))
            self.register_buffer("projection", torch.rand(6, 2))

        def forward(self, x: Tensor) -> Tensor:
            y = self.layer(self.last) + x[0] + (self.projection @ self.projection.t()).sum()
            self.last = x[-1].clone()
            return y @ self.projection

    model = Stateful()
    with torch.no_grad(), record(model) as activity:
        model(X)
        model(X)
    assert activity.synapses["layer"].operations == [6 * float(X[-1].sum())]  # not the product of constants
    assert set(activity.synapses) == {"layer", "projection"}


def test_scaled_dot_product_attention_and_torchs_attention_layer() -> None:
    x = binary(3, 2, 5, 8)

    def attend(net: Any, x: Tensor) -> Tensor:
        heads = x.flatten(0, 1).view(6, 5, 2, 4).transpose(1, 2)
        return F.scaled_dot_product_attention(heads, heads, heads)

    model = Calls(attend)
    with torch.no_grad(), record(model) as activity:
        model(x)
    seen = activity.synapses["(scaled_dot_product_attention)"]
    assert seen.operations == [
        2 * 5 * value for value in x.sum((1, 2, 3)).tolist()
    ]  # as queries and as values
    assert seen.macs == 2 * 6 * 2 * 5 * 5 * 4

    layer = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    model = Calls(lambda net, x: net.part(*[x.flatten(0, 1)] * 3), layer)
    with torch.no_grad(), record(model) as activity:
        model(x)
    assert not activity.uncounted
    assert activity.synapses["part"].operations == [24 * value for value in x.sum((1, 2, 3)).tolist()]
    assert activity.synapses["part.out_proj"].macs == 3 * 2 * 5 * 8 * 8
    assert torch.backends.mha.get_fastpath_enabled()
