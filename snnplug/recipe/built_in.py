"""The recipes that come with the core."""

from __future__ import annotations

from importlib import resources
from typing import Any

__all__ = ["DEFAULT", "built_in_recipes", "built_in_text", "load_built_in"]

DEFAULT = "default"


def built_in_recipes() -> dict[str, str]:
    """Return the built-in recipes: names and first comment lines."""
    found = {}
    for entry in resources.files("snnplug.recipes").iterdir():
        if entry.name.endswith(".toml"):
            first = entry.read_text(encoding="utf-8").split("\n", 1)[0]
            found[entry.name.removesuffix(".toml")] = first.lstrip("# ")
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def load_built_in(name: str) -> dict[str, Any]:
    """Return the content of a built-in recipe."""
    import tomllib

    return tomllib.loads(built_in_text(name))


def built_in_text(name: str) -> str:
    """Return the text of a built-in recipe, as it stands."""
    return (resources.files("snnplug.recipes") / f"{name}.toml").read_text(encoding="utf-8")
