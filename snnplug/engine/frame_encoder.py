"""The encoder of a run for one frame at a time, where it does the same to each and remembers nothing."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from snnplug.engine.parts import Parts
from snnplug.errors import ContractError, SnnplugError
from snnplug.registry.contain import title

__all__ = ["FrameEncoder"]

_TRIED = 4  # steps


class FrameEncoder:
    """Encodes frames `[B, C, H, W]` as the run encodes the steps of whole samples.

    Args:
        parts: of the run.

    Raises:
        ContractError: the encoder makes of a sample what it does not make of its frames, one after the other.
    """

    def __init__(self, parts: Parts) -> None:
        task, component = parts.splits.task, parts.encoded_by
        self.events = task.events
        one = attrs.evolve(task, steps=1) if self.events else task
        try:
            single = attrs.evolve(parts, splits=attrs.evolve(parts.splits, task=one))
            self.parts = single.with_encoder(component.with_parameters(steps=1))
            alike = self._is_the_whole(parts)
        except SnnplugError:
            alike = False
        if not alike:
            raise ContractError(
                f"{title(component)} needs the whole window of a sample and cannot encode a stream frame by "
                "frame; give frames as the network takes them, with encoded = True (--encoded)"
            )

    def __call__(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Return the input of one step, `[B, *]`."""
        values = frames.to(self.parts.device, torch.float32)
        encoded = self.parts.calls.encode(values.unsqueeze(1) if self.events else values, generator)
        return encoded[0]

    def _is_the_whole(self, parts: Parts) -> bool:
        task, steps = parts.splits.task, parts.encoder.steps
        shape = (2, *([steps] if task.events else []), *task.input_shape)
        values = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(parts.device)
        generators = [torch.Generator().manual_seed(1) for _ in range(2)]
        whole = parts.calls.encode(values, generators[0])
        frames = [values[:, t] if task.events else values for t in range(min(steps, _TRIED))]
        return all(torch.equal(self(frame, generators[1]), whole[t]) for t, frame in enumerate(frames))
