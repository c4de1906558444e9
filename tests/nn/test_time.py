from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import Dropout, StepwiseBatchNorm2d, TimeModule, TimeSequential, fold, is_static, join_steps


class Counting(nn.Module):
    """A stateless layer that notes the shape of every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls.append(tuple(x.shape))
        return 2 * x


class RunningSum(TimeModule):
    """Takes the time axis itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(0)


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_fold_equals_a_loop_over_time() -> None:
    layer, x = nn.Conv2d(2, 3, 3), values(4, 5, 2, 6, 7)
    torch.testing.assert_close(fold(layer, x), torch.stack([layer(step) for step in x]))


def test_fold_runs_a_stateless_layer_in_one_call() -> None:
    layer = Counting()
    assert fold(layer, values(4, 3, 2)).shape == (4, 3, 2)
    assert layer.calls == [(12, 2)]


def test_fold_runs_a_layer_on_a_static_input_once() -> None:
    layer, x = Counting(), values(3, 2)
    y = fold(layer, x.expand(4, 3, 2))
    assert layer.calls == [(3, 2)]
    assert y.shape == (4, 3, 2)
    assert is_static(y)
    assert torch.equal(y, fold(Counting(), x.repeat(4, 1, 1)))


def test_gradients_of_the_static_shortcut_equal_those_of_the_repeated_input() -> None:
    layer, x, weight = nn.Linear(2, 3), values(5, 2), values(4, 5, 3)
    grads = []
    for sequence in (x.expand(4, 5, 2), x.repeat(4, 1, 1)):
        (fold(layer, sequence) * weight).sum().backward()
        grads.append(layer.weight.grad)
        layer.zero_grad()
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize(
    ("x", "static"),
    [
        (torch.ones(3, 2).expand(4, 3, 2), True),
        (torch.ones(4, 3, 2), False),
        (torch.ones(1, 3, 2), False),
        (torch.ones(3, 2).expand(1, 3, 2), False),
        (torch.ones(4, 1, 2).expand(4, 3, 2), False),
    ],
)
def test_is_static(x: Tensor, static: bool) -> None:
    assert is_static(x) is static


def test_batch_norm_in_a_fold_takes_time_and_batch_together() -> None:
    norm, x = nn.BatchNorm2d(2), values(3, 4, 2, 5, 5)
    expected = nn.functional.batch_norm(x.flatten(0, 1), None, None, training=True).unflatten(0, (3, 4))
    torch.testing.assert_close(fold(norm, x), expected)
    assert norm.num_batches_tracked == 1


def test_time_sequential_folds_all_but_time_modules() -> None:
    one, two = Counting(), Counting()
    x = values(3, 2)
    y = TimeSequential(one, RunningSum(), two)(x.expand(4, 3, 2))
    torch.testing.assert_close(y, torch.stack([4 * n * x for n in range(1, 5)]))
    assert one.calls == [(3, 2)]
    assert two.calls == [(12, 2)]


def test_a_static_input_passes_neighbouring_layers_once() -> None:
    one, two = Counting(), Counting()
    assert is_static(TimeSequential(one, two)(values(3, 2).expand(4, 3, 2)))
    assert one.calls == two.calls == [(3, 2)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("static", [True, False])
def test_stepwise_batch_norm_equals_batch_norm_called_step_by_step(training: bool, static: bool) -> None:
    x = values(3, 4, 2, 5, 5) + torch.arange(3.0).view(3, 1, 1, 1, 1)  # each step has a mean of its own
    if static:
        x = x[0].expand_as(x)
    weight = values(*x.shape, seed=1)
    runs = []
    for norm in (nn.BatchNorm2d(2), StepwiseBatchNorm2d(2), StepwiseBatchNorm2d(2)):
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([0.5, 2.0]))
            norm.bias.copy_(torch.tensor([-1.0, 1.0]))
            norm.running_mean.copy_(torch.tensor([0.3, -0.3]))
        norm.train(training)
        leaf = x.clone().requires_grad_()
        source = leaf[0].expand_as(x) if static else leaf
        if len(runs) == 2:
            y = torch.stack([norm.step(step) for step in source])
        elif isinstance(norm, nn.BatchNorm2d):
            y = torch.stack([norm(step) for step in source])
        else:
            y = norm(source)
        (y * weight).sum().backward()
        runs.append((y, leaf.grad, norm.weight.grad, norm.bias.grad, dict(norm.named_buffers())))
    for run in runs[1:]:
        torch.testing.assert_close(run, runs[0])
    assert runs[0][4]["num_batches_tracked"] == (3 if training else 0)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(3, 4, 2, 5, 5), (3, 2, 17, 4, 1)])
