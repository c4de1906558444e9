from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from snnplug_norse.neuron import CurrentState, NorseLIF, NorseLIFBox

from snnplug import Registry
from snnplug.testing import step_loop

X = [0.6, 0.6, 0.6, 0.6, 1.5, 0.0, 0.0, 0.6, 0.6, 0.6]
NEURONS = [NorseLIF, NorseLIFBox]


def reference():
    return torch.tensor(X, dtype=torch.float64).reshape(10, 1, 1)


def current(dtype=torch.float32, seed=0, scale=3.0):
    return (torch.rand(12, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * scale).to(dtype)


def states(neuron, x):
    spikes, trace = step_loop(neuron, x)
    return spikes, [torch.stack(field).detach() for field in zip(*trace, strict=True)]


def test_reference_trace_of_the_lif():
    spikes, (v, i) = states(NorseLIF().double(), reference())
    assert spikes.flatten().tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    expected_v = [0.06, 0.162, 0.2922, 0.4401, 0.687786, 0.852364, 0.953813, 0, 0.227479, 0.446714]
    expected_i = [0.48, 0.864, 1.1712, 1.41696, 2.333568, 1.866854, 1.493484, 1.674787, 1.81983, 1.935864]
    assert v.flatten().tolist() == pytest.approx(expected_v, abs=1e-6)
    assert i.flatten().tolist() == pytest.approx(expected_i, abs=1e-6)


def test_reference_trace_of_the_box():
    spikes, (v,) = states(NorseLIFBox().double(), reference())
    assert not spikes.any()
    expected = [0.06, 0.114, 0.1626, 0.20634, 0.335706, 0.302135, 0.271922, 0.30473, 0.334257, 0.360831]
    assert v.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_a_current_that_is_gone_after_one_step_makes_the_lif_a_box():
    x = current()
    lif, box = NorseLIF(tau_mem=4.0, tau_syn=1.0), NorseLIFBox(tau_mem=4.0)
    assert torch.equal(lif(x), box(x))
    assert 0.05 < box(x).mean() < 0.95


def test_a_potential_at_the_threshold_does_not_fire():
    # tau 1: the potential is the input
    x = torch.tensor([1.0, 1.0 + 2**-20]).reshape(2, 1, 1)
    assert NorseLIFBox(tau_mem=1.0)(x).flatten().tolist() == [0, 1]


def test_rest_and_reset_by_hand():
    # v = -0.5 at rest; -0.5 + (2 - 0.5 + 0.5) / 2 = 0.5; 0.5 + (2 - 0.5 - 0.5) / 2 = 1 fires, then 0.25
    x = torch.tensor([2.0, 2.0, 0.0]).reshape(3, 1, 1)
    neuron = NorseLIFBox(tau_mem=2.0, threshold=0.75, reset_value=0.25, resting_value=-0.5)
    spikes, (v,) = states(neuron, x)
    assert spikes.flatten().tolist() == [0, 1, 0]
    assert v.flatten().tolist() == [0.5, 0.25, 0.25 + (-0.5 - 0.25) / 2]


def test_soft_reset_by_hand():
    x = torch.tensor([1.5, 1.5]).reshape(2, 1, 1)
    spikes, (v,) = states(NorseLIFBox(tau_mem=1.0, reset="soft"), x)
    assert spikes.flatten().tolist() == [1, 1]
    assert v.flatten().tolist() == [0.5, 0.5]


class TestAgainstTheLibrary:
    """Norse's cells with their own defaults, 1 ms steps, in float32."""

    @pytest.mark.parametrize("method", ["super", "triangle", "tanh", "circ", "heavi_erfc"])
    @pytest.mark.parametrize("neuron", NEURONS)
    def test_same_spikes_states_and_gradients(self, neuron, method):
        from snnplug_norse import library  # imports Norse without its warnings

        assert library.LIFParameters
        from norse.torch import LIFBoxCell, LIFBoxParameters, LIFCell, LIFParameters

        x = current(scale=6.0).requires_grad_()
        if neuron is NorseLIF:
            cell = LIFCell(p=LIFParameters(method=method, alpha=torch.tensor(1.0)))
        else:
            cell = LIFBoxCell(p=LIFBoxParameters(method=method, alpha=torch.tensor(1.0)))
        state, expected = None, []
        for one in x:
            s, state = cell(one, state)
            expected.append(s)
        expected = torch.stack(expected)
        mine = neuron(surrogate=method)
        spikes, last = mine(x, mine.initial_state(x[0]))
        assert torch.equal(spikes, expected)
        assert 0.02 < spikes.mean() < 0.95
        torch.testing.assert_close(last.v, state.v, rtol=1e-5, atol=1e-6)
        weight = current(seed=1)
        got, wanted = (torch.autograd.grad((s * weight).sum(), x)[0] for s in (spikes, expected))
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max().item())

    def test_its_cells_have_no_parameters_to_save_and_ours_have(self):
        from norse.torch import LIFCell

        assert not LIFCell().state_dict()
        assert set(NorseLIF().state_dict()) == {
            "tau_mem_inv",
            "tau_syn_inv",
            "threshold",
            "reset_value",
            "resting_value",
        }


