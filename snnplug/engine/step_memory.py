"""The memory of a training step: what it needs and where, and in which mode its forward pass saves.

`[train] memory = "auto"` looks at the first batch: its forward pass, in the mode that takes least, says what
every mode would keep. The first of "keep", "compress" and "recompute" that fits is taken. All give equal
bits, so which one is taken decides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import torch
from torch import nn

from snnplug.engine.free_memory import free_memory
from snnplug.engine.random_states import random_states, set_random_states
from snnplug.engine.train_section import TrainSection
from snnplug.nn.memory.account import Account
from snnplug.nn.memory.saving import MODES, Mode, saving
from snnplug.nn.rerun import again

__all__ = ["Need", "StepMemory"]

_PASSING = 4  # arrays as large as the largest: what a backward pass has at once beside what is kept
_FILLED = 0.9  # of the memory that is free; the rest is for libraries' own


@attrs.frozen
class Need:
    """Bytes of a training step in one process.

    Attributes:
        weights: parameters and buffers, gradients, what the optimizer keeps, and a moving average.
        new: of these, what the first step still has to allocate.
        account: of the forward pass.
    """

    weights: int
    new: int
    account: Account

    @property
    def passing(self) -> int:
        """What is there for a moment, about."""
        return _PASSING * self.account.largest

    @property
    def all(self) -> int:
        """All of it."""
        return self.weights + self.account.kept + self.passing

    def fits(self, limit: float, free: int | None) -> bool:
        """Whether it fits a limit in GB, 0 for none, and what is free."""
        if limit:
            return self.all <= limit * 1e9
        return free is None or self.new + self.account.kept + self.passing <= _FILLED * free


class StepMemory:
    """The mode of a training.

    Args:
        model: on the device.
        optimizer: of its parameters.
        section: settings.
        device: whose memory it is.
        processes: that share a machine's memory.
        say: says a line.
        stage: whose training it is.
        recorded: what `state_dict` has returned in the training that is continued, None for a new one.

    Attributes:
        mode: None as long as no batch has decided.
        account: of the first forward pass; None before it.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        section: TrainSection,
        device: torch.device,
        processes: int,
        say: Callable[[str], None],
        stage: str,
        recorded: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.section, self.device, self.say, self.stage = model, section, device, say, stage
        self.processes = processes
        self.mode: Mode | None = None if section.memory == "auto" else section.memory
        self.account: Account | None = None
        if recorded is not None:
            self.mode, self.account = recorded["mode"], Account(**recorded["account"])
        self.told = False
        self.weights = _weights(model, optimizer, averaged=section.ema > 0)

    @contextmanager
    def saving(self, forward: Callable[[], object]) -> Iterator[None]:
        """Let a forward pass of the model, in this context, save in the mode of the training.

        Args:
            forward: runs such a pass, as often as a mode has to be looked for.
        """
        if self.mode is None:
            self.mode = self._choose(forward)
        if self.mode == "keep" and self.told:
            yield
            return
        with saving(self.model, self.mode) as account:
            yield
        self.account = self.account or account
        if not self.told:
            self.told = True
            self.say(self._told(Need(*self.weights, account)))

    def state_dict(self) -> dict[str, Any] | None:
        """Return what a training that is continued has to know; None before the first step."""
        return None if self.account is None else {"mode": self.mode, "account": attrs.asdict(self.account)}

    def _free(self) -> int | None:
        free = free_memory(self.device)
        return free // self.processes if free is not None and self.device.type == "cpu" else free

    def _choose(self, forward: Callable[[], object]) -> Mode:
        self.mode = MODES[-1]  # whatever happens now, happens in the smallest one
        free, limit = self._free(), self.section.memory_limit
        least = self._account(forward, MODES[-1])
        if Need(*self.weights, attrs.evolve(least, kept=least.whole)).fits(limit, free):
            return MODES[0]
        for mode in MODES[1:-1]:
            if Need(*self.weights, self._account(forward, mode)).fits(limit, free):
                return mode
        return MODES[-1]

    def _account(self, forward: Callable[[], object], mode: Mode) -> Account:
        """Return what a forward pass keeps, with nothing changed by it."""
        buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        draws = random_states(self.device)
        try:
            with saving(self.model, mode) as account, again():
                forward()
        finally:
            set_random_states(draws, self.device)
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
        return account

    def _told(self, need: Need) -> str:
        free, kept, whole = self._free(), need.account.kept, need.account.whole
        where = str(self.device) if free is None else f"{self.device}, where {_size(free)} are free"
        of_all = f', {_size(whole)} with "keep"' if self.mode != "keep" else ""
        limit = f" of {self.section.memory_limit:g} GB" if self.section.memory_limit else ""
        return (
            f"{self.stage}: a step takes about {_size(need.all)}{limit} on {where}: {_size(kept)} kept for "
            f'the backward pass (memory = "{self.mode}"{of_all}), {_size(need.passing)} while it runs, '
            f"{_size(need.weights)} for weights, gradients and optimizer"
        )


def _size(count: float) -> str:
    """Return a number of bytes to read."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e3:.1f} kB"


def _weights(model: nn.Module, optimizer: torch.optim.Optimizer, *, averaged: bool) -> tuple[int, int]:
    """Return the bytes of weights and what belongs to them, and those that no step has allocated yet."""
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    own = _bytes([*model.parameters(), *model.buffers()])
    gradients = _bytes(trained)
    states: list[Any] = [x for state in optimizer.state.values() for x in state.values()]
    known = _bytes([x for x in states if isinstance(x, torch.Tensor)])
    expected = known or gradients * _states_of(optimizer)
    return own * (2 if averaged else 1) + gradients + expected, gradients + expected - known


def _states_of(optimizer: torch.optim.Optimizer) -> int:
    """Return how many numbers an optimizer keeps for each weight, as its arguments show it; two where not."""
    defaults = optimizer.defaults
    if "betas" in defaults:
        return 3 if defaults.get("amsgrad") else 2
    if "momentum" in defaults and "alpha" not in defaults:
        return 1 if defaults["momentum"] else 0
    return 2


def _bytes(tensors: list[Any]) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)
