"""A trained network on a stream of frames: what it decides after each, and since when it is sure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from snnplug.engine.device import usual_settings
from snnplug.engine.every_step import check_every_step
from snnplug.engine.frame_encoder import FrameEncoder
from snnplug.engine.parts import Parts
from snnplug.engine.prediction import Predictor
from snnplug.errors import ContractError, DataError, SnnplugError
from snnplug.nn import StreamState, start_stream
from snnplug.seeds import derive_seed

__all__ = ["Decision", "Stream"]


@attrs.frozen(eq=False)
class Decision:
    """What a network says after a step of a stream.

    Attributes:
        step: which one, from 1.
        label: class index.
        name: of the class, or its number.
        confidence: probability of that class.
        probabilities: of all classes `[K]`: the softmax of what the loss reads from the outputs so far.
        sure: the step since which it has said this class with the confidence that was asked for; None: it is
            not sure.
    """

    step: int
    label: int
    name: str
    confidence: float
    probabilities: Tensor
    sure: int | None

    def __repr__(self) -> str:
        sure = "not sure" if self.sure is None else f"sure since step {self.sure}"
        return f"<Decision at step {self.step}: {self.name}, {self.confidence:.4f}, {sure}>"


class Stream:
    """Takes frames of one sample after the other, in memory that does not grow with them.

    Args:
        predictor: the network, with what is around it.
        sure: confidence from which a decision counts as sure.
        encoded: frames come as the network takes them.
        names: of the classes, or empty.

    Attributes:
        shape: of a frame.

    Raises:
        ContractError: the network needs whole sequences, or its encoder whole samples.
    """

    def __init__(
        self, predictor: Predictor, *, sure: float = 0.9, encoded: bool = False, names: tuple[str, ...] = ()
    ) -> None:
        parts = predictor.parts
        self.parts, self.model, self.names = parts, predictor.model, names
        if not 0 < sure <= 1:
            raise ContractError(f"sure must be a confidence above 0 and at most 1, got {sure}")
        self.level = sure
        self.encoder = None if encoded else FrameEncoder(parts)
        self.shape = tuple(parts.task.input_shape if encoded else parts.splits.task.input_shape)
        self.readout = _Readout(parts)
        self.begin()
        start_stream(self.model, torch.zeros(1, *parts.task.input_shape))  # refuses what cannot
        check_every_step(self.model)

    @property
    def steps(self) -> int:
        """Number of steps of the sample so far."""
        return 0 if self.state is None else self.state.t

    @property
    def binary(self) -> bool:
        """Whether frames of events hold 0 and 1 in place of numbers of events."""
        return self.parts.splits.task.values == "binary"

    def begin(self) -> None:
        """Begin another sample."""
        self.state: StreamState | None = None
        self.readout.begin()
        self.generator = torch.Generator().manual_seed(derive_seed(self.parts.seed, "encode", "stream"))
        self.label: int | None = None
        self.since: int | None = None

    def step(self, frame: Any) -> Decision | None:
        """Take in a frame.

        Args:
            frame: values of the shape of a sample's step, as in the data of the run; pixels of 8 bits are
                taken as 0 to 1.

        Returns:
            What is decided; None as long as the loss reads nothing from so few steps.

        Raises:
            DataError: it has another shape.
        """
        values = torch.as_tensor(frame)
        if tuple(values.shape) != self.shape:
            raise DataError(f"a frame is {list(self.shape)}, got {list(values.shape)}")
        if values.dtype == torch.uint8 and self.parts.splits.task.values == "scaled" and self.encoder:
            values = values / 255
        with usual_settings(), torch.no_grad():
            values = values.to(self.parts.device, torch.float32).unsqueeze(0)
            x = values if self.encoder is None else self.encoder(values, self.generator)
            state = start_stream(self.model, x) if self.state is None else self.state
            outputs, self.state = self.parts.calls.stream(self.model, x.unsqueeze(0), state)
            scores = self.readout(outputs)
        if scores is None:
            return None
        probabilities = scores[0].softmax(0).cpu()
        label = int(probabilities.argmax())
        confidence = float(probabilities[label])
        if confidence < self.level:
            self.since = None
        elif self.since is None or label != self.label:
            self.since = self.state.t
        self.label = label
        name = self.names[label] if label < len(self.names) else str(label)
        return Decision(self.state.t, label, name, confidence, probabilities, self.since)


class _Readout:
    """The readout of the loss, of the outputs so far: a sum or the last ones, where that is all it reads."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.mean = self._reads(lambda outputs: outputs.mean(0))
        self.last = self._reads(lambda outputs: outputs[-1])
        self.begin()

    def _reads(self, wanted: Callable[[Tensor], Tensor]) -> bool:
        """Whether the readout is that, of any number of steps."""
        drawn = torch.randn(7, 2, self.parts.task.classes, generator=torch.Generator().manual_seed(0))
        drawn = drawn.to(self.parts.device)
        try:
            return all(
                torch.allclose(self.parts.readout(drawn[:steps]), wanted(drawn[:steps]), atol=1e-5)
                for steps in (1, 3, 7)
            )
        except SnnplugError:  # it reads other steps
            return False

    def begin(self) -> None:
        self.kept: Tensor | None = None
        self.steps = 0

    def __call__(self, outputs: Tensor) -> Tensor | None:
        self.steps += len(outputs)
        if self.mean:
            self.kept = outputs if self.kept is None else self.kept + outputs
            return self.kept[0] / self.steps
        if self.last or self.kept is None:
            self.kept = outputs
        else:
            self.kept = torch.cat([self.kept, outputs])
        try:
            return self.parts.readout(self.kept)
        except SnnplugError:
            return None
