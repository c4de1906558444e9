"""Networks by torch.compile: of a network, or of its neurons alone, what is faster on the first steps.

Code is compiled for one batch size before anything is trained, once for training and once for evaluation.
A batch of another size, such as the last one, runs uncompiled: so nothing is compiled again in between,
and what runs compiled does not depend on where a run was stopped.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import attrs
import torch
from torch import nn

from snnplug.engine.session import Session
from snnplug.errors import one_line
from snnplug.nn import SpikingNeuron, outermost, seeded
from snnplug.registry.interrupts import from_a_signal

__all__ = ["FILE", "Compiled", "compiled", "compiled_for"]

FILE = "compiled.json"
"""What was compiled, by stage; a run that is continued takes the same."""

Which: TypeAlias = Literal["nothing", "neurons", "network"]

_ROUNDS = 5
_WORTH = 1.03  # times as fast
_LONGEST = 200  # characters of a reason


@attrs.frozen(kw_only=True)
class Compiled:
    """What of a network is compiled.

    Attributes:
        which: "nothing", "neurons" or "network".
        speed: of each that was tried, against nothing compiled, by its name.
        reason: why something could not be compiled, empty where all could.
    """

    which: Which = "nothing"
    speed: Mapping[str, float] = attrs.field(factory=dict)
    reason: str = ""

    def __str__(self) -> str:
        tried = ", ".join(f"{name} {speed:.2f} times as fast" for name, speed in self.speed.items())
        said = f"compiled: {self.which}" + (f" ({tried} on the first steps)" if tried else "")
        return f"{said}; {self.reason}" if self.reason else said


@contextmanager
def compiled_for(
    session: Session, stage: str, wanted: bool | Which, model: nn.Module, batch: Callable[[], None]
) -> Iterator[Compiled | None]:
    """Let a network run compiled inside the block, as its stage wants it.

    Args:
        session: of the run.
        stage: whose network it is.
        wanted: False for nothing, True for what is fastest, or which.
        model: the network.
        batch: computes a batch of the usual size with it, as it will be computed: everything that runs is
            compiled in its first call.

    Yields:
        What was compiled, None where nothing was wanted.
    """
    if not wanted:
        yield None
        return
    known = (session.directory.read_json(FILE) or {}) if session.leads else {}
    chosen: dict[str, Any] = session.share(known.get(stage, {}))
    if not chosen:
        session.report.say(f"{stage}: compiling, which may take minutes")
        chosen = session.share(attrs.asdict(_choose(wanted, model, batch)) if session.leads else {})
        if session.leads:
            session.directory.write_json(FILE, {**known, stage: chosen})
        session.report.say(f"{stage}: {Compiled(**chosen)}")
    found = Compiled(**chosen)
    with compiled(model, found.which, batch) as reason:
        if reason and not found.reason:
            session.note(f"{stage}: {reason}")
        yield found


@contextmanager
def compiled(model: nn.Module, which: Which, batch: Callable[[], None]) -> Iterator[str]:
    """Let a network run compiled inside the block; it is left as it was.

    Args:
        model: the network.
        which: what of it.
        batch: as for `compiled_for`.

    Yields:
        Why it could not be compiled, and runs as it is; empty where it was.
    """
    parts = _parts_of(model, which)
    if not parts:
        yield ""
        return
    with _patient():
        try:
            for part in parts:
                part.compile(dynamic=False)
            reason = _reason(model, batch)
            if reason:
                _release(parts)
            with torch.compiler.set_stance("eager_on_recompile"):
                yield reason
        finally:
            _release(parts)


def _choose(wanted: bool | Which, model: nn.Module, batch: Callable[[], None]) -> Compiled:
    """Return what is compiled; with True what is fastest, by the shortest of some rounds."""
    if not isinstance(wanted, bool):
        return Compiled(which=wanted)
    reasons: dict[str, str] = {}
    seconds: dict[Which, list[float]] = {"nothing": []}
    tried: tuple[Which, ...] = ("neurons", "network")
    for which in tried:
        with compiled(model, which, batch) as reason:
            if reason:
                reasons[which] = reason
                continue
            own: list[float] = []
            for _ in range(_ROUNDS):
                own.append(_seconds(model, batch))
                with torch.compiler.set_stance("force_eager"):
                    seconds["nothing"].append(_seconds(model, batch))
            seconds[which] = own
    least = {which: min(times) for which, times in seconds.items() if times}  # other work only adds to it
    speed = {which: least["nothing"] / time for which, time in least.items() if which != "nothing"}
    best = max(speed, key=lambda which: speed[which], default=None)
    which = best if best is not None and speed[best] >= _WORTH else "nothing"
    reason = "; ".join(f"the {which} cannot be compiled: {said}" for which, said in reasons.items())
    return Compiled(which=which, speed={k: round(v, 3) for k, v in speed.items()}, reason=reason)


def _parts_of(model: nn.Module, which: Which) -> list[nn.Module]:
    if which == "network":
        return [model]
    if which == "neurons":
        return [part for _, part in outermost(model, (SpikingNeuron,)) if isinstance(part, SpikingNeuron)]
    return []


def _release(parts: list[nn.Module]) -> None:
    for part in parts:
        part._compiled_call_impl = None


def _reason(model: nn.Module, batch: Callable[[], None]) -> str:
    """Compute a batch, and return why the compiler fails, empty where it does not.

    What fails uncompiled too is no affair of the compiler's, and is raised.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of the compiler's own doings
            _seconds(model, batch)
    except Exception as error:
        if from_a_signal(error):
            raise
        with torch.compiler.set_stance("force_eager"):
            _seconds(model, batch)
        while error.__cause__ is not None and isinstance(error.__cause__, Exception):
            error = error.__cause__
        text = one_line(error).partition(" Set TORCHDYNAMO_VERBOSE")[0]
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return ""


def _seconds(model: nn.Module, batch: Callable[[], None]) -> float:
    """Compute a batch, and return how long it took; the network is left as it was."""
    before = {name: buffer.detach().clone() for name, buffer in model.named_buffers()}
    training = {module: module.training for module in model.modules()}
    begun = time.perf_counter()
    try:
        with seeded(0):
            batch()
        for device in {parameter.device for parameter in model.parameters() if parameter.is_cuda}:
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun
    finally:
        for module, was in training.items():
            module.training = was
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(before[name])
        model.zero_grad()


@contextmanager
def _patient() -> Iterator[None]:
    """Let as many parts be compiled as there are, without what torch logs of it."""
    import torch._dynamo

    most = 10_000
    logger = logging.getLogger("torch.utils.cpp_extension")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with torch._dynamo.config.patch(recompile_limit=most, accumulated_recompile_limit=most):
            yield
    finally:
        logger.setLevel(level)
