"""What a report says of the worth of a search: rivals, the front, failures, the peak of the training."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from snnplug.report.page import write_report

Files = dict[str, Any]


@pytest.fixture
def text(write: Callable[[Files], Path]) -> Callable[[Files], str]:
    """Return a function that returns the words of the page of some files."""

    def words(files: Files) -> str:
        page = write_report(write(files)).read_text("utf-8")
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())

    return words


def rival(how: str, accuracy: float, *difference: float) -> dict[str, Any]:
    row: dict[str, Any] = {"name": how, "how": how, "accuracy": accuracy}
    return row | dict(zip(("difference", "low", "high"), difference, strict=False))


def test_gains_are_said_with_intervals_whichever_way_they_fall(
    files: Files, text: Callable[[Files], str]
) -> None:
    rivals = [rival("found by the search", 0.96), rival("drawn by chance", 0.93, 0.03, 0.01, 0.05)]
    rivals += [rival("made by hand: net", 0.97, -0.01, -0.03, 0.01), rival("x", 0.99, -0.03, -0.04, -0.02)]
    files["summary.json"]["comparison"] = {"rivals": rivals, "split": "test", "samples": 359}
    said = text(files)
    assert "Against the network drawn by chance: +3.0 points (95 % interval +1.0 to +5.0)." in said
    assert "made by hand: net: −1.0 points (95 % interval −3.0 to +1.0); not distinguishable on 359" in said
    assert "Against the network x: −3.0 points (95 % interval −4.0 to −2.0)." in said


def test_found_one_is_set_against_a_random_search_at_its_cost(
    files: Files, text: Callable[[Files], str]
) -> None:
    rivals = [rival("found by the search", 0.96) | {"seconds": 12.0}]
    for number, val, accuracy in ((1, 0.93, 0.99), (2, 0.95, 0.94), (3, 0.95, 0.98)):
        row = rival(f"drawn by chance ({number})", accuracy, 0.96 - accuracy, -0.01, 0.05)
        rivals.append(row | {"val": val, "seconds": 10.0 + number})
    files["summary.json"]["comparison"] = {"rivals": rivals, "split": "test", "samples": 359}
    files["summary.json"]["seconds"] = {"search": 20.5}
    said = text(files)
    assert "Against a random search, which trains all 3 drawn by chance in 36.0 s" in said
    assert "the best by validation, drawn by chance (2): +2.0 points (95 % interval −1.0 to +5.0)" in said
    assert "The search and the training of what it found took 32.5 s." in said


@pytest.mark.parametrize("left_out", ["val", "drawn"])
def test_one_drawn_or_none_validated_is_no_random_search(
    files: Files, text: Callable[[Files], str], left_out: str
) -> None:
    rivals = [rival("found by the search", 0.96)]
    for number in range(1, 2 if left_out == "drawn" else 3):
        row = rival(f"drawn by chance ({number})", 0.9, 0.06, 0.01, 0.05)
        rivals.append(row if left_out == "val" else row | {"val": 0.9})
    files["summary.json"]["comparison"] = {"rivals": rivals, "split": "test", "samples": 359}
    assert "random search" not in text(files)


def test_nothing_is_said_of_what_was_not_compared(files: Files, text: Callable[[Files], str]) -> None:
    assert "Trained alike" not in text(files)


def test_best_candidates_stand_with_the_number_that_the_command_takes(
    files: Files, text: Callable[[Files], str]
) -> None:
    files["trials.json"][17]["genotype"] = "winner 17"
    said = text(files)
    assert "The best 10 by score." in said and "--candidate No. trains another" in said
    assert "17 winner 17 best score 18.5" in said


def test_front_names_its_candidates(files: Files, text: Callable[[Files], str]) -> None:
    front = [{"index": 4, "genotype": "small", "key": "a", "score": 15.0, "values": {"x:size": 7.0}}]
    front += [{"index": 17, "genotype": "large", "key": "b", "score": 18.5, "values": {"x:size": 9.0}}]
    files["summary.json"]["search"] |= {"objectives": {"x:size": "min"}, "pareto": front}
    said = text(files)
    assert "Pareto front No other candidate beats one of these" in said
    assert "4 small 7 15" in said and "17 large 9 18.5" in said


def test_failed_candidates_say_why(files: Files, text: Callable[[Files], str]) -> None:
    files["trials.json"][3]["reason"] = "its spikes are all 0"
    assert "1 of 50 got no score and cannot win: its spikes are all 0." in text(files)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_validation_peak_is_set_against_what_was_kept(
    files: Files, text: Callable[[Files], str], keep: str
) -> None:
    files["metrics.jsonl"][9]["val_accuracy"] = 0.99
    files["resolved.json"]["recipe"]["train"]["keep"] = keep
    said = text(files)
    assert "Validation was best in epoch 10, 99.0 %" in said
    assert ('keep = "best" keeps the best' in said) == (keep == "last")


def test_twins_and_interval_are_said(files: Files, text: Callable[[Files], str]) -> None:
    said = text(files)
    assert "send identical spikes" in said
    assert "95 % interval 93.6 % to 97.7 %" in said
    assert "The score, sahd: Sparsity-aware Hamming distance. Higher is better." in said
