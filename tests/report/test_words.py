from __future__ import annotations

import pytest

from snnplug.report import words
from snnplug.statistics.ranking import kendall


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0, "0"),
        (12345, "12,345"),
        (12345.678, "12,346"),
        (0.123456, "0.1235"),
        (2.5, "2.5"),
        (100.04, "100"),
        (1.2e-7, "1.2 × 10⁻⁷"),
        (-3e12, "−3 × 10¹²"),
        (-0.5, "−0.5"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_number(x: float | None, text: str) -> None:
    assert words.number(x) == text


@pytest.mark.parametrize(
    ("x", "unit", "text"),
    [
        (1.2e-7, "J", "120\xa0nJ"),
        (0.9e-12, "J", "900\xa0fJ"),
        (4.6e-12, "J", "4.6\xa0pJ"),
        (0.0, "J", "0\xa0J"),
        (3.0, "J", "3\xa0J"),
        (0.73, "relative", "0.73"),
        (None, "J", "–"),
    ],
)
def test_quantity(x: float | None, unit: str, text: str) -> None:
    assert words.quantity(x, unit) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.94, "1.9\xa0s"),
        (99.96, "1 min 40 s"),
        (192.4, "3 min 12 s"),
        (7500, "2 h 05 min"),
        (3599.6, "1 h 00 min"),
    ],
)
def test_seconds(x: float, text: str) -> None:
    assert words.seconds(x) == text


def test_shorten_keeps_both_ends() -> None:
    assert words.shorten("cells.0.neuron", 9) == "cell…uron"
    assert words.shorten("stem", 9) == "stem"


def test_value_of_a_component() -> None:
    given = {"use": "snnplug-lif:lif", "tau": 1.5, "base": {"use": "x"}, "reset": None}
    assert words.value(given) == "snnplug-lif:lif (tau = 1.5, base = x, reset = null)"
    assert words.value([1, 2]) == "[1, 2]"


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("Kim et al., ECCV 2022, arXiv:2201.10355.", "https://arxiv.org/abs/2201.10355"),
        ("arXiv 2201.10355v2", "https://arxiv.org/abs/2201.10355v2"),
        ("doi:10.1109/ISSCC.2014.6757323.", "https://doi.org/10.1109/ISSCC.2014.6757323"),
        ("(10.1016/S0893-6080(97)00011-7)", "https://doi.org/10.1016/S0893-6080(97)00011-7"),
        ("see https://example.org/a?b=c, there", "https://example.org/a?b=c"),
        ("https://doi.org/10.1109/X.1", "https://doi.org/10.1109/X.1"),
    ],
)
def test_links(reference: str, address: str) -> None:
    pieces = words.links(reference)
    assert "".join(text for text, _ in pieces) == reference
    assert [target for _, target in pieces if target] == [address]


def test_kendall() -> None:
    # worked by hand: 8 concordant, 2 discordant of 10 pairs
    assert kendall([1, 2, 3, 4, 5], [1, 3, 2, 5, 4]) == pytest.approx(0.6)
    # one tie in x: 5 pairs agree, 5 distinct in x, 6 in y
    assert kendall([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(5 / 30**0.5)
    assert kendall([1, 2, 3], [3, 2, 1]) == -1
    assert kendall([1, 1], [1, 2]) is None
    assert kendall([], []) is None
