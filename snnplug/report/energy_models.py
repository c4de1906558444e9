"""Energy models side by side: what each counts, how the SNN stands against its ANN, and why they disagree.

Joules of different models do not compare: each model knows other terms. What compares is the ratio that each
gives of the SNN to an ANN by the same model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from snnplug.report import words
from snnplug.runs.energy_records import Energy, EnergyBaseline, EnergyLine

__all__ = ["OTHER", "Against", "ModelRow", "disagreements", "model_rows", "term_sums", "terms_of"]

OTHER = "other"  # of items that do not say their term


@attrs.frozen
class Against:
    """The SNN against another network, by one model.

    Attributes:
        name: of the other network.
        ratio: energy of the SNN to its energy; None where that is not known.
        at_least: the ratio is at least so much, as the other network takes at most that energy.
        because: the term and the item that decide it.
    """

    name: str
    ratio: float | None
    at_least: bool
    because: str

    @property
    def shown(self) -> str:
        """The ratio as it is written."""
        return f"{'≥ ' if self.at_least else ''}{words.number(self.ratio, 3)}"


@attrs.frozen
class ModelRow:
    """One model.

    Attributes:
        energy: what it says.
        terms: energy by term.
        against: the networks that it compares with.
    """

    energy: Energy
    terms: dict[str, float]
    against: Sequence[Against]

    @property
    def name(self) -> str:
        """The model in plain words, with the parameters that it was given."""
        return words.value({"use": words.plain(self.energy.model), **self.energy.parameters})


def model_rows(energies: Sequence[Energy]) -> list[ModelRow]:
    """Return a row for each estimate."""
    return [
        ModelRow(energy, term_sums(energy.items), [_against(energy, other) for other in energy.baselines])
        for energy in energies
    ]


def terms_of(rows: Sequence[ModelRow]) -> list[str]:
    """Return the terms that any model counts, in the order of first use."""
    return list(dict.fromkeys(term for row in rows for term in row.terms))


def term_sums(items: Sequence[EnergyLine]) -> dict[str, float]:
    """Return the energy by term."""
    sums: dict[str, float] = {}
    for item in items:
        term = item.term or OTHER
        sums[term] = sums.get(term, 0.0) + (item.value or 0.0)
    return sums


def _against(energy: Energy, other: EnergyBaseline) -> Against:
    if energy.value is None or not other.value:
        return Against(other.name, None, other.upper_bound, "")
    ratio = energy.value / other.value
    own, theirs = term_sums(energy.items), term_sums(other.items)
    apart = {term: own.get(term, 0.0) - theirs.get(term, 0.0) for term in own | theirs}
    term = (max if ratio > 1 else min)(apart, key=lambda name: apart[name])
    dearer = energy.items if ratio > 1 else other.items
    items = [item for item in dearer if (item.term or OTHER) == term]
    item = max(items, key=lambda line: line.value or 0.0).name if items else ""
    whose = "of the SNN" if ratio > 1 else "that it saves"
    size = words.quantity(abs(apart[term]), energy.unit)
    because = f"{term} ({'+' if apart[term] > 0 else '−'}{size}): {item} {whose}"
    return Against(other.name, ratio, other.upper_bound, because)


def disagreements(rows: Sequence[ModelRow]) -> Iterator[str]:
    """Yield sentences on where the models disagree, and on what they count."""
    for name in dict.fromkeys(other.name for row in rows for other in row.against):
        found = [(row.name, a) for row in rows for a in row.against if a.name == name and a.ratio is not None]
        dearer = [(model, a) for model, a in found if (a.ratio or 0.0) >= 1]
        cheaper = [(model, a) for model, a in found if (a.ratio or 0.0) < 1 and not a.at_least]
        unknown = [(model, a) for model, a in found if (a.ratio or 0.0) < 1 and a.at_least]
        if cheaper and dearer:
            yield (
                f"Whether the SNN is cheaper than its {name} depends on the model: it is by "
                f"{_listed(cheaper)}, and is not by {_listed(dearer)}."
            )
        elif cheaper or dearer:
            verdict = "cheaper than" if cheaper else "no cheaper than"
            yield f"The SNN is {verdict} its {name} by {_listed(cheaper or dearer)}."
        if unknown:
            yield f"Not decided against its {name}, which the model bounds from above: {_listed(unknown)}."
    if len(rows) > 1:
        counted = "; ".join(f"{row.name}: {', '.join(row.terms) or 'nothing'}" for row in rows)
        yield f"What is counted differs. {counted}."


def _listed(found: Sequence[tuple[str, Against]]) -> str:
    return ", ".join(f"{model} ({against.shown})" for model, against in found)
