"""The decoding on all ids, and logs made up in the benchmark's form. No data of the benchmark stands here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from snnplug_spikenas_bench.cell import CELLS, canonical, decode, live, text
from snnplug_spikenas_bench.log import LAYERS, read_log

from snnplug import Component, Registry
from snnplug.errors import DataError
from snnplug.testing import BenchmarkConformance, PluginConformance


def write_log(root: Path, number: int, *, accuracy: float = 80.0, epochs: int = 3, tail: bool = True) -> Path:
    file = root / "data" / "CIFAR10" / str(number) / "train_process.txt"
    file.parent.mkdir(parents=True)
    rates = ["-1.000"] * 12 + ["0.100", "0.200", "0.300", "0.400"]
    lines = [
        f"architecture id: {number}",
        "model parameters: 17179620",
        "epoch, train_acc, train_loss, val_acc, val_loss",
        *(f"{epoch}.000, 20.000, 2.000, {30 + 10 * epoch}.000, 1.500" for epoch in range(epochs)),
    ]
    if tail:
        lines += [
            f"test accuracy: {accuracy:.3f}",
            f"firing rate of layers: {', '.join(rates)}",
            "Elapsed time: 1.0hour2.0minute3.5second",
        ]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, accuracy in ((0, 10.0), (25, 80.0), (50, 85.0), (26, 80.25), (12617, 89.0)):
        write_log(tmp_path, number, accuracy=accuracy)
    return tmp_path


def read(root: Path) -> Any:
    return Registry.from_installed().create(
        "benchmark", "snnplug-spikenas-bench:spikenas_bench", root=str(root)
    )


def test_decoding_by_hand() -> None:
    assert decode(0) == {}
    assert decode(25) == {(0, 3): 1}  # 5^2: the third digit
    assert decode(12617) == {(0, 1): 2, (0, 2): 3, (0, 3): 4, (2, 3): 4}  # 4*5^5 + 4*25 + 3*5 + 2
    assert text(decode(12617)) == "0234 0000 0004 0000"
    assert decode(CELLS - 1) == dict.fromkeys(decode(CELLS - 1), 4)
    with pytest.raises(ValueError, match="number must be in 0 to 15624, got 15625"):
        decode(15625)


def test_dead_edges_by_hand() -> None:
    assert live({(0, 1): 2, (0, 3): 1}) == {(0, 3): 1}  # node 1 leads nowhere
    assert live({(1, 2): 2, (2, 3): 3, (0, 3): 1}) == {(0, 3): 1}  # nothing reaches node 1
    assert live({(0, 1): 2, (1, 2): 3, (2, 3): 4}) == {(0, 1): 2, (1, 2): 3, (2, 3): 4}
    assert live({(0, 1): 2, (1, 2): 3}) == {}


def test_nodes_change_places_only_where_no_edge_joins_them() -> None:
    one, other = {(0, 1): 2, (1, 3): 3}, {(0, 2): 2, (2, 3): 3}
    assert canonical(one) == canonical(other)
    joined = {(0, 1): 2, (1, 3): 3, (0, 2): 4, (1, 2): 1, (2, 3): 3}
    assert canonical(joined) == joined


def test_numbers_of_cells_and_classes() -> None:
    cells = [decode(number) for number in range(CELLS)]
    assert len(cells) == 15625
    assert sum(not live(cell) for cell in cells) == 341
    assert sum((0, 3) in cell for cell in cells) == 12500
    assert len({text(canonical(cell)) for cell in cells}) == 8765  # one of them: no path


def test_log(tmp_path: Path) -> None:
    log = read_log(write_log(tmp_path, 25))
    assert log.parameters == 17179620
    assert log.val_accuracies == (0.3, 0.4, 0.5)
    assert log.train_losses == (2.0, 2.0, 2.0)
    assert log.test_accuracy == 0.8
    assert log.firing_rates == {"reduction": 0.1, "last": 0.2, "classifier": 0.3, "all": 0.4}
    assert log.seconds == 3723.5
    assert len(LAYERS) == 16


def test_networks(root: Path) -> None:
    benchmark = read(root)
    networks = {network.id: network for network in benchmark.networks}
    assert list(networks) == ["0", "25", "26", "50", "12617"]
    assert networks["0"].genotype is None
    assert networks["25"].key == networks["26"].key  # 26 has a dead edge more
    assert networks["25"].facts["spiking_layers"] == 3
    assert networks["50"].facts["spiking_layers"] == 5  # a convolution in each of two cells
    assert networks["12617"].facts["spiking_layers"] == 9  # 0->1 is dead
    assert networks["12617"].genotype == "0234 0000 0004 0000"
    assert networks["12617"].structure == ("zero", "conv3@1", "conv3@1.5", "zero", "zero", "conv3@1.5")
    assert networks["12617"].losses == (2.0, 2.0, 2.0)
    assert benchmark.note == (
        "5 of 15,625 networks of SpikeNAS-Bench, CIFAR-10: 3 functionally different, "
        "1 without a path from input to output"
    )


@pytest.mark.parametrize("folder", ["", "data", "data/CIFAR10"])
def test_folders_that_are_taken(root: Path, folder: str) -> None:
    assert len(read(root / folder).networks) == 5


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no training logs .* clone https://github.com/tju-sun-lab"):
        read(tmp_path / "absent")


def test_torn_log_is_named(root: Path) -> None:
    write_log(root, 51, tail=False)
    with pytest.raises(DataError, match=r"51/train_process.txt is not a training log"):
        read(root)


def test_foreign_folder_is_named(root: Path) -> None:
    write_log(root, 99999)
    with pytest.raises(DataError, match=r"99999/train_process.txt: number must be in 0 to 15624"):
        read(root)


class TestPlugin(PluginConformance):
    name = "snnplug-spikenas-bench"


class TestSpikeNASBench(BenchmarkConformance):
    name = "snnplug-spikenas-bench:spikenas_bench"

    @pytest.fixture
    def component(self, installed_registry: Registry, root: Path) -> Component:
        return installed_registry.use(self.kind, self.name, root=str(root))


def test_a_home_that_is_not_there() -> None:
    with pytest.raises(DataError, match=r"^no training logs of SpikeNAS-Bench in root = '~nobody_here/logs'"):
        read(Path("~nobody_here/logs"))
