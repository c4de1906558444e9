"""The published tables and the energies that follow from them."""

from __future__ import annotations

import pytest
from snnplug_energy.published import published_rows, relative_table, saving

CIFAR10 = published_rows("cifar10", "vgg16")
CIFAR100 = published_rows("cifar100", "vgg16")


@pytest.mark.parametrize(
    ("coding", "truenorth", "spinnaker"),
    [
        ("Rate (2017)", 1.0, 1.0),
        ("Phase (2018)", 2.1140, 2.7824),
        ("Burst (2019)", 0.7476, 0.7462),
        ("Rate (2020)", 0.3171, 0.3026),
        ("TTFS (2020)", 0.2750, 0.1679),
        ("Rate (2021)", 0.4366, 0.4985),
        ("SC-TTFS", 0.0507, 0.0380),
    ],
)
def test_figure_3(coding: str, truenorth: float, spinnaker: float) -> None:
    row = next(row for row in relative_table(CIFAR10, "Rate (2017)") if row.coding == coding)
    assert (round(row.truenorth, 4), round(row.spinnaker, 4)) == (truenorth, spinnaker)


@pytest.mark.parametrize(
    ("coding", "truenorth", "spinnaker"),
    [("Phase (2018)", 1.0, 1.0), ("TTFS (2020)", 0.1364, 0.0822), ("SC-TTFS", 0.0262, 0.0167)],
)
def test_figure_4(coding: str, truenorth: float, spinnaker: float) -> None:
    row = next(row for row in relative_table(CIFAR100, "Phase (2018)") if row.coding == coding)
    assert (round(row.truenorth, 4), round(row.spinnaker, 4)) == (truenorth, spinnaker)


@pytest.mark.parametrize(
    ("rows", "reference", "truenorth", "spinnaker"),
    [
        (CIFAR10, "Rate (2017)", 81.6, 77.4),  # "about 80 %"
        (CIFAR100, "Phase (2018)", 80.8, 79.7),
        (CIFAR10, "TTFS (2020)", -11.0, -68.0),  # the same claim the other way round
        (CIFAR100, "TTFS (2020)", -11.1, -66.7),
        (CIFAR10, "SC-TTFS", 74.6, 60.3),
    ],
)
def test_the_saving_over_ttfs_turns_with_the_reference(
    rows: list, reference: str, truenorth: float, spinnaker: float
) -> None:
    found = saving(relative_table(rows, reference), "SC-TTFS", "TTFS (2020)")
    assert [round(100 * part, 1) for part in found] == [truenorth, spinnaker]


def test_resnet20_against_fs() -> None:
    table = relative_table(published_rows("cifar10", "resnet20"), "Phase (2021) [24]")
    assert [row.coding for row in table] == ["Phase (2021) [24]", "SC-TTFS"]  # no others report spikes
    assert (round(table[1].truenorth, 3), round(table[1].spinnaker, 3)) == (0.974, 1.259)


def test_the_losses_of_the_paper_but_for_its_misprints() -> None:
    losses = {(r.dataset, r.network, r.coding): round(r.ann - r.snn, 2) for r in published_rows() if r.ann}
    assert losses["cifar10", "resnet20", "Rate (2021)"] == 0.04
    assert losses["cifar10", "vgg16", "SC-TTFS"] == -0.06
    assert losses["cifar100", "resnet20", "SC-TTFS"] == -0.07
    assert losses["cifar100", "vgg16", "Rate (2020)"] == 1.82
    assert sorted(r.printed for r in published_rows() if r.printed) == ["0.498", "85.42", "[12]"]
    assert all(row.note for row in published_rows() if row.printed)


def test_latency_as_stated() -> None:
    by_set = [{row.coding: row for row in rows} for rows in (CIFAR10, CIFAR100)]
    gains = [1 - rows["SC-TTFS"].latency / rows["TTFS (2020)"].latency for rows in by_set]
    assert [round(100 * gain, 1) for gain in gains] == [84.1, 81.5]


def test_a_missing_reference_row_is_named() -> None:
    with pytest.raises(ValueError, match=r"reference 'Rate \(2018\)' is no row .* Did you mean 'Rate \(20"):
        relative_table(CIFAR10, "Rate (2018)")
    with pytest.raises(ValueError, match="several data sets or networks"):
        relative_table(published_rows(), "SC-TTFS")
