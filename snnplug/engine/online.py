"""Training in constant memory over time: the gradient of each step is taken before the next one is run.

    L = 1/T sum_t L[t],   L[t] the loss of the outputs of step t alone

The state goes from step to step without its graph, so nothing of a step is left in memory after its backward
pass, and no gradient flows back through time.

    sltt    no more than that: spatial learning through time, Q. Meng et al., ICCV 2023, arXiv:2302.14311
    ottt    weights learn from traces of what they were given so far, see `snnplug.nn.traces`: online training
            through time, M. Xiao et al., NeurIPS 2022, arXiv:2210.04195
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from snnplug.engine.calls import Calls
from snnplug.engine.course import Course
from snnplug.engine.every_step import check_every_step
from snnplug.engine.parts import Parts
from snnplug.engine.train_section import TrainSection
from snnplug.errors import ContractError, RecipeError, SnnplugError
from snnplug.nn import Loss, continue_stream, start_stream
from snnplug.nn.mode import evaluating
from snnplug.nn.traces import PresynapticTraces

__all__ = ["Online", "add_up_gradients", "check_online"]


class Online:
    """Runs batches step by step, forward and backward.

    Args:
        parts: whose network it is.
        model: the network, as it was built.
        section: with the algorithm.
        stage: whose training it is.
        course: what happens around batches.

    Raises:
        RecipeError: network, loss or course do not allow it.
    """

    def __init__(
        self, parts: Parts, model: nn.Module, section: TrainSection, stage: str, course: Course
    ) -> None:
        self.calls: Calls = parts.calls
        key = f"{stage}.algorithm: {section.algorithm!r}"
        if type(course).more_loss is not Course.more_loss:
            raise RecipeError(
                [f"{key} takes the loss of each step by itself, and here more is added; use 'bptt'"]
            )
        _check_loss(parts, key)
        x = parts.sample(1)
        try:
            start_stream(model, x[0])
            check_every_step(model)
            self.traces = PresynapticTraces(model, x) if section.algorithm == "ottt" else None
        except ContractError as error:
            raise RecipeError([f"{key}: {error}; or use 'bptt'"]) from error
        if lost := _unreached(model, x):
            raise RecipeError(
                [
                    f"{key} cuts all paths through time, and by another one {', '.join(lost[:3])} "
                    f"{'and others would' if len(lost) > 3 else 'would'} never learn; use 'bptt'"
                ]
            )

    def take(
        self, model: Any, x: Tensor, targets: Tensor, backward: Callable[[Tensor], object], weight: float
    ) -> tuple[Tensor, Tensor]:
        """Run a batch, and add its gradients.

        Args:
            model: the network, as it is called.
            x: input `[T, B, *]`.
            targets: of the samples.
            backward: called with the loss of each step.
            weight: of the batch in its step of the optimizer.

        Returns:
            Outputs `[T, B, K]` and loss, both without a graph.
        """
        state, steps = start_stream(model, x[0]), len(x)
        outputs, total = [], torch.zeros((), device=x.device)
        if self.traces is not None:
            self.traces.attach()
        try:
            for x_t in torch.split(x, 1):
                y, state = self.calls.stream(model, x_t, state)
                loss = self.calls.loss(y, targets) / steps
                with self.calls.running:
                    backward(loss if weight == 1 else loss * weight)
                state = state.detach()
                outputs.append(y.detach())
                total += loss.detach()
                if self.traces is not None:
                    self.traces.next_step()
        finally:
            if self.traces is not None:
                self.traces.detach()
        return torch.cat(outputs), total


def _unreached(model: nn.Module, x: Tensor) -> list[str]:
    """Return the parameters that have a gradient through time alone."""
    names = {name: p for name, p in model.named_parameters() if p.requires_grad}
    x = x[: min(3, len(x))]

    def reached(outputs: Tensor) -> set[str]:
        if not outputs.requires_grad:
            return set()
        found = torch.autograd.grad(outputs.sum(), list(names.values()), allow_unused=True)
        return {name for name, gradient in zip(names, found, strict=True) if gradient is not None}

    with evaluating(model), torch.enable_grad():
        state, each = start_stream(model, x[0]), set[str]()
        whole = reached(continue_stream(model, x, state)[0])
        for x_t in torch.split(x, 1):
            y, state = continue_stream(model, x_t, state)
            each |= reached(y)
            state = state.detach()
    return [name for name in names if name in whole - each]


def add_up_gradients(model: nn.Module, world: int) -> None:
    """Give every process the mean of the gradients of all."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= world


def check_online(parts: Parts, section: TrainSection, stage: str, network: nn.Module | None = None) -> None:
    """Refuse, before the start, what could not be trained step by step.

    Args:
        parts: around the network.
        section: with the algorithm.
        stage: whose training it is.
        network: what would be trained; None for the recipe's, or one of its search space.

    Raises:
        RecipeError: the loss is no mean over steps of the loss of each, or a neuron needs the whole window or
            has no leak by which a trace could fade.
    """
    if section.algorithm != "bptt":
        Online(parts, network or parts.example(), section, stage, Course())


def _check_loss(parts: Parts, key: str) -> None:
    """Refuse a loss that is not the mean of what it is for each step alone, by outputs drawn at random."""
    loss, component = parts.loss, parts.plan.get("loss")
    if loss is None:
        return  # which is refused elsewhere
    name = "it" if component is None else repr(component.name)
    advice = "use a loss that is the mean over steps of one of each step's outputs, or 'bptt'"
    if type(loss).watch is not Loss.watch:
        raise RecipeError([f"{key}: the loss {name} looks at more than the outputs of a step; {advice}"])
    generator = torch.Generator().manual_seed(0)
    K = parts.task.classes
    outputs = torch.randn(max(2, parts.encoder.steps), 5, K, generator=generator).to(parts.device)
    target = (torch.arange(5) % K).to(parts.device)
    try:
        with torch.no_grad():
            whole = parts.calls.loss(outputs, target)
            each = torch.stack([parts.calls.loss(step, target) for step in torch.split(outputs, 1)]).mean()
    except SnnplugError as error:
        raise RecipeError([f"{key}: the loss {name} cannot be taken of one step; {advice}"]) from error
    if parts.encoder.steps > 1 and not torch.allclose(whole, each, rtol=1e-4, atol=1e-6):
        raise RecipeError(
            [f"{key}: the loss {name} is not the mean over steps of what it is for each step alone; {advice}"]
        )