class TestConstants:
    def test_are_saved_and_loaded(self):
        trained, fresh, x = NorseLIF(tau_mem=2.0, tau_syn=3.0, threshold=0.5), NorseLIF(), current()
        assert not torch.equal(fresh(x), trained(x))
        fresh.load_state_dict(trained.state_dict())
        assert torch.equal(fresh(x), trained(x))
        assert repr(fresh) == repr(trained)

    @pytest.mark.parametrize("neuron", NEURONS)
    @pytest.mark.parametrize("learnable", [True, False])
    def test_are_moved(self, neuron, learnable):
        moved = neuron(learnable=learnable).to("meta", torch.float64)
        held = [*moved.parameters(), *moved.buffers()]
        assert {(t.device.type, t.dtype) for t in held} == {("meta", torch.float64)}
        assert len(held) == (5 if neuron is NorseLIF else 4)

    def test_learned_time_constants(self):
        neuron, x = NorseLIF(tau_mem=4.0, tau_syn=2.0, learnable=True), current()
        assert [name for name, _ in neuron.named_parameters()] == ["w_mem", "w_syn"]
        assert (1 / neuron.tau_inv("mem")).item() == pytest.approx(4.0)
        assert torch.equal(neuron(x), NorseLIF(tau_mem=4.0, tau_syn=2.0)(x))
        optimizer = torch.optim.SGD(neuron.parameters(), lr=10.0)
        for _ in range(5):
            optimizer.zero_grad()
            neuron(x).mean().backward()
            optimizer.step()
        assert (1 / neuron.tau_inv("mem")).item() > 5  # a slower membrane fires less
        assert (1 / neuron.tau_inv("syn")).item() > 1

    def test_gradient_of_the_time_constant_by_hand(self):
        # one step: h = x a, a = 1/tau = sigmoid(w); ds/dh = 1 / (1 + |h - 1|)^2, da/dw = a (1 - a)
        neuron = NorseLIFBox(tau_mem=4.0, learnable=True).double()
        neuron(torch.full((1, 1, 1), 2.0, dtype=torch.float64)).sum().backward()
        assert neuron.w_mem.grad.item() == pytest.approx(2.0 * (0.25 * 0.75) / 1.5**2, rel=1e-6)


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_state_in_float32(neuron, dtype):
    lif, x = neuron(tau_mem=2.0), current(dtype)
    spikes, state = lif(x, lif.initial_state(x[0]))
    assert spikes.dtype == dtype
    assert {field.dtype for field in state} == {torch.float32}
    assert torch.equal(spikes.float(), lif(x.float()))


def test_double_precision_is_kept():
    lif = NorseLIF().double()
    _, state = lif(reference(), lif.initial_state(reference()[0]))
    assert isinstance(state, CurrentState)
    assert {field.dtype for field in state} == {torch.float64}


def test_importing_it_warns_of_nothing_and_listing_imports_no_norse():
    code = "import snnplug_norse.plugin, sys; assert 'norse' not in sys.modules; import snnplug_norse.neuron"
    subprocess.run([sys.executable, "-W", "error::FutureWarning", "-c", code], check=True)


@pytest.mark.parametrize(
    ("neuron", "parameters", "message"),
    [
        (NorseLIF, {"tau_mem": 0.5}, "tau_mem must be at least 1, got 0.5"),
        (NorseLIF, {"tau_syn": 0.0}, "tau_syn must be at least 1, got 0.0"),
        (NorseLIF, {"tau_syn": 1.0, "learnable": True}, "tau_syn must be greater than 1 time step to be"),
        (NorseLIFBox, {"tau_mem": math.inf}, "tau_mem must be finite and at least 1, got inf"),
        (NorseLIFBox, {"threshold": math.nan}, "threshold must be a finite number, got nan"),
        (NorseLIFBox, {"reset_value": 1.0}, "reset_value must be below the threshold 1.0, got 1.0"),
        (NorseLIFBox, {"resting_value": 2.0}, "resting_value must be below the threshold 1.0, got 2.0"),
        (NorseLIFBox, {"reset": "none"}, "reset must be one of 'hard', 'soft', got 'none'"),
        (NorseLIFBox, {"reset": "soft", "reset_value": 0.5}, "reset_value is used by a hard reset only"),
        (NorseLIFBox, {"surrogate": "atan"}, "surrogate must be one of 'super', 'triangle'"),
        (NorseLIFBox, {"alpha": 100.0}, "alpha is not used by Norse's 'super', whose sharpness is 1"),
        (NorseLIFBox, {"alpha": 0.0, "surrogate": "tanh"}, "alpha must be above 0, got 0.0"),
    ],
)
def test_parameter_errors(neuron, parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        neuron(**parameters)


def test_registered():
    registry = Registry.from_installed(quiet=True)
    assert repr(registry.create("neuron", "snnplug-norse:norse_lif", tau_mem=4)) == (
        "NorseLIF(tau_mem=4, tau_syn=5, learnable=False, threshold=1, reset_value=0, resting_value=0, "
        "surrogate='super', alpha=1.0)"
    )
    assert repr(registry.create("neuron", "snnplug-norse:norse_lif_box", reset="soft")) == (
        "NorseLIFBox(tau_mem=10, learnable=False, threshold=1, reset_value=0, resting_value=0, "
        "surrogate='super', alpha=1.0, reset='soft')"
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("surrogate", ["super", "triangle", "tanh", "circ", "heavi_erfc"])
@pytest.mark.parametrize("cls", [NorseLIF, NorseLIFBox])
def test_an_infinite_current_leaves_nothing_infinite(dtype, cls, surrogate):
    x = (
        torch.tensor([0.5, math.inf, 5.0, -math.inf, 0.5, 5.0], dtype=dtype)
        .reshape(-1, 1, 1)
        .requires_grad_()
    )
    neuron = cls(surrogate=surrogate, learnable=True)
    spikes = neuron(x)
    assert spikes.flatten().tolist()[1] == 1.0
    _, state = neuron(x, neuron.initial_state(x[0]))
    assert all(values.isfinite().all() for values in state)
    for gradient in torch.autograd.grad(
        (spikes.float() * torch.arange(1.0, 7).reshape(-1, 1, 1)).sum(), [x, *neuron.parameters()]
    ):
        assert gradient.isfinite().all()
