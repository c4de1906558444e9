"""The same neuron under the conventions of three libraries: where they agree, and where they cannot.

docs/neuron-conventions.md says the same in words. Neurons are those of the plugins, each of which is
compared with its library elsewhere: `lif` and `if` follow SpikingJelly, `leaky` snnTorch, `norse_lif`
and `norse_lif_box` Norse.
"""

from __future__ import annotations

import pytest
import torch

from snnplug import Registry
from snnplug.testing import step_loop

pytest.importorskip("norse")
REGISTRY = Registry.from_installed(quiet=True)
TAUS = [2.0, 4.0, 3.7, 10.0]


def neuron(name, **parameters):
    return REGISTRY.create("neuron", name, **parameters).double()


def current(scale, seed=0):
    """Random input `[T, B, N]`, in which no potential comes near enough to a threshold to matter."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(32, 8, 16, generator=generator, dtype=torch.float64) * scale


def column(*values):
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


def trace(cell, x):
    """Return spikes and membrane potentials `[T, B, N]`."""
    spikes, states = step_loop(cell, x)
    return spikes, torch.stack([state.v for state in states])


def gradient(cell, x):
    x = x.clone().requires_grad_()
    weight = current(1.0, seed=1)
    return torch.autograd.grad((cell(x) * weight).sum(), x)[0]


def agree(one, other, x, y=None, *, after_reset=False):
    """Check equal spikes and potentials; `after_reset`: only the first has the potential after the reset."""
    s, v = trace(one, x)
    z, u = trace(other, x if y is None else y)
    assert 0.02 < s.mean() < 0.95
    assert torch.equal(s, z)
    torch.testing.assert_close(v, u * (1 - z) if after_reset else u, rtol=1e-6, atol=1e-6)


class TestSpikingJellyAndSnnTorch:
    @pytest.mark.parametrize("tau", TAUS)
    def test_hard_reset_is_zero(self, tau):
        lif = neuron("lif", tau=tau, decay_input=False)
        x = current(1.5)
        agree(lif, neuron("leaky", beta=1 - 1 / tau, reset_mechanism="zero"), x, after_reset=True)
        agree(lif, neuron("leaky", beta=1 - 1 / tau, reset_mechanism="zero", reset_delay=False), x)

    @pytest.mark.parametrize("tau", TAUS)
    def test_decayed_input_is_fed_divided_by_tau(self, tau):
        lif, leaky = neuron("lif", tau=tau), neuron("leaky", beta=1 - 1 / tau, reset_mechanism="zero")
        x = current(1.5 * tau)
        agree(lif, leaky, x, x / tau, after_reset=True)

    def test_without_reset(self):
        lif = neuron("lif", tau=4.0, decay_input=False, reset="none")
        agree(lif, neuron("leaky", beta=0.75, reset_mechanism="none"), current(0.6))

    def test_gradients(self):
        # the delayed reset carries none; the immediate one carries that of the spike
        x, zero = current(1.5), {"beta": 0.75, "reset_mechanism": "zero"}
        lif = {"tau": 4.0, "decay_input": False}
        delayed = neuron("leaky", **zero)
        torch.testing.assert_close(gradient(delayed, x), gradient(neuron("lif", **lif), x))
        at_once = neuron("leaky", **zero, reset_delay=False)
        expected = gradient(neuron("lif", **lif, detach_reset=False), x)
        torch.testing.assert_close(gradient(at_once, x), expected)
        assert not torch.allclose(gradient(delayed, x), expected)

    def test_delayed_subtraction_is_a_soft_reset_without_a_leak(self):
        x = current(2.5)  # several thresholds may be left
        s, v = trace(neuron("if", reset="soft"), x)
        z, u = trace(neuron("leaky", beta=1.0), x)
        assert torch.equal(s, z)
        torch.testing.assert_close(v, u - z)

    @pytest.mark.parametrize("tau", TAUS)
    def test_delayed_subtraction_is_no_soft_reset_with_a_leak(self, tau):
        # the threshold is subtracted after the leak, not before it: (1 - beta) of it more
        beta, x = 1 - 1 / tau, column(1.5, 0.0)
        _, v = trace(neuron("lif", tau=tau, decay_input=False, reset="soft"), x)
        _, u = trace(neuron("leaky", beta=beta), x)
        assert (v[1] - u[1]).item() == pytest.approx(1 - beta, abs=1e-6)

    @pytest.mark.parametrize("tau", TAUS)
    def test_immediate_subtraction_is_a_soft_reset_while_the_residual_is_small(self, tau):
        x = current(1.0)  # below 1, so no more than the threshold is left after a spike
        lif = neuron("lif", tau=tau, decay_input=False, reset="soft")
        agree(lif, neuron("leaky", beta=1 - 1 / tau, reset_delay=False), x)

    def test_immediate_subtraction_loses_a_spike_when_the_residual_is_large(self):
        x = column(2.5, 0.0, 0.0, 0.0)
        s, v = trace(neuron("lif", tau=10.0, decay_input=False, reset="soft"), x)
        z, u = trace(neuron("leaky", beta=0.9, reset_delay=False), x)
        assert s.flatten().tolist() == [1, 1, 0, 0]
        assert z.flatten().tolist() == [1, 0, 0, 0]
        assert v.flatten().tolist() == pytest.approx([1.5, 0.35, 0.315, 0.2835], abs=1e-6)
        assert u.flatten().tolist() == pytest.approx([1.5, 1.35, 1.215, 1.0935], abs=1e-6)


class TestSpikingJellyAndNorse:
    @pytest.mark.parametrize("tau", TAUS)
    @pytest.mark.parametrize("reset", ["hard", "soft"])
    def test_box_is_lif_with_decayed_input(self, tau, reset):
        lif, box = neuron("lif", tau=tau, reset=reset), neuron("norse_lif_box", tau_mem=tau, reset=reset)
        agree(lif, box, current(3.0))

    def test_box_at_another_rest(self):
        # SpikingJelly has one value for rest and reset
        lif = neuron("lif", tau=4.0, reset_value=-0.5)
        agree(lif, neuron("norse_lif_box", tau_mem=4.0, reset_value=-0.5, resting_value=-0.5), current(3.0))

    def test_gradients(self):
        # in Norse they pass through the reset; its "super" is a fast sigmoid of sharpness 1
        x, box = current(3.0), neuron("norse_lif_box", tau_mem=4.0)
        same = {"tau": 4.0, "surrogate": "fast_sigmoid", "alpha": 1.0}
        expected = gradient(neuron("lif", **same, detach_reset=False), x)
        torch.testing.assert_close(gradient(box, x), expected, rtol=1e-5, atol=1e-8)
        assert not torch.allclose(gradient(box, x), gradient(neuron("lif", **same), x))

    @pytest.mark.parametrize("tau_syn", [1.0, 2.0, 5.0])
    def test_lif_is_a_box_on_a_filtered_input(self, tau_syn):
        x = current(2.0)
        i, filtered = torch.zeros_like(x[0]), []
        for one in x:
            i = i + one
            filtered.append(i)
            i = i - i / tau_syn
        lif, box = neuron("norse_lif", tau_mem=4.0, tau_syn=tau_syn), neuron("norse_lif_box", tau_mem=4.0)
        agree(lif, box, x, torch.stack(filtered))


class TestSnnTorchAndNorse:
    @pytest.mark.parametrize("tau", TAUS)
    def test_box_is_zero_on_divided_input(self, tau):
        x = current(3.0)
        leaky = neuron("leaky", beta=1 - 1 / tau, reset_mechanism="zero")
        agree(neuron("norse_lif_box", tau_mem=tau), leaky, x, x / tau, after_reset=True)


@pytest.mark.parametrize(
    ("name", "parameters", "fires"),
    [
        ("if", {}, 1),
        ("lif", {"decay_input": False}, 1),
        ("plif", {"decay_input": False}, 1),
        ("leaky", {}, 0),
        ("norse_lif", {"tau_mem": 1.0}, 0),
        ("norse_lif_box", {"tau_mem": 1.0}, 0),
    ],
)
def test_a_potential_at_the_threshold(name, parameters, fires):
    assert neuron(name, **parameters)(column(1.0)).item() == fires


def test_reference_input_in_all_conventions():
    """The table of docs/neuron-conventions.md."""
    x = column(0.6, 0.6, 0.6, 0.6, 1.5, 0.0, 0.0, 0.6, 0.6, 0.6)
    expected = {
        "0000100000": ("lif", {"tau": 2.0}),
        "0010100001": ("leaky", {"beta": 0.5, "reset_mechanism": "zero"}),
        "0000000100": ("norse_lif", {}),
        "0000000000": ("norse_lif_box", {}),
    }
    for spikes, (name, parameters) in expected.items():
        assert "".join(map(str, neuron(name, **parameters)(x).flatten().int().tolist())) == spikes
