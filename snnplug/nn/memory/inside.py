"""What a function keeps within, computed again by running it again from its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from snnplug.nn.memory.again import autocast_as_now, restore
from snnplug.nn.memory.keeper import Keeper
from snnplug.nn.rerun import again

__all__ = ["run_inside"]


def run_inside(keeper: Keeper, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a function of a tensor, and keep nothing of what it keeps but what is small, or kept anyway.

    Args:
        keeper: keeps its input.
        function: of one tensor; its draws are repeated when it runs again.
        x: its input.
    """
    call = _Call(keeper, function, x)
    kept = keeper.settle(x)  # lets go of what it came from
    with saved_tensors_hooks(call.pack, restore), torch._C.DisableTorchFunction():
        out = function(x)
    call.end()
    del kept
    return out


@attrs.frozen(eq=False)
class _Inner:
    """One of the tensors that a call has saved."""

    call: _Call
    index: int

    def restore(self) -> Tensor:
        return self.call.again(self.index)


class _Call:
    def __init__(self, keeper: Keeper, function: Callable[[Tensor], Tensor], x: Tensor) -> None:
        self.function, self.wants_gradient, self.device = function, x.requires_grad, x.device
        self.keeper: Any = keeper
        self.x: Any = x
        self.input: Any = None
        self.count, self.wanted = 0, set[int]()
        self.found: dict[int, Tensor] = {}
        self.setting = autocast_as_now(x.device.type)
        self.draws = _draws(x.device)

    def pack(self, x: Tensor) -> Any:
        """Return what is kept of a tensor that the function saves."""
        keeper, index = self.keeper, self.count
        self.count += 1
        known = keeper.look_up(x)
        if known is None:
            return x.detach()
        keeper.count(known)
        if x.untyped_storage()._cdata == self.x.untyped_storage()._cdata or not keeper.packs:
            return keeper.keep(x, known)
        if keeper.packed(x, known) is not None or known.raw:
            return keeper.keep(x, known)
        self.wanted.add(index)
        return _Inner(self, index)

    def end(self) -> None:
        """Keep the input if something has to be computed again, and let go of the rest."""
        if self.wanted:
            known = self.keeper.look_up(self.x)
            self.input = self.x.detach() if known is None else self.keeper.keep(self.x, known)
        self.x = self.keeper = None

    def again(self, index: int) -> Tensor:
        """Return one of the saved tensors; the first that is asked for runs the function again."""
        if index not in self.found:
            self._run()
        return self.found.pop(index)

    def _run(self) -> None:
        counter = 0

        def pack(x: Tensor) -> int:
            nonlocal counter
            if counter in self.wanted:
                self.found[counter] = x.detach()
            counter += 1
            return counter

        x = restore(self.input).detach().requires_grad_(self.wants_gradient)
        draws = _draws(self.device)
        try:
            _set_draws(self.draws)
            with torch.enable_grad(), again(), self.setting(), saved_tensors_hooks(pack, _refuse):
                self.function(x)
        finally:
            _set_draws(draws)


def _refuse(_: int) -> Tensor:
    raise RuntimeError("the graph of a second run has no backward pass")


def _draws(device: torch.device) -> list[tuple[torch.device | None, Tensor]]:
    """Return the states of the random generators that a function on a device may use."""
    states: list[tuple[torch.device | None, Tensor]] = [(None, torch.get_rng_state())]
    if device.type == "cuda":
        states.append((device, torch.cuda.get_rng_state(device)))
    return states


def _set_draws(states: list[tuple[torch.device | None, Tensor]]) -> None:
    for device, state in states:
        if device is None:
            torch.set_rng_state(state)
        else:
            torch.cuda.set_rng_state(state, device)
