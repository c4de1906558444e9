from __future__ import annotations

import itertools
import math
import sys

import pytest
import torch
from snnplug_plif.neuron import PLIF

from snnplug import Registry
from snnplug.errors import ParameterError
from snnplug.nn import SURROGATES, MembraneState
from snnplug.testing import covering, step_loop

X = [0.6, 0.6, 0.6, 0.6, 1.5, 0.0, 0.0, 0.6, 0.6, 0.6]
RESETS = [{"reset": "hard"}, {"reset": "hard", "reset_value": -0.25}, {"reset": "soft"}, {"reset": "none"}]
SWITCHES = {"detach_reset": [True, False], "decay_input": [True, False]}
FUSED = ["atan", "sigmoid", "triangle"]


def current(dtype=torch.float32, seed=0):
    return (torch.rand(6, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * 3).to(dtype)


# SpikingJelly's result for the reference input, tau 2, atan, hard reset
@pytest.mark.parametrize(("detach", "grad_w"), [(True, 0.491643), (False, 0.436146)])
def test_reference_trace_and_gradient(detach, grad_w):
    neuron = PLIF(detach_reset=detach).double()
    spikes = neuron(torch.tensor(X, dtype=torch.float64).reshape(-1, 1, 1))
    assert spikes.flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    spikes.sum().backward()
    assert neuron.w.grad.item() == pytest.approx(grad_w, abs=1e-6)


def test_two_steps_by_hand():
    # tau 4: v = 0.8/4 = 0.2, then 0.2 + (2.8 - 0.2)/4 = 0.85; without decayed input 0.8, then 0.6 + 2.8
    x = torch.tensor([0.8, 2.8], dtype=torch.float64).reshape(2, 1, 1)
    for decay, potentials in ((True, (0.2, 0.85)), (False, (0.8, 3.4))):
        neuron = PLIF(tau=4.0, decay_input=decay, reset="none").double()
        _, state = neuron.step(x[0], neuron.initial_state(x[0]))
        assert state.v.item() == pytest.approx(potentials[0], abs=1e-7)
        _, state = neuron.step(x[1], state)
        assert state.v.item() == pytest.approx(potentials[1], abs=1e-7)


@pytest.mark.parametrize(("tau", "w"), [(2.0, 0.0), (16.0, -2.7080502), (1.5, 0.6931472)])
def test_initial_parameter(tau, w):
    neuron = PLIF(tau=tau)
    assert neuron.w.shape == ()
    assert neuron.w.item() == pytest.approx(w, abs=1e-6)
    assert neuron.tau == pytest.approx(tau, rel=1e-6)


def test_tau_is_learned_and_stays_above_1():
    neuron = PLIF(tau=1.1)
    optimizer = torch.optim.SGD(neuron.parameters(), lr=1.0)
    for _ in range(5):
        optimizer.zero_grad()
        neuron(torch.tensor(X).reshape(-1, 1, 1)).sum().backward()  # more spikes by a longer memory
        optimizer.step()
    assert neuron.tau > 1
    assert neuron.tau != pytest.approx(1.1, abs=1e-3)


@pytest.fixture(params=covering(dtype=[torch.float32, torch.float64], reset=RESETS, **SWITCHES), ids=str)
def case(request):
    """A neuron with a current."""
    settings = dict(request.param)
    dtype, reset = settings.pop("dtype"), settings.pop("reset")
    return PLIF(tau=3.0, **reset, **settings).to(dtype), current(dtype)


class TestContract:
    def test_forward_equals_loop_of_step(self, case):
        neuron, x = case
        spikes, states = step_loop(neuron, x)
        whole = neuron(x)
        assert torch.equal(whole, spikes)
        assert whole.dtype == states[-1].v.dtype == x.dtype
        assert 0.05 < whole.mean() < 0.95

    def test_stream_equals_whole(self, case):
        neuron, x = case
        first, state = neuron(x[:2], neuron.initial_state(x[0]))
        second, _ = neuron(x[2:], state)
        assert torch.equal(torch.cat([first, second]), neuron(x))

    def test_samples_are_independent(self, case):
        neuron, x = case
        assert torch.equal(neuron(x)[:, 1:2], neuron(x[:, 1:2]))
        assert torch.equal(neuron(x), neuron(x))  # nothing is remembered


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_state_in_float32(dtype):
    neuron, x = PLIF(), current(dtype)
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    assert (spikes.dtype, state.v.dtype) == (dtype, torch.float32)
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.filterwarnings("ignore")  # what the compiler warns of is not the neuron's affair
def test_compiles_without_a_graph_break():
    torch._dynamo.reset()
    neuron, x = PLIF(tau=3.0), current().requires_grad_()
    compiled = torch.compile(neuron, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), neuron(x))
    expected = torch.autograd.grad(neuron(x).sum(), (x, neuron.w))
    got = torch.autograd.grad(compiled(x).sum(), (x, neuron.w))
    torch.testing.assert_close(got, expected)


