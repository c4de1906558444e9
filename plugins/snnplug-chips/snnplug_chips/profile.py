"""The profile of a chip: its limits as data, each with its source and date, from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import attrs

from snnplug import Need

__all__ = ["Limit", "Profile", "read_profile"]


@attrs.frozen
class Limit:
    """A limit.

    Attributes:
        value: a number, a list of numbers or words, or a table by version.
        unit: what is counted, as messages say it.
        source: where it is from, with the date.
        bound: of a shape rather than of something that is used up.
    """

    value: Any
    unit: str
    source: str
    bound: bool = False

    def of(self, version: str) -> Any:
        """Return the value of a version, None where that has no such limit."""
        return self.value.get(version) if isinstance(self.value, Mapping) else self.value

    def need(
        self, layer: str, has: float, advice: str, *, allowed: float | None = None, unit: str = ""
    ) -> Need:
        """Return what a layer needs of it.

        Args:
            layer: its name; empty for the network.
            has: how much.
            advice: what to change where that is too much.
            allowed: how much there is; None for the value.
            unit: in place of the limit's own.
        """
        most = self.value if allowed is None else allowed
        return Need(layer, unit or self.unit, has, most, advice, self.source, self.bound)

    def lacks(self, layer: str, limit: str, has: str, there: str, advice: str) -> Need:
        """Return what a layer needs and the chip does not have, known from the same source."""
        return Need(layer, limit, has, there, advice, self.source)


@attrs.frozen
class Profile:
    """What is known of a chip.

    Attributes:
        title: what it is called.
        weight_bits: of a weight, with its sign.
        limits: by name.
        source: of all limits.
    """

    title: str
    weight_bits: int
    limits: Mapping[str, Limit]
    source: str

    def __getitem__(self, name: str) -> Limit:
        return self.limits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.limits)


def read_profile(name: str) -> Profile:
    """Return the profile that `profiles/<name>.toml` holds."""
    text = resources.files("snnplug_chips").joinpath(f"profiles/{name}.toml").read_text("utf-8")
    data = tomllib.loads(text)
    sources = data["sources"]
    limits = {
        key: Limit(entry["value"], entry["unit"], sources[entry["source"]], entry.get("bound", False))
        for key, entry in data["limits"].items()
    }
    return Profile(data["title"], data["weight_bits"], limits, "; ".join(sources.values()))
