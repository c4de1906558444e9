"""How what tensors come from passes on from the operands of an operation to its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnplug.nn.recording.decoded import SUMS, keeps_values, spikes_after
from snnplug.nn.recording.origin import Origins, Steps, Weights, held_by, locate

__all__ = ["Call", "Flow", "operands_of", "tensors_in"]


class Call(NamedTuple):
    """An operation that was run."""

    operation: str
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Any


class Flow:
    """Notes the origins of results.

    Attributes:
        origins: of the tensors of the pass.
        steps: time steps of the pass.
        start: the first of them; not 0 within a stream.
    """

    def __init__(self) -> None:
        self.origins = Origins()
        self.steps, self.start = 1, 0

    def view(self, call: Call) -> None:
        """Another view of a tensor holds what that holds."""
        origin = self.origins.by_id(id(call.args[0]))
        if type(origin) is Steps and origin.spikes is not None:
            with torch._C._DisableTorchDispatch():
                counts = tensors_in(call.func(origin.spikes, *call.args[1:], **call.kwargs))
            for one, spikes in zip(tensors_in(call.out), counts, strict=True):
                self.origins.note(one, origin._replace(spikes=spikes))
        elif isinstance(call.out, Tensor):
            self.origins.note(call.out, origin)
        else:
            for one in call.out:
                self.origins.note(one, origin)

    def pick(self, call: Call) -> None:
        """Steps of a tensor that is the same in all; of any other tensor the place in memory tells them."""
        self.view(call)
        x, axis, index = (*call.args, 0, 0)[:3]
        steps = self.origins.steps(x)
        if steps is not None and steps.length > 1 and not steps.stride and axis in (0, -x.ndim):
            first = steps.start + (index % len(x) if call.operation == "select" else 0)
            for step, one in enumerate(tensors_in(call.out), first):
                held = self.origins.steps(one) or steps
                self.origins.note(one, held._replace(start=step, length=1))

    def expand(self, call: Call) -> None:
        """One step may come to stand for all."""
        self.view(call)
        self._for_all_steps(call.args[0], call.out)

    def repeat(self, call: Call) -> None:
        """One step may be copied for all."""
        self.mix(call)
        self._for_all_steps(call.args[0], call.out)

    def _for_all_steps(self, x: Tensor, out: Tensor) -> None:
        steps = self.origins.steps(x)
        grows = out.ndim > x.ndim or (x.ndim > 0 and len(x) == 1)
        if steps is not None and steps.length == 1 and grows and len(out) == self.steps > 1:
            self.origins.note(out, steps._replace(start=self.start, length=self.steps, stride=out.stride(0)))

    def join(self, call: Call) -> None:
        """Successive steps become a sequence."""
        self.mix(call)
        parts, out = call.args[0], call.out
        axis = (call.args[1] if len(call.args) > 1 else call.kwargs.get("dim", 0)) % out.ndim
        held = [self.origins.steps(part) for part in parts]
        known = [steps for steps in held if steps is not None]
        if len(parts) < 2 or len(known) < len(held):
            return
        places = [locate(part, steps) for part, steps in zip(parts, known, strict=True)]
        length, start = sum(place.length for place in places), places[0].start
        if call.operation == "stack" and len(parts) == self.steps and all(part is parts[0] for part in parts):
            start = self.start
        elif any(b.start != a.start + a.length for a, b in pairwise(places)):
            return
        if out.shape[axis] % length == 0:
            stride, before = (
                out.stride(axis) * (out.shape[axis] // length),
                self.origins.steps(out) or Steps(),
            )
            offset = int(out.storage_offset())
            self.origins.note(out, before._replace(start=start, length=length, stride=stride, offset=offset))

    def forget(self, call: Call) -> None:
        """What takes no values from its operands comes from none of them."""
        for one in tensors_in(call.out):
            self.origins.note(one, None)

    def mix(self, call: Call) -> tuple[Steps | None, Weights | None]:
        """Results are of the steps of the operand that holds most of them, or the latest.

        Returns:
            These steps, and what weights are among the operands.
        """
        by_id = self.origins.by_id
        steps: Steps | None = None
        weights: Weights | None = None
        holder: Tensor | None = None
        unknown, analog, delay = False, False, 0
        for x in operands_of(call.args, call.kwargs):
            origin = by_id(id(x))
            if origin is None:
                unknown = True
            elif isinstance(origin, Weights):
                weights = origin
            else:
                delay = max(delay, origin.delay)
                analog = analog or origin.analog
                if steps is None or origin[1::-1] > steps[1::-1]:  # length, then start
                    steps, holder = origin, x
        if steps is None or holder is None:
            made = None if unknown or weights is None else weights._replace(itself=False)
            for one in tensors_in(call.out):
                self.origins.note(one, made)
            return None, weights
        if steps.length == 1:
            for one in tensors_in(call.out):
                self.origins.note(one, Steps(steps.start, delay=delay))
        else:
            place = locate(holder, steps)
            for one in tensors_in(call.out):
                self.origins.note(
                    one, held_by(one, _axis_after(holder, place.axis, one, call.args), place, delay)
                )
        if analog:
            self._stays_analog(call.out)
        elif steps.binary or steps.spikes is not None:
            self._decode(call)
        return steps, weights

    def _stays_analog(self, out: Any) -> None:
        """Note that values made of analog ones are such too; what only says yes or no is none."""
        for one in tensors_in(out):
            if one.dtype is not torch.bool and (held := self.origins.steps(one)) is not None:
                self.origins.note(one, held._replace(analog=True))

    def _decode(self, call: Call) -> None:
        """Note which spikes the first result still stands for."""
        x, result = call.args[0], tensors_in(call.out)[0]
        parts = list(x) if isinstance(x, list | tuple) else [x]
        if call.operation in SUMS:
            parts = [one for one in call.args if isinstance(one, Tensor)]
        known = [steps for part in parts if (steps := self.origins.steps(part)) is not None]
        held = self.origins.steps(result)
        if held is None or len(known) < len(parts):
            return
        if all(steps.binary for steps in known):
            keeps = x is not parts[0] or keeps_values(call.operation)
            self.origins.note(result, held._replace(binary=keeps))
            return
        spikes = [part if steps.binary else steps.spikes for part, steps in zip(parts, known, strict=True)]
        counts = [one for one in spikes if one is not None]
        if len(counts) == len(parts):
            with torch._C._DisableTorchDispatch():
                found = spikes_after(*call, counts)
            self.origins.note(result, held._replace(spikes=found))

    def write_through(self, out: Any) -> None:
        """Note what a tensor holds that was written to by a view of it, as in `sequence[t] = spikes`."""
        for view in tensors_in(out):
            base, steps = view._base, self.origins.steps(view)
            if base is None or steps is None:
                continue
            if base.ndim == view.ndim + 1 and len(base) == self.steps > 1:
                held = Steps(self.start, self.steps, base.stride(0), int(base.storage_offset()))
                self.origins.note(base, held._replace(analog=steps.analog))
            elif base.ndim == view.ndim:
                place = locate(view, steps)
                self.origins.note(base, held_by(base, place.axis, place)._replace(analog=steps.analog))


def tensors_in(out: Any) -> list[Tensor]:
    """Return the tensors among the results of an operation."""
    if isinstance(out, Tensor):
        return [out]
    return [one for one in out if isinstance(one, Tensor)] if isinstance(out, list | tuple) else []


def operands_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors among arguments, those in lists too."""
    found = []
    for x in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(x, Tensor):
            found.append(x)
        elif isinstance(x, list | tuple):
            found += [one for one in x if isinstance(one, Tensor)]
    return found


def _axis_after(x: Tensor, axis: int, out: Tensor, args: tuple[Any, ...]) -> int | None:
    """Return which axis of a result an axis of an operand has become."""
    gone = x.ndim - out.ndim
    if gone <= 0:
        return axis - gone  # broadcasting adds axes in front
    over = args[1] if len(args) > 1 else None
    over = [over] if isinstance(over, int) else over
    if not isinstance(over, list | tuple) or not all(isinstance(a, int) for a in over):
        return None
    summed = {a % x.ndim for a in over}
    return None if axis in summed else axis - sum(a < axis for a in summed)
