from __future__ import annotations

import pytest
import torch

from snnplug import Registry
from snnplug.nn import (
    IntegrateAndFire,
    SpikingNeuron,
    is_spikes_only,
    repeat_spikes,
    spikes_only,
    watch_spikes,
)


def test_a_pass_is_marked_and_has_no_graph():
    weight = torch.ones(2, requires_grad=True)
    assert not is_spikes_only()
    with spikes_only():
        assert is_spikes_only()
        with spikes_only():
            pass
        assert is_spikes_only()
        assert not (weight * 2).requires_grad
    assert not is_spikes_only()
    assert (weight * 2).requires_grad


def test_the_mark_is_gone_after_an_error():
    with pytest.raises(RuntimeError), spikes_only():
        raise RuntimeError
    assert not is_spikes_only()


def lif(**parameters):
    return Registry.from_installed(quiet=True).create("neuron", "lif", **parameters)


def plif(tau=2.0):
    return Registry.from_installed(quiet=True).create("neuron", "plif", tau=tau)


class Other(IntegrateAndFire):
    """Charges in its own way, which nobody can compare."""

    def __init__(self):
        super().__init__(
            threshold=1.0, reset="hard", reset_value=0.0, detach_reset=True, surrogate="atan", alpha=None
        )

    def charge(self, x, v):
        return v + x


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (lif, lif, True),
        (lif, lambda: lif(tau=3.0), False),
        (lif, lambda: lif(threshold=0.5), False),
        (lif, lambda: lif(reset="soft"), False),
        (lif, plif, False),
        (plif, plif, True),
        (plif, lambda: plif(2.5), False),
        (Other, Other, False),
        (SpikingNeuron, SpikingNeuron, False),
    ],
)
def test_neurons_that_are_known_to_fire_alike(one, other, alike):
    assert one().fires_like(other()) is alike
    assert other().fires_like(one()) is alike


def test_spikes_of_a_neuron_that_did_not_run_are_shown_to_whoever_watches_it():
    neuron, seen = lif(), []
    watch = watch_spikes(neuron, lambda name, spikes: seen.append(spikes))
    repeat_spikes(neuron, torch.ones(2, 3, 4))
    assert [spikes.shape for spikes in seen] == [(2, 3, 4)]
    watch.remove()
    repeat_spikes(neuron, torch.ones(2, 3, 4))
    assert len(seen) == 1
