"""Accuracy weighed against a cost, on tables worked by hand."""

from __future__ import annotations

import math

import pytest

from snnplug.statistics.weighing import EXPONENTS, weigh


def rows(found):
    return [(row.first, row.last, row.position) for row in found]


def test_table_worked_by_hand():
    # each costs half of the one before, which is worth 2^-exponent, and is log2 of their accuracies' ratio
    # behind: log2(80/76) = 0.074, log2(76/70) = 0.119, log2(70/60) = 0.222
    table = [(0.60, 50.0), (0.80, 400.0), (0.76, 200.0), (0.70, 100.0)]
    found = weigh(table)
    assert rows(found) == [(0.0, -0.04, 1), (-0.08, -0.08, 2), (-0.12, -0.2, 3), (-0.24, -0.24, 0)]
    assert [(row.accuracy, row.cost) for row in found] == [table[i] for i in (1, 2, 3, 0)]


@pytest.mark.parametrize("factor", [1e-9, 7.0, 1e12])
def test_unit_of_the_cost_changes_nothing(factor):
    table = [(0.60, 50.0), (0.80, 400.0), (0.76, 200.0), (0.70, 100.0)]
    assert rows(weigh([(accuracy, factor * cost) for accuracy, cost in table])) == rows(weigh(table))


def test_silent_candidate_costs_the_least_or_is_left_out():
    table = [(0.9, 1000.0), (0.3, 0.0)]  # 1000^0.16 = 3.02 is more than 0.9 / 0.3 = 3, 1000^0.12 = 2.29 not
    found = weigh(table, least=1.0)
    assert rows(found) == [(0.0, -0.12, 0), (-0.16, -0.24, 1)]
    assert found[1].cost == 1.0
    assert rows(weigh(table)) == [(0.0, -0.24, 0)]


def test_candidates_without_both_parts_are_left_out():
    table = [(None, 1.0), (0.9, None), (math.nan, 1.0), (0.9, math.inf), (0.5, 10.0)]
    assert rows(weigh(table)) == [(0.0, -0.24, 4)]
    assert weigh(table[:4]) == []
    assert weigh([]) == []


def test_of_equals_the_cheaper_is_best_then_the_first():
    assert rows(weigh([(0.2, 3.0), (0.5, 7.0), (0.5, 7.0)], (0.0,))) == [(0.0, 0.0, 1)]
    assert rows(weigh([(0.5, 7.0), (0.5, 4.0), (0.2, 3.0)], (0.0,))) == [(0.0, 0.0, 1)]


def test_exponents_run_from_accuracy_alone_to_the_dearest():
    assert EXPONENTS[0] == 0
    assert list(EXPONENTS) == sorted(EXPONENTS, reverse=True)
