"""Numbers, times and references as the page writes them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

__all__ = [
    "ABSENT",
    "FILTERS",
    "change",
    "indented",
    "links",
    "number",
    "percent",
    "plain",
    "points",
    "quantity",
    "seconds",
    "shorten",
    "value",
]

ABSENT = "–"
FILTERS = tuple(name for name in __all__ if name.islower())  # what templates may call
_SPACE = "\N{NO-BREAK SPACE}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_REFERENCE = re.compile(
    r"(?P<url>https?://[^\s<>\"']+[^\s<>\"'.,;:)\]])"
    r"|(?P<arxiv>\barXiv[:\s]\s?(?P<paper>\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+/\d{7}))"
    r"|(?P<doi>\b(?:doi[:\s]\s?)?(?P<number>10\.\d{4,9}/[^\s<>\"']+[^\s<>\"'.,;:)\]]))",
    re.IGNORECASE,
)


def number(x: float | None, digits: int = 4) -> str:
    """Return a number to some significant digits: 12,346; 0.1235; 1.2 × 10⁻⁷."""
    if x is None or not math.isfinite(x):
        return ABSENT
    if x < 0:
        return f"−{number(-x, digits)}"
    if x == int(x) and x < 1e9:
        return f"{int(x):,}"
    if 1e-4 <= x < 1e9:
        decimals = max(0, digits - 1 - math.floor(math.log10(x)))
        text = f"{x:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def change(x: float | None, decimals: int = 1) -> str:
    """Return a difference with its sign: +1.2; −0.8; 0.0."""
    if x is None or not math.isfinite(x):
        return ABSENT
    size = f"{abs(x):,.{decimals}f}"
    sign = "" if float(size.replace(",", "")) == 0 else "+" if x > 0 else "−"
    return f"{sign}{size}"


def points(x: float | None) -> str:
    """Return a difference of fractions in percentage points: +1.20; −0.28; 0.00."""
    return change(None if x is None else 100 * x, 2)


def percent(x: float | None) -> str:
    """Return a fraction in percent."""
    return ABSENT if x is None or not math.isfinite(x) else f"{100 * x:.1f}{_SPACE}%"


def quantity(x: float | None, unit: str) -> str:
    """Return a physical quantity with an SI prefix, such as 120 nJ; other units as plain numbers."""
    if x is None or not math.isfinite(x):
        return ABSENT
    if unit != "J":
        return number(x)
    exponent = 0 if x == 0 else 3 * math.floor(math.log10(abs(x)) / 3)
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    return f"{number(x / 10.0**exponent)}{_SPACE}{_PREFIXES[exponent]}{unit}"


def seconds(x: float | None) -> str:
    """Return a duration: 1.9 s; 3 min 12 s; 2 h 05 min."""
    if x is None or not math.isfinite(x):
        return ABSENT
    if x < 99.95:
        return f"{x:.1f}{_SPACE}s"
    whole = round(x)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def value(x: Any) -> str:
    """Return a parameter's value: texts as they are, a component as `name (tau = 2.0)`, the rest as JSON."""
    if isinstance(x, str):
        return x
    if isinstance(x, dict) and "use" in x:
        given = ", ".join(f"{name} = {value(y)}" for name, y in x.items() if name != "use")
        return f"{x['use']} ({given})" if given else str(x["use"])
    return json.dumps(x, ensure_ascii=False, default=str)


def indented(x: Any) -> str:
    """Return plain data as JSON over several lines."""
    return json.dumps(x, indent=2, ensure_ascii=False, default=str)


def plain(name: str) -> str:
    """Return `some name` for `acme-scorers:some_name`."""
    return name.rpartition(":")[2].replace("_", " ")


def shorten(text: str, length: int) -> str:
    """Cut the middle out of a long text: layer names differ at both ends."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[head + 1 - length :]}"


def links(reference: str) -> list[tuple[str, str]]:
    """Split a reference into (text, address) pieces; the address is empty for plain text."""
    pieces, end = [], 0
    for match in _REFERENCE.finditer(reference):
        if match.start() > end:
            pieces.append((reference[end : match.start()], ""))
        if match["url"]:
            address = match["url"]
        elif match["arxiv"]:
            address = f"https://arxiv.org/abs/{match['paper']}"
        else:
            address = f"https://doi.org/{match['number']}"
        pieces.append((match[0], address))
        end = match.end()
    if end < len(reference):
        pieces.append((reference[end:], ""))
    return pieces
