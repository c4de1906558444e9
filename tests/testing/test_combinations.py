"""Combinations of parameters cover what they promise, in few cases."""

from __future__ import annotations

import itertools

import pytest

from snnplug.testing import covering

VALUES = {"surrogate": "abcdef", "leak": range(5), "reset": ["hard", "soft", "none"], "detach": [True, False]}


@pytest.mark.parametrize("strength", [1, 2, 3, 4])
def test_every_choice_of_so_many_values_occurs(strength):
    found = covering(strength, **VALUES)
    for names in itertools.combinations(VALUES, strength):
        occurring = {tuple(row[name] for name in names) for row in found}
        assert occurring == set(itertools.product(*(VALUES[name] for name in names)))


def test_pairs_take_hardly_more_cases_than_the_two_longest_lists():
    assert 30 <= len(covering(**VALUES)) <= 33
    assert len(covering(1, **VALUES)) <= 8
    assert len(covering(4, **VALUES)) == 6 * 5 * 3 * 2


def test_the_same_every_time_and_in_the_order_of_the_names():
    assert covering(**VALUES) == covering(**VALUES)
    assert {tuple(row) for row in covering(**VALUES)} == {tuple(VALUES)}


def test_few_names():
    assert covering(tau=[1.5, 2.0]) == [{"tau": 1.5}, {"tau": 2.0}]
    assert covering() == [{}]
    assert covering(tau=[]) == []
