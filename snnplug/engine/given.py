"""Objects that a program puts into a recipe, in place of names.

    snnplug.run({"neuron": MyNeuron(tau=3.0), "architecture": my_module, "train": {"epochs": 3}})

Each becomes a local registration of this run and its name stands in the recipe, so that everything behind
sees registered things alone. The run is recorded; only a program that has the objects can repeat it.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from snnplug.contracts import Splits
from snnplug.errors import RecipeError
from snnplug.recipe.recipe import Recipe
from snnplug.recipe.section import places_of
from snnplug.recipe.stages import sections
from snnplug.registry.component import Component
from snnplug.registry.kinds import KINDS
from snnplug.registry.registry import LOCAL, Registry

__all__ = ["Given", "register_objects", "snake_name"]


class Given:
    """Stands for an object where a target is called to build one: every call returns a copy."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, *supplied: Any) -> Any:
        """Return a copy of the object, whatever the kind supplies."""
        return copy.deepcopy(self.value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "value":  # asked for by copy and pickle
            raise AttributeError(name)
        return getattr(self.value, name)


def register_objects(
    data: Mapping[str, Any], registry: Registry
) -> tuple[dict[str, Any], Registry, tuple[str, ...]]:
    """Register the objects in a recipe's data, and put their names there.

    A component is written as its table. A class, or a function where a builder is asked, takes the parameters
    of its table `{"use": MyNeuron, "tau": 3.0}`.

    Args:
        data: of a recipe; left as it is.
        registry: where everything else is found; left as it is.

    Returns:
        The data with names, a registry with the objects, and their names in it.

    Raises:
        RecipeError: an object stands where none can.
    """
    taker = _Taker(registry)
    taken = {str(key): taker.value(str(key), value) for key, value in data.items()}
    return taken, taker.registry, tuple(taker.names)


class _Taker:
    def __init__(self, registry: Registry) -> None:
        self.before = self.registry = registry
        self.names: list[str] = []

    def value(self, key: str, value: Any) -> Any:
        if isinstance(value, Component):
            return self.value(key, value.to_dict())
        if isinstance(value, Mapping):
            return {
                str(name): self.name(key, inner) if name == "use" else self.value(f"{key}.{name}", inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(f"{key}.{i}", inner) for i, inner in enumerate(value)]
        return value if _is_plain(value) else {"use": self.name(key, value)}

    def name(self, key: str, value: Any) -> Any:
        if isinstance(value, str) or _is_plain(value):
            return value
        kind = _kind_of(value) or _kind_at(key)
        if kind is None:
            given = f"{key}: an object of {type(value).__name__} stands where no registered thing can"
            raise RecipeError([given])
        if self.registry is self.before:
            self.registry = self.before.merged(Registry())
        spec, taken = KINDS[kind].spec, {r.name for r in self.registry.list(kind) if r.plugin == LOCAL}
        name = base = snake_name(value)
        number = 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        target = value if _builds(value) else Given(value)
        components = {"neuron": "neuron"} if kind in ("architecture", "search_space") else {}
        self.registry.register(
            spec(
                name=name,
                target=target,
                summary=f"{snake_name(value)}, given from Python",
                components=components,
            )
        )
        self.names.append(name)
        return f"{LOCAL}:{name}"


def _is_plain(value: Any) -> bool:
    return (
        value is None or isinstance(value, bool | int | float | str) or type(value).__module__ == "datetime"
    )


def _kind_of(value: Any) -> str | None:
    """Return the kind of which an object, or what a class makes, is by its type."""
    from snnplug.nn import Callback, Encoder, Loss, SpikingNeuron

    made = value if inspect.isclass(value) else type(value)
    known: dict[type, str] = {SpikingNeuron: "neuron", Encoder: "encoder", Loss: "loss", Splits: "dataset"}
    known[Callback] = "callback"
    return next((kind for base, kind in known.items() if issubclass(made, base)), None)


def _kind_at(key: str) -> str | None:
    """Return the kind that a key of a recipe takes."""
    places = {key: use.kind for key, use in places_of(Recipe)}
    for name, section in sections().items():
        places |= {key: use.kind for key, use in places_of(section, name)}
    return places.get(re.sub(r"\.\d+$", "", key))


def _builds(value: Any) -> bool:
    """Whether a value is called to build the thing, rather than being the thing."""
    return inspect.isclass(value) or inspect.isroutine(value)


def snake_name(value: Any) -> str:
    """Return the name of a class or function, or of an object's class, as registered things are called."""
    function: Callable[..., Any] | type = value if hasattr(value, "__name__") else type(value)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", function.__name__)
    name = re.sub(r"[^a-z0-9_]+", "_", words.lower()).strip("_")
    return name if name[:1].isalpha() else f"given_{name}".rstrip("_")
