"""The callbacks of a training: built from its section, called in order, each held to its contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from snnplug.engine.parts import Parts
from snnplug.engine.train_section import TrainSection
from snnplug.errors import RecipeError
from snnplug.nn import Batch, Callback, Training, seeded
from snnplug.registry.component import Component
from snnplug.registry.contain import calling, is_finite, is_text, refuse
from snnplug.seeds import derive_seed

__all__ = ["Callbacks", "callbacks_of", "check_callbacks"]

_STATE = "a state of tensors, numbers, texts, lists and dictionaries of these"
_PLAIN = (bool, int, float, str, type(None))


def callbacks_of(parts: Parts, section: TrainSection) -> list[Component]:
    """Return the callbacks that a section of the recipe names."""
    if not section.callbacks:
        return []
    name = next(name for name, one in parts.plan.recipe.sections.items() if one is section)
    return list(parts.plan.under(f"{name}.callbacks").values())


def check_callbacks(parts: Parts, section: TrainSection) -> None:
    """Build the callbacks of a section, so that what they need is asked for before anything starts.

    Raises:
        ComponentError: one cannot be built, or is no `snnplug.nn.Callback`.
        RecipeError: one adds to the loss, of which there is one for each time step.
    """
    for component in callbacks_of(parts, section):
        if _adds_loss(_built(component)) and section.algorithm != "bptt":
            raise RecipeError(
                [
                    f"callbacks: {component.name} adds to the loss of all steps, and algorithm = "
                    f"{section.algorithm!r} takes that of each step by itself; use 'bptt'"
                ]
            )


class Callbacks:
    """Calls all callbacks of a training.

    Args:
        components: in the order of the recipe.
        training: what they see.
        seed: of what they draw between epochs.

    Raises:
        ComponentError: one cannot be built, or is no `snnplug.nn.Callback`.
    """

    def __init__(self, components: Sequence[Component], training: Training, seed: int) -> None:
        self.training, self.seed = training, seed
        self._made = [(component, _built(component)) for component in components]
        self._losing = [one for one in self._made if _adds_loss(one[1])]

    def none(self) -> Callbacks:
        """Return the same without a callback, for steps that are only tried."""
        return Callbacks((), self.training, self.seed)

    def tell(self, method: str, *, drawing: bool = False) -> list[tuple[Component, Any]]:
        """Call a method of all with the training, and return what each gives.

        Args:
            method: its name.
            drawing: what it draws shall not depend on what was drawn before.
        """
        found = []
        for component, callback in self._made:
            held = calling(component, f"that its {method} takes the training")
            with torch.no_grad(), self._drawing(method) if drawing else nullcontext(), held:
                found.append((component, getattr(callback, method)(self.training)))
        return found

    def _drawing(self, method: str) -> AbstractContextManager[None]:
        return seeded(derive_seed(self.seed, "callbacks", method, self.training.epoch))

    def more_loss(self, batch: Batch) -> Tensor | None:
        """Return what all of them add to the loss of a batch, None for nothing."""
        total: Tensor | None = None
        for component, callback in self._losing:
            with calling(component, "that its more_loss takes a batch"):
                more: Any = callback.more_loss(self.training, batch)
            if more is None:
                continue
            if not isinstance(more, Tensor) or more.ndim or not more.is_floating_point():
                refuse(component, "a loss that is a scalar of floats", more)
            total = more if total is None else total + more
        return total

    def facts(self) -> dict[str, float]:
        """End an epoch, and return its numbers, by the name of the callback and their own."""
        facts, used = dict[str, float](), Counter[str]()
        for component, found in self.tell("on_train_epoch_end", drawing=True):
            if not isinstance(found, Mapping) or not all(
                is_text(name) and is_finite(value) for name, value in found.items()
            ):
                refuse(component, "finite numbers by name at the end of an epoch", found)
            used[component.name] += 1  # one that is named twice tells its numbers twice
            who = component.name + (f"-{used[component.name]}" if used[component.name] > 1 else "")
            facts |= {f"{who}.{name}": float(value) for name, value in found.items()}
        return facts

    def weights(self) -> Mapping[str, Tensor] | None:
        """Return the weights that the last of them wants judged and kept, None where none does."""
        kept: Mapping[str, Tensor] | None = None
        names = self.training.network.state_dict().keys() if self._made else ()
        for component, found in self.tell("weights"):
            if found is None:
                continue
            if not isinstance(found, Mapping) or found.keys() != names:
                refuse(component, "a state of the network, with all its names", found)
            kept = found
        return kept

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the states of all for a checkpoint."""
        states = []
        for component, callback in self._made:
            with calling(component, _STATE):
                state = callback.state_dict()
            if not isinstance(state, dict) or not _is_plain(state):
                refuse(component, _STATE, state)
            states.append(state)
        return states

    def load_state_dict(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a checkpoint."""
        for (component, callback), state in zip(self._made, states, strict=True):
            with calling(component, "that its load_state_dict takes what its state_dict gave"):
                callback.load_state_dict(state)


def _built(component: Component) -> Callback:
    made: Any = component.build()
    if not isinstance(made, Callback):
        refuse(component, "a snnplug.nn.Callback", made)
    return made


def _adds_loss(callback: Callback) -> bool:
    return type(callback).more_loss is not Callback.more_loss


def _is_plain(value: Any) -> bool:
    """Whether a checkpoint can hold a value and be read without running code."""
    if isinstance(value, dict):
        return all(isinstance(name, str | int) and _is_plain(inner) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN or isinstance(value, Tensor)
