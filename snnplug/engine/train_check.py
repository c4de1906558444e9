"""What every stage that trains is refused for, before the start."""

from __future__ import annotations

from collections.abc import Iterator

from snnplug.engine.callbacks import check_callbacks
from snnplug.engine.online import check_online
from snnplug.engine.optimize import check_optimizer
from snnplug.engine.parts import Parts
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError

__all__ = ["check_training"]


def check_training(parts: Parts, section: TrainSection, stage: str) -> None:
    """Refuse settings of a training.

    Args:
        parts: that it trains with.
        section: settings.
        stage: whose they are.

    Raises:
        RecipeError: the optimizer, a callback or the algorithm is not to be had, or two settings exclude
            each other.
    """
    check_optimizer(section, stage)
    check_callbacks(parts, section)
    if problems := list(_excluded(section, stage)):
        raise RecipeError(problems)
    check_online(parts, section, stage)


def _excluded(section: TrainSection, stage: str) -> Iterator[str]:
    online = section.algorithm != "bptt"
    if online and section.compile:
        yield f"{stage}.compile: {section.algorithm!r} runs step by step, uncompiled; leave it out"
    if online and section.memory != "keep":
        yield f"{stage}.memory: {section.algorithm!r} keeps nothing but one step anyway; leave it out"
    if section.compile and section.memory != "keep":
        yield (
            f"{stage}.memory: compiled code decides itself what it keeps; take one of the two, compile or "
            f"memory = {section.memory!r}"
        )
