"""A search whose scores have parts: accuracy against a cost, the best candidates, networks made by hand."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from snnplug.report import words
from snnplug.report.candidates import beside, best_candidates, reasons
from snnplug.report.trade import trades
from snnplug.runs.records import TrialRecord

TABLE = [(0.60, 50.0), (0.80, 400.0), (0.76, 200.0), (0.70, 100.0), (0.50, 300.0), (0.80, 400.0)]


def trial(key: str, accuracy: float | None, spikes: float | None, score: float | None = 1.0) -> TrialRecord:
    parts = {"accuracy": accuracy, "spikes": spikes}
    return TrialRecord(genotype=f"network {key}", key=key, score=score, parts=parts)


TRIALS = [trial(str(i), accuracy, spikes, accuracy) for i, (accuracy, spikes) in enumerate(TABLE)]


def test_what_no_candidate_beats_in_both() -> None:
    (trade,) = trades(TRIALS, TRIALS[1], [])
    assert [one.trial.key for one in trade.front] == ["0", "3", "2", "1"]  # of equals the first
    assert trade.candidates == 6


def test_course_of_the_search_in_three_parts() -> None:
    (trade,) = trades(TRIALS, TRIALS[1], [])
    spans = [(period.style, period.first, period.last) for period in trade.periods]
    assert spans == [("early", 1, 2), ("middle", 3, 4), ("late", 5, 6)]
    failed = [trial(str(i), None, None, None) for i in range(3)]
    (trade,) = trades([*failed, *TRIALS[:3]], TRIALS[1], [])
    assert [(period.style, period.first) for period in trade.periods] == [("middle", 3), ("late", 5)]


def test_choices_as_the_cost_counts_for_more() -> None:
    (trade,) = trades(TRIALS, TRIALS[1], [])
    rows = [(row.first, row.last, row.one.trial.key) for row in trade.choices]
    assert rows == [(0.0, -0.04, "1"), (-0.08, -0.08, "2"), (-0.12, -0.2, "3"), (-0.24, -0.24, "0")]
    assert [row.points for row in trade.choices] == pytest.approx([0, -4, -10, -20])
    assert [row.percent for row in trade.choices] == pytest.approx([0, -50, -75, -87.5])


def test_silent_network_counts_as_one_spike_and_another_cost_of_nothing_is_left_out() -> None:
    table = [trial("loud", 0.9, 1000.0), trial("silent", 0.3, 0.0)]
    (trade,) = trades(table, table[0], [])
    assert [row.one.trial.key for row in trade.choices] == ["loud", "silent"]
    renamed = [
        TrialRecord(key=t.key, score=t.score, parts={"accuracy": 0.5, "energy": (t.parts or {})["spikes"]})
        for t in table
    ]
    (trade,) = trades(renamed, renamed[0], [])
    assert [row.one.trial.key for row in trade.choices] == ["loud"]


def test_scores_without_a_cost_or_without_accuracy_have_no_picture() -> None:
    assert trades([TrialRecord(key="a", score=1.0)], TrialRecord(), []) == []
    assert trades([TrialRecord(key="a", score=1.0, parts={"accuracy": 1.0})], TrialRecord(), []) == []
    assert trades([TrialRecord(key="a", score=1.0, parts={"spikes": 1.0})], TrialRecord(), []) == []


def test_best_ten_of_a_score_that_is_better_either_way() -> None:
    scored = [TrialRecord(key=str(i), score=float(i % 6)) for i in range(12)]
    scored.append(TrialRecord(key="failed"))
    assert [t.key for t in best_candidates(scored, lower=False)][:4] == ["5", "11", "4", "10"]
    assert [t.key for t in best_candidates(scored, lower=True)][:4] == ["0", "6", "1", "7"]
    assert len(best_candidates(scored, lower=False)) == 10


def test_winner_beside_a_network_made_by_hand() -> None:
    by_hand = {"loud": trial("a", 0.75, 400.0, 0.5), "broken": TrialRecord(reason="no memory")}
    loud, broken = beside(by_hand, trial("b", 0.8, 100.0, 0.9), ["accuracy", "spikes"])
    assert (loud.number, broken.number) == (1, 2)
    assert loud.parts[0].points == pytest.approx(5)
    assert loud.parts[1].percent == pytest.approx(-75)
    assert loud.score.absolute == pytest.approx(0.4)
    assert [figure.value for figure in (*broken.parts, broken.score)] == [None] * 3


def test_reasons_are_counted_and_refused_candidates_have_not_failed() -> None:
    said = ["layer 3 is broken", "too slow", "layer 12 is broken", "too slow", "too slow"]
    failed = [TrialRecord(reason=text) for text in said]
    refused = TrialRecord(reason="9 parameters, the limit is 5", beyond={"parameters": 9.0})
    found = [(r.count, r.text, r.alike) for r in reasons([*failed, refused, TrialRecord(score=1.0)])]
    assert found == [(3, "too slow", False), (2, "layer 3 is broken", True)]


@pytest.fixture
def shown(parted: Path) -> str:
    """The section of the search, tags and all."""
    page = (parted / "report.html").read_text("utf-8")
    return page[page.index('<section id="search"') : page.index("</section>", page.index('id="search"'))]


def test_page_says_all_of_it(shown: str) -> None:
    text = " ".join(unescape(re.sub("<[^>]*>", " ", shown)).split())
    for said in (
        "candidates 1 to 16",
        "candidates 34 to 50",
        "−0.12 to −0.2 network 9",
        "−10.0 points",
        "−75.0 %",
        "The best 10 by score",
        "best score",
        "Why 1 got no score",
        "1 : CUDA is <out> of memory",
        "1 <quiet>",
        "no score: no memory",
    ):
        assert said in text, said
    assert "and 1 networks made by hand" in unescape(shown)


def test_long_genotype_is_shortened_and_can_be_unfolded(shown: str) -> None:
    long = "block " * 20
    assert shown.count(f"<code>{long}</code></details>") == 3  # the winner twice, and one made by hand
    assert shown.count('<details class="long">') == 3
    assert shown.count(words.shorten(long, 60)) == 3


def test_every_picture_is_in_the_page_colours(shown: str) -> None:
    pictures = "".join(re.findall(r"<svg.*?</svg>", shown, re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'(id|href)="[^"]*"|url\([^)]*\)', "", pictures))
