"""Running statistics of each time step: T batch norms of torch's, one a step, in one module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from snnplug import Task
from snnplug.errors import ContractError
from snnplug.nn import StepwiseBatchNorm2d, TimeSequential, keep_statistics_of_steps, recalibrate

T, C = 4, 3
EVENTS = Task(input_shape=(C, 5, 5), classes=2, events=True, steps=T)


def batch(seed: int, steps: int = T) -> Tensor:
    """Return a sequence whose steps have other means and deviations."""
    x = torch.randn(steps, 6, C, 5, 5, generator=torch.Generator().manual_seed(seed))
    t = torch.arange(float(steps)).view(-1, 1, 1, 1, 1)
    return x * (t + 0.1) + t


def separate(x: list[Tensor], **settings: float | None) -> list[nn.BatchNorm2d]:
    """Return a batch norm for each step, after training on each of the batches."""
    norms = [nn.BatchNorm2d(C, **settings) for _ in range(T)]  # type: ignore[arg-type]
    for sequence in x:
        for norm, step in zip(norms, sequence, strict=True):
            norm(step)
    return norms


@pytest.mark.parametrize("whole", [True, False], ids=("sequences", "steps"))
@pytest.mark.parametrize("momentum", [0.1, None])
def test_equal_a_batch_norm_for_each_step(whole: bool, momentum: float | None) -> None:
    batches = [batch(seed) for seed in range(3)]
    norms, ours = separate(batches, momentum=momentum), StepwiseBatchNorm2d(C, momentum=momentum, steps=T)

    def run(x: Tensor) -> Tensor:
        return ours(x) if whole else torch.stack([ours.step(step, t) for t, step in enumerate(x)])

    for x in batches:
        run(x)
    for t, norm in enumerate(norms):
        torch.testing.assert_close(ours.running_mean[t], norm.running_mean)
        torch.testing.assert_close(ours.running_var[t], norm.running_var)
    assert ours.num_batches_tracked.tolist() == [3] * T
    ours.eval()
    x = batch(9)
    expected = torch.stack([norm.eval()(step) for norm, step in zip(norms, x, strict=True)])
    torch.testing.assert_close(run(x), expected)


def test_gradients_are_those_without_them() -> None:
    x, runs = batch(0), []
    for steps in (None, T):
        norm, leaf = StepwiseBatchNorm2d(C, steps=steps), x.clone().requires_grad_()
        (norm(leaf) ** 3).sum().backward()
        runs.append((leaf.grad, norm.weight.grad, norm.bias.grad))
    for one, other in zip(*runs, strict=True):
        assert torch.equal(one, other)


def test_another_number_of_steps() -> None:
    norm = StepwiseBatchNorm2d(C, steps=T)
    norm(batch(0, steps=2))
    assert norm.num_batches_tracked.tolist() == [1, 1, 0, 0]
    for training in (True, False):
        with pytest.raises(ContractError, match="keeps statistics of 4 time steps, but the input has more"):
            norm.train(training)(batch(0, steps=T + 1))


def test_a_state_dict_goes_into_another() -> None:
    one, other = (TimeSequential(nn.Conv2d(C, C, 1), StepwiseBatchNorm2d(C)) for _ in range(2))
    for network in (one, other):
        keep_statistics_of_steps(network, EVENTS)
    one(batch(0))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.eval()(batch(1)), other.eval()(batch(1)))


def test_only_networks_for_events_of_a_known_number_of_steps_have_them() -> None:
    for task in (
        Task(input_shape=(C, 5, 5), classes=2, steps=T),
        Task(input_shape=(C, 5, 5), classes=2, events=True, steps=0),
        Task(input_shape=(C, 5, 5), classes=2, events=True),
    ):
        network = TimeSequential(StepwiseBatchNorm2d(C))
        keep_statistics_of_steps(network, task)
        assert network.layers[0].steps is None
        assert network.layers[0].running_mean.shape == (C,)


def test_recalibrated_they_describe_the_batch() -> None:
    """Statistics of all steps together give no step the scale that its own would."""
    x, gone = batch(0), {}
    for steps in (T, None):
        norm = StepwiseBatchNorm2d(C, steps=steps)
        expected = norm(x)
        recalibrate(norm, [x])
        gone[steps] = (norm.eval()(x) - expected).abs().mean()
    assert gone[T] < 0.01
    assert gone[None] > 0.5
