from __future__ import annotations

import pytest
import torch
from snnplug_snasnet.cell import Cell
from snnplug_snasnet.genotype import parse

from snnplug import Registry
from snnplug.nn import spikes_only, watch_spikes

OPERATIONS = ("zero", "identity", "conv1", "conv3", "avg_pool", "conv3@0.5")
CELLS = [
    "0302 0030 3003 0000",  # two edges leave the input, two leave node 2, one of them backward
    "0353 0030 0003 0000",  # three edges leave the input, one with another threshold
    "0003 0000 0000 3000",
    "0331 0024 0003 0300",
]


def cell(text, neuron="lif"):
    registry = Registry.from_installed(quiet=True)

    def new_neuron(threshold=1.0):
        if neuron == "imp":
            return registry.create("neuron", "imp", base=registry.use("neuron", "lif", threshold=threshold))
        return registry.create("neuron", neuron, threshold=threshold)

    torch.manual_seed(0)
    return Cell(parse(text), OPERATIONS, 4, new_neuron)


def shown(network, x):
    """Return the spikes that a watcher sees, by neuron, and how often convolutions ran."""
    seen, calls = {}, []
    hooks = [
        edge.conv.register_forward_hook(lambda *_: calls.append(1))
        for edge in network.edges.values()
        if edge.neuron is not None
    ]
    watch = watch_spikes(network, lambda name, spikes: seen.setdefault(name, []).append(spikes.clone()))
    network(x)
    watch.remove()
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts) for name, parts in seen.items()}, len(calls)


@pytest.mark.parametrize("text", CELLS)
@pytest.mark.parametrize("neuron", ["lif", "plif", "imp"])
def test_watchers_see_the_same_spikes_where_only_spikes_are_read(text, neuron):
    network = cell(text, neuron)
    x = 3 * torch.randn(4, 2, 4, 6, 6)
    with torch.no_grad():
        network(x)  # what takes its shape from the first input has it now
        whole, convolutions = shown(network, x)
    with spikes_only():
        only, fewer = shown(network, x)
    assert (
        whole.keys()
        == only.keys()
        == {f"edges.{name}.neuron" for name, edge in network.edges.items() if edge.neuron}
    )
    for name, spikes in whole.items():
        assert torch.equal(spikes, only[name]), name
    assert fewer <= convolutions


def runs(network, x):
    """Return which neurons ran."""
    ran = []
    for name, edge in network.edges.items():
        if edge.neuron is not None:
            step, sequence = edge.neuron.step, edge.neuron.sequence
            edge.neuron.step = lambda *a, name=name, step=step: (ran.append(name), step(*a))[1]
            edge.neuron.sequence = lambda *a, name=name, run=sequence: (ran.append(name), run(*a))[1]
    network(x)
    return set(ran)


def test_equal_neurons_on_one_node_run_once():
    x = torch.randn(3, 2, 4, 6, 6)
    with torch.no_grad():
        assert runs(cell(CELLS[0]), x) == {"0-1", "0-3", "1-2", "2-3", "2-0"}
    with spikes_only():
        assert runs(cell(CELLS[0]), x) == {"0-1", "1-2", "2-3"}


def test_neurons_of_other_thresholds_run_by_themselves():
    with spikes_only():
        assert runs(cell(CELLS[1]), torch.randn(3, 2, 4, 6, 6)) == {"0-1", "0-2", "1-2", "2-3"}


def test_nothing_follows_the_last_spikes_of_a_backward_edge():
    network, x = cell("0003 0000 0000 3000"), torch.randn(4, 2, 4, 6, 6)
    with torch.no_grad():
        assert shown(network, x)[1] == 8
    with spikes_only():
        assert shown(network, x)[1] == 7


def test_neurons_that_have_learned_different_things_all_run():
    network = cell(CELLS[0], "plif")
    with torch.no_grad():
        network.edges["0-3"].neuron.w += 0.5
    with spikes_only():
        assert "0-3" in runs(network, torch.randn(3, 2, 4, 6, 6))
