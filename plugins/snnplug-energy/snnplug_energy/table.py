"""A chip that nobody has a plugin for: its prices from a TOML file, or from the recipe itself.

    models = [{ use = "table", file = "mychip.toml" }]

    name = "mychip"                  # mychip.toml; J per event, W and seconds
    source = "data sheet, rev. 3"
    node = "22 nm"
    synaptic_operation = 2.5e-12
    mac = 4.6e-12
    neuron_update = 1e-12

How the events are counted is in `snnplug_energy.events`. A number without its source and process node cannot
be audited, so both are mandatory, and an event that the network makes and the table has no price for is
refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs
from annotated_types import Ge

from snnplug import check_ranges
from snnplug.errors import did_you_mean
from snnplug_energy.events import EventTable, Prices

__all__ = ["table"]

_PRICES = tuple(field.name for field in attrs.fields(Prices))
_STATIC = ("static_power", "step_seconds")
_TEXTS = ("name", "source", "node")
_KEYS = (*_TEXTS, *_PRICES, *_STATIC, "assumptions")


@check_ranges
def table(
    *,
    file: str = "",
    name: str = "",
    source: str = "",
    node: str = "",
    synaptic_operation: Annotated[float, Ge(0)] | None = None,
    convolution: Annotated[float, Ge(0)] | None = None,
    mac: Annotated[float, Ge(0)] | None = None,
    quantised_mac: Annotated[float, Ge(0)] | None = None,
    neuron_update: Annotated[float, Ge(0)] | None = None,
    spike: Annotated[float, Ge(0)] | None = None,
    step: Annotated[float, Ge(0)] | None = None,
    static_power: Annotated[float, Ge(0)] | None = None,
    step_seconds: Annotated[float, Ge(0)] | None = None,
    assumptions: list[str] | None = None,
) -> EventTable:
    """Return the model of a chip.

    Args:
        file: TOML file with all other parameters, from the working directory; nothing else is given then.
        name: of the chip.
        source: where the numbers come from, mandatory.
        node: their process node, mandatory.
        synaptic_operation: J of an accumulate that a spike causes.
        convolution: J of the same in a convolution, where that differs.
        mac: J of a multiply-accumulate of a layer with analog input.
        quantised_mac: J of one with few bits, for the quantised ANN that the estimate is compared with.
        neuron_update: J of a neuron in a step.
        spike: J of a spike that a neuron sends.
        step: J of a time step of the whole chip.
        static_power: W that flow all the time.
        step_seconds: how long a step takes, which static power needs.
        assumptions: what has to be true for the numbers to hold, a sentence each.

    Raises:
        ValueError: the file cannot be read, or a key is unknown, missing or has a wrong value; the message
            names the key, and in a file the line.
    """
    given = {key: value for key, value in locals().items() if key in _KEYS and value not in (None, "")}
    if not file:
        return _checked(given, lambda key, complaint: f"{key} {complaint}")
    if given:
        raise ValueError(
            f"file holds the whole table, and {', '.join(given)} stand beside it: put them into it"
        )
    return _checked(*_read(Path(file)))


def _read(path: Path) -> tuple[Mapping[str, Any], Callable[[str, str], str]]:
    """Return what stands in a file, and how a complaint about a key of it reads."""
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise ValueError(f"file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or no TOML; the parser says the line
        raise ValueError(f"file {path} is no TOML: {error}") from error

    def complain(key: str, complaint: str) -> str:
        lines = enumerate(text.splitlines(), 1)
        at = re.compile(rf"""\s*\[?\s*["']?{re.escape(key)}["']?\s*[]=.]""")
        line = next((f", line {number}" for number, content in lines if at.match(content)), "")
        return f"file {path}{line}: {key} {complaint}"

    return content, complain


def _checked(given: Mapping[str, Any], complain: Callable[[str, str], str]) -> EventTable:
    for key in given:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS)
            raise ValueError(complain(key, f"is no key of an energy table.{hint} Keys: {', '.join(_KEYS)}"))
    for key in _TEXTS:
        value = given.get(key, "")
        if not isinstance(value, str) or (key != "name" and not value.strip()):
            wanted = {"source": "where the numbers come from", "node": "their process node, such as '28 nm'"}
            raise ValueError(complain(key, f"must be a text: {wanted.get(key, 'what to call the chip')}"))
    for key in (*_PRICES, *_STATIC):
        if not _is_cost(value := given.get(key, 0.0)):
            unit = {"static_power": "W", "step_seconds": "seconds"}.get(key, "J")
            raise ValueError(
                complain(key, f"must be a number of {unit}, at least 0 and finite, got {value!r}")
            )
    if ("static_power" in given) != ("step_seconds" in given):
        present, absent = _STATIC if "static_power" in given else reversed(_STATIC)
        raise ValueError(complain(present, f"needs {absent} beside it: energy is power for a time"))
    lines = given.get("assumptions", [])
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError(complain("assumptions", f"must be a list of texts, got {lines!r}"))
    if not any(key in given for key in (*_PRICES, "static_power")):
        raise ValueError(
            complain("synaptic_operation", f"is missing, and so is every price: {', '.join(_PRICES)}")
        )
    return EventTable(
        name=given.get("name") or "table",
        prices=Prices(**{key: float(given[key]) for key in _PRICES if key in given}),
        reference=given["source"],
        node=given["node"],
        static_power=float(given.get("static_power", 0.0)),
        step_seconds=float(given.get("step_seconds", 0.0)),
        assumptions=tuple(lines) or ("the prices hold whatever the network, its size and its placement",),
    )


def _is_cost(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