def test_stepwise_batch_norm_in_training_equals_its_steps_to_the_last_bit(
    shape: tuple[int, ...], order: torch.memory_format
) -> None:
    x = values(*shape).flatten(0, 1).to(memory_format=order).view(shape)
    runs = []
    for by_step in (False, True):
        torch.manual_seed(0)
        norm, leaf = StepwiseBatchNorm2d(shape[2]), x.clone().requires_grad_()
        y = join_steps([norm.step(step) for step in leaf]) if by_step else norm(leaf)
        (y * y).sum().backward()
        runs.append((y, leaf.grad, norm.running_mean, norm.running_var, norm.num_batches_tracked))
    for of_sequence, of_steps in zip(*runs, strict=True):
        assert of_sequence.stride() == of_steps.stride()
        assert torch.equal(of_sequence, of_steps)


def test_stepwise_batch_norm_has_a_second_derivative() -> None:
    norm, x = StepwiseBatchNorm2d(2).double(), values(2, 3, 2, 2, 1).double().requires_grad_()

    def run(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradgradcheck(run, (x, norm.weight, norm.bias))


def test_stepwise_batch_norm_refuses_a_single_value_a_channel_as_batch_norm_does() -> None:
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        StepwiseBatchNorm2d(2)(values(3, 1, 2, 1, 1))


def test_stepwise_batch_norm_loads_a_batch_norm_checkpoint() -> None:
    norm, stepwise = nn.BatchNorm2d(3), StepwiseBatchNorm2d(3)
    norm(values(4, 3, 2, 2))
    stepwise.load_state_dict(norm.state_dict())
    x = values(4, 3, 2, 2, seed=1)
    torch.testing.assert_close(stepwise.eval()(x.unsqueeze(0))[0], norm.eval()(x))


def test_dropout_keeps_one_mask_over_time() -> None:
    torch.manual_seed(0)
    y = Dropout(0.25)(torch.ones(5, 40, 50))
    assert torch.equal(y, y[:1].expand_as(y))
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (y[0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert not torch.equal(y[0, 0], y[0, 1])  # each sample has a mask of its own


def test_dropout_keeps_a_static_input_static() -> None:
    torch.manual_seed(0)
    x = values(3, 4)
    y = Dropout(0.5)(x.expand(6, 3, 4))
    torch.manual_seed(0)
    assert torch.equal(y, Dropout(0.5)(x.repeat(6, 1, 1)))
    assert is_static(y)


def test_dropout_does_nothing_in_evaluation() -> None:
    x = values(2, 3, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_a_probability_out_of_range(p: float) -> None:
    with pytest.raises(ValueError, match=r"^p must be at least 0 and below 1, got"):
        Dropout(p)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_layers_by_sample_are_folded_a_few_steps_at_a_time(
    monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    x = values(7, 3, 2, 6, 6)
    monkeypatch.setattr("snnplug.nn.time._PIECE_BYTES", steps * x[0].numel() * x.element_size())
    conv = nn.Conv2d(2, 4, 3)
    sizes: list[int] = []
    conv.register_forward_pre_hook(lambda layer, args: sizes.append(len(args[0])))
    runs = []
    for run in (TimeSequential(conv, nn.MaxPool2d(2), nn.Flatten()), nn.Sequential(conv, nn.MaxPool2d(2))):
        leaf = x.clone().requires_grad_()
        y = run(leaf) if isinstance(run, TimeSequential) else fold(run, leaf).flatten(2)
        (y * values(*y.shape, seed=1)).sum().backward()
        runs.append((y, leaf.grad, conv.weight.grad))
        conv.zero_grad()
    torch.testing.assert_close(*runs)
    assert sizes == [3 * n for n in ([steps] * (7 // steps) + [7 % steps] * bool(7 % steps))] + [21]


def test_batch_norm_is_never_folded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnplug.nn.time._PIECE_BYTES", 1)
    norm, x = nn.BatchNorm2d(2), values(3, 4, 2, 5, 5)
    y = TimeSequential(nn.Identity(), norm)(x)
    torch.testing.assert_close(y, fold(nn.BatchNorm2d(2), x))
    assert norm.num_batches_tracked == 1