def test_state_dict_round_trip():
    trained, fresh = PLIF(tau=5.0), PLIF()
    assert list(trained.state_dict()) == ["w"]
    fresh.load_state_dict(trained.state_dict())
    assert torch.equal(fresh(current()), trained(current()))
    assert fresh.tau == trained.tau


@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_kernel_is_used_where_the_library_has_the_surrogate_and_the_neuron_resets(surrogate, monkeypatch):
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    x = current()
    for reset, detach, decay in itertools.product(RESETS, *SWITCHES.values()):
        neuron = PLIF(surrogate=surrogate, detach_reset=detach, decay_input=decay, **reset)
        used = neuron.kernel(x, torch.zeros(3, 4, 5)) is not None
        assert used == (surrogate in FUSED and reset["reset"] != "none")


@pytest.mark.parametrize("settings", covering(surrogate=FUSED, reset=RESETS[:3], **SWITCHES), ids=str)
def test_kernel_has_the_same_spikes_and_gradients(settings, monkeypatch):
    """SpikingJelly's operators also run on a CPU, so the mapping to them can be tested there."""
    settings = dict(settings)
    reset = settings.pop("reset")
    x = current().requires_grad_()
    weight = current(seed=1)
    v0 = torch.full((1, 4, 5), reset.get("reset_value", 0.0), requires_grad=True)
    alpha = {"atan": 3.0, "triangle": 0.7, "sigmoid": 2.5}[settings["surrogate"]]
    neuron = PLIF(tau=3.0, alpha=alpha, **reset, **settings)

    def everything():
        spikes, state = neuron(x, MembraneState(v0.expand(3, 4, 5)))
        loss = (spikes * weight).sum() + state.v.square().sum()
        return spikes, state.v, *torch.autograd.grad(loss, (x, v0, neuron.w))

    plain = everything()
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    assert neuron.kernel(x, v0) is not None
    fused = everything()
    assert torch.equal(plain[0], fused[0])
    for a, b in zip(plain[1:], fused[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_importing_and_running_on_a_cpu_imports_no_spikingjelly(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "snnplug_plif"]:
        monkeypatch.delitem(sys.modules, name)
    for name in {"spikingjelly", *sys.modules}:
        if name.partition(".")[0] == "spikingjelly":
            monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    from snnplug_plif.neuron import PLIF

    PLIF()(torch.rand(2, 1, 3))
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    with pytest.raises(ImportError, match="spikingjelly"):
        PLIF()(torch.rand(2, 1, 3))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tau": 1.0}, "tau must be above 1, got 1.0"),
        ({"tau": math.inf}, "tau must be finite and above 1, got inf"),
        ({"threshold": -1.0}, "threshold must be above 0, got -1.0"),
        ({"reset_value": 2.0}, "reset_value must be below the threshold 1.0, got 2.0"),
        ({"surrogate": "step"}, "unknown surrogate 'step'"),
    ],
)
def test_parameter_errors(parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        PLIF(**parameters)


def test_registered():
    registry = Registry.from_installed(quiet=True)
    assert repr(registry.create("neuron", "snnplug-plif:plif", tau=3)) == (
        "PLIF(tau=3, decay_input=True, threshold=1.0, reset='hard', detach_reset=True, "
        "surrogate='atan', alpha=2.0)"
    )
    with pytest.raises(ParameterError, match="'yes' is not true or false"):
        registry.create("neuron", "plif", decay_input="yes")
