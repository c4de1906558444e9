"""Energy models side by side: what the page says of their disagreement."""

from __future__ import annotations

import attrs

from snnplug.contracts import Baseline, EnergyEstimate, EnergyItem
from snnplug.report.energy_models import disagreements, model_rows, term_sums, terms_of
from snnplug.report.figures.energy import models_bars
from snnplug.runs.energy_records import Energy
from snnplug.runs.reading import structure, to_plain


def energy(model: str, compute: float, memory: float, ann: float, *, bound: bool = False) -> Energy:
    items = (EnergyItem("sums", 10, compute / 10, "compute"), EnergyItem("weights read", 1, memory, "memory"))
    dense = Baseline("dense ANN", (EnergyItem("MACs", 1, ann, "compute"),), "one dense pass", bound)
    estimate = EnergyEstimate(unit="J", items=items, baselines=(dense,), node="45 nm", facts={"size": 3})
    return Energy.of(f"acme:{model}", estimate)


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


CHEAP, DEAR = energy("cheap", 2.0, 1.0, 12.0), energy("dear", 2.0, 30.0, 16.0)


def test_ratio_and_what_decides_it() -> None:
    cheap, dear = model_rows([CHEAP, DEAR])
    assert (cheap.against[0].ratio, dear.against[0].ratio) == (0.25, 2.0)
    assert plain(cheap.against[0].because) == "compute (−10 J): MACs that it saves"
    assert plain(dear.against[0].because) == "memory (+30 J): weights read of the SNN"


def test_models_that_disagree_are_named_with_what_they_count() -> None:
    rows = model_rows([CHEAP, DEAR, energy("bound", 1.0, 0.0, 4.0, bound=True)])
    lines = list(disagreements(rows))
    assert lines[0] == (
        "Whether the SNN is cheaper than its dense ANN depends on the model: it is by cheap (0.25), "
        "and is not by dear (2)."
    )
    assert lines[1] == "Not decided against its dense ANN, which the model bounds from above: bound (≥ 0.25)."
    assert lines[2].startswith("What is counted differs. cheap: compute, memory; dear: compute, memory;")


def test_models_that_agree() -> None:
    assert (
        next(disagreements(model_rows([CHEAP]))) == "The SNN is cheaper than its dense ANN by cheap (0.25)."
    )
    assert next(disagreements(model_rows([DEAR]))) == "The SNN is no cheaper than its dense ANN by dear (2)."


def test_one_model_with_two_settings_has_two_names() -> None:
    int8 = attrs.evolve(CHEAP, parameters={"precision": "int8", "leak": True})
    names = [row.name for row in model_rows([CHEAP, int8])]
    assert names == ["cheap", "cheap (precision = int8, leak = true)"]


def test_terms_are_sums_of_items() -> None:
    assert term_sums(CHEAP.items) == {"compute": 2.0, "memory": 1.0}
    unnamed = attrs.evolve(CHEAP.items[0], term="")
    assert terms_of(model_rows([attrs.evolve(CHEAP, items=(unnamed,))])) == ["other"]


def test_picture_says_its_numbers() -> None:
    rows = model_rows([CHEAP, DEAR])
    svg = models_bars(rows, terms_of(rows), "models")
    assert "cheap 3 J, 0.25 of its dense ANN; dear 32 J, 2 of its dense ANN" in plain(svg)


def test_records_come_back_from_a_file_and_old_ones_have_no_baselines() -> None:
    assert structure(to_plain(CHEAP), Energy) == CHEAP
    old = structure({"model": "m", "value": 1.0, "unit": "J", "items": [{"name": "i", "count": 1.0}]}, Energy)
    assert (old.baselines, old.facts, old.node, old.items[0].term) == ((), {}, "", "")
    assert model_rows([old])[0].against == []
