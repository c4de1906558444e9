from __future__ import annotations

import itertools
import math
import sys

import pytest
import torch
from snnplug_lif.neuron import IF, LIF

from snnplug import Registry
from snnplug.errors import ParameterError
from snnplug.nn import SURROGATES, MembraneState, SpikingNeuron
from snnplug.testing import covering, step_loop

X = [0.6, 0.6, 0.6, 0.6, 1.5, 0.0, 0.0, 0.6, 0.6, 0.6]
NEURONS = [LIF, IF]
RESETS = [{"reset": "hard"}, {"reset": "hard", "reset_value": -0.25}, {"reset": "soft"}, {"reset": "none"}]
DETACH = [True, False]


def run(neuron, values):
    """Spikes and membrane potentials for one neuron and one sample."""
    x = torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)
    spikes, states = step_loop(neuron, x)
    return spikes.flatten().int().tolist(), [float(state.v) for state in states]


def current(dtype=torch.float32, seed=0):
    return (torch.rand(6, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * 3).to(dtype)


# the four SpikingJelly traces for the reference input, threshold 1, tau 2
@pytest.mark.parametrize(
    ("decay_input", "reset", "spikes", "v"),
    [
        (True, "hard", "0000100000", [0.3, 0.45, 0.525, 0.5625, 0, 0, 0, 0.3, 0.45, 0.525]),
        (False, "hard", "0010100001", [0.6, 0.9, 0, 0.6, 0, 0, 0, 0.6, 0.9, 0]),
        (
            False,
            "soft",
            "0010100001",
            [0.6, 0.9, 0.05, 0.625, 0.8125, 0.40625, 0.203125, 0.7015625, 0.95078125, 0.075390625],
        ),
        (
            True,
            "soft",
            "0000100000",
            [0.3, 0.45, 0.525, 0.5625, 0.03125, 0.015625, 0.0078125, 0.30390625, 0.451953125, 0.5259765625],
        ),
    ],
)
def test_lif_traces(decay_input, reset, spikes, v):
    got, potentials = run(LIF(decay_input=decay_input, reset=reset), X)
    assert got == [int(s) for s in spikes]
    assert potentials == pytest.approx(v, abs=1e-12)


def test_lif_without_reset_is_a_low_pass_filter():
    # v[t] = sum_j (1/tau) (1 - 1/tau)^(t-j) x[j], whatever fires
    spikes, v = run(LIF(tau=4.0, reset="none", threshold=0.2), X)
    expected = [sum(0.25 * 0.75 ** (t - j) * X[j] for j in range(t + 1)) for t in range(len(X))]
    assert v == pytest.approx(expected, abs=1e-12)
    assert spikes == [int(value >= 0.2) for value in expected]


def test_lif_published_fixture():
    # tau 4/3, hard reset: constant inputs over three steps
    x = torch.tensor([0.9, 1.0, 1.2, 4 / 3, 2.0], dtype=torch.float64).expand(3, 1, 5)
    neuron = LIF(tau=4 / 3)
    assert neuron(x)[:, 0].tolist() == [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1]]
    _, state = neuron.step(x[0], neuron.initial_state(x[0]))
    assert state.v[0].tolist() == pytest.approx([0.675, 0.75, 0.9, 0, 0])
    _, state = neuron.step(x[0], state)
    assert state.v[0].tolist() == pytest.approx([0.84375, 0.9375, 0, 0, 0])


def test_if_fires_at_equality_and_counts():
    assert run(IF(), [0.25] * 8)[0] == [0, 0, 0, 1, 0, 0, 0, 1]
    # 0.75 a step: the soft reset keeps the rest, the hard reset loses it
    assert run(IF(reset="soft"), [0.75] * 4) == ([0, 1, 1, 1], [0.75, 0.5, 0.25, 0.0])
    assert run(IF(reset="hard"), [0.75] * 4) == ([0, 1, 0, 1], [0.75, 0.0, 0.75, 0.0])
    assert run(IF(reset="none"), [0.75] * 4) == ([0, 1, 1, 1], [0.75, 1.5, 2.25, 3.0])


def test_if_starts_and_resets_at_reset_value():
    neuron = IF(reset_value=-0.5)
    assert neuron.initial_state(torch.zeros(2, 3)).v.unique().tolist() == [-0.5]
    assert run(neuron, [0.75] * 4) == ([0, 1, 0, 1], [0.25, -0.5, 0.25, -0.5])


def test_lif_rests_at_reset_value():
    spikes, v = run(LIF(tau=2.0, reset_value=-0.5, decay_input=False), [0.0, 1.0, 0.0])
    assert spikes == [0, 0, 0]
    assert v == pytest.approx([-0.5, 0.5, 0.0])  # half way back to -0.5 at the last step


@pytest.mark.parametrize(("detach", "through"), [(True, 0.0), (False, -1.2 * 0.8 * 0.3)])
def test_gradient_through_the_reset(detach, through):
    # x = (1.2, 0.3): fires, then not. dv0/dx0 = (1 - s0) - h0 s'(h0 - 1), the last term if not detached;
    # triangle with alpha 1: s'(0.2) = 0.8, s'(-0.7) = 0.3
    x = torch.tensor([1.2, 0.3], dtype=torch.float64).reshape(2, 1, 1).requires_grad_()
    spikes = IF(surrogate="triangle", detach_reset=detach)(x)
    (grad,) = torch.autograd.grad(spikes[1].sum(), x)
    assert grad.flatten().tolist() == pytest.approx([through, 0.3])


@pytest.fixture(
    params=covering(cls=NEURONS, reset=RESETS, detach=DETACH, dtype=[torch.float32, torch.float64]), ids=str
)
def case(request):
    """A neuron with a current."""
    settings = request.param
    neuron = settings["cls"](**settings["reset"], detach_reset=settings["detach"])
    return neuron, current(settings["dtype"])


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


@pytest.mark.parametrize("cls", NEURONS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_keeps_its_state_in_float32(cls, dtype):
    neuron, x = cls(), current(dtype)
    spikes, state = neuron(x, neuron.initial_state(x[0]))
    assert (spikes.dtype, state.v.dtype) == (dtype, torch.float32)
    assert torch.equal(spikes.float(), neuron(x.float()))


@pytest.mark.parametrize("cls", NEURONS)
def test_static_input(cls):
    x = current()[0].expand(5, 3, 4, 5)
    assert torch.equal(cls()(x), cls()(x.contiguous()))


@pytest.mark.parametrize("cls", NEURONS)
def test_learnable_initial_potential_gets_a_gradient(cls):
    neuron, x = cls(reset="soft", surrogate="sigmoid"), torch.full((4, 2, 1), 0.6, dtype=torch.float64)
    theta = torch.full((1, 1), 0.25, dtype=torch.float64, requires_grad=True)
    spikes, _ = neuron(x, MembraneState(theta.expand(2, 1)))
    (grad,) = torch.autograd.grad(spikes.sum(), theta)
    assert grad.abs() > 0.01


def test_gradient_of_initial_potential_by_hand():
    # IF, soft reset, not detached, sigmoid(4), v0 = 0.25, x = 0.6 four times: 0.9998 a sample
    theta = torch.full((1, 1), 0.25, dtype=torch.float64, requires_grad=True)
    neuron = IF(reset="soft", surrogate="sigmoid", detach_reset=False)
    spikes, _ = neuron(torch.full((4, 1, 1), 0.6, dtype=torch.float64), MembraneState(theta))
    (grad,) = torch.autograd.grad(spikes.sum(), theta)
    assert grad.item() == pytest.approx(0.9998, abs=5e-5)


@pytest.mark.filterwarnings("ignore")  # what the compiler warns of is not the neuron's affair
@pytest.mark.parametrize("cls", NEURONS)
def test_compiles_without_a_graph_break(cls):
    torch._dynamo.reset()
    neuron, x = cls(), current().requires_grad_()
    compiled = torch.compile(neuron, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), neuron(x))
    (expected,) = torch.autograd.grad(neuron(x).sum(), x)
    (got,) = torch.autograd.grad(compiled(x).sum(), x)
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("cls", NEURONS)
def test_state_dict_is_empty(cls):
    assert cls().state_dict() == {}


FUSED = ["atan", "sigmoid", "triangle"]


@pytest.mark.parametrize("cls", NEURONS)
@pytest.mark.parametrize("surrogate", sorted(SURROGATES))
def test_kernel_is_used_where_the_library_has_the_surrogate_and_the_neuron_resets(
    cls, surrogate, monkeypatch
):
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    x = current()
    for reset, detach in itertools.product(RESETS, DETACH):
        neuron = cls(surrogate=surrogate, detach_reset=detach, **reset)
        used = neuron.kernel(x, torch.zeros(3, 4, 5)) is not None
        assert used == (surrogate in FUSED and reset["reset"] != "none")


@pytest.mark.parametrize(
    "settings", covering(surrogate=FUSED, reset=RESETS[:3], detach=DETACH, cls=NEURONS), ids=str
)
def test_kernel_has_the_same_spikes_and_gradients(settings, monkeypatch):
    """SpikingJelly's operators also run on a CPU, so the mapping to them can be tested there."""
    surrogate, reset = settings["surrogate"], settings["reset"]
    x = current().requires_grad_()
    weight = current(seed=1)
    v0 = torch.full((1, 4, 5), reset.get("reset_value", 0.0), requires_grad=True)
    alpha = {"atan": 3.0, "triangle": 0.7, "sigmoid": 2.5}[surrogate]
    neuron = settings["cls"](surrogate=surrogate, alpha=alpha, detach_reset=settings["detach"], **reset)

    def everything():
        spikes, state = neuron(x, MembraneState(v0.expand(3, 4, 5)))
        loss = (spikes * weight).sum() + state.v.square().sum()
        return spikes, state.v, *torch.autograd.grad(loss, (x, v0))

    plain = everything()
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    assert neuron.kernel(x, v0) is not None
    fused = everything()
    assert torch.equal(plain[0], fused[0])
    for a, b in zip(plain[1:], fused[1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_kernel_is_for_the_gpu_only():
    assert LIF().kernel(current(), torch.zeros(3, 4, 5)) is None


def test_kernel_steps_and_streams(monkeypatch):
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    neuron, x = LIF(tau=3.0), current()
    assert torch.equal(neuron(x), step_loop(neuron, x)[0])
    static = x[0].expand(5, 3, 4, 5)
    assert torch.equal(neuron(static), neuron(static.contiguous()))
    assert neuron(x.double()).dtype == torch.float64  # for which there is no kernel


def test_importing_and_running_on_a_cpu_imports_no_spikingjelly(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "snnplug_lif"]:
        monkeypatch.delitem(sys.modules, name)
    for name in {"spikingjelly", *sys.modules}:
        if name.partition(".")[0] == "spikingjelly":
            monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    from snnplug_lif.neuron import LIF

    LIF()(torch.rand(2, 1, 3))
    monkeypatch.setattr("snnplug.nn.kernel.DEVICES", ("cpu",))
    with pytest.raises(ImportError, match="spikingjelly"):
        LIF()(torch.rand(2, 1, 3))


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (LIF, {"tau": 0.5}, "tau must be above 1, got 0.5"),
        (LIF, {"tau": 1.0}, "tau must be above 1, got 1.0"),
        (LIF, {"tau": math.nan}, "tau must be finite and above 1, got nan"),
        (IF, {"threshold": 0.0}, "threshold must be above 0, got 0.0"),
        (IF, {"reset": "zero"}, "reset must be one of 'hard', 'soft', 'none', got 'zero'"),
        (IF, {"reset": "soft", "reset_value": 0.1}, "reset_value is used by a hard reset only"),
        (IF, {"reset_value": 1.0}, "reset_value must be below the threshold 1.0, got 1.0"),
        (IF, {"alpha": 0.0}, "alpha must be above 0, got 0.0"),
        (IF, {"surrogate": "atam"}, "unknown surrogate 'atam'. Did you mean 'atan'?"),
    ],
)
def test_parameter_errors(cls, parameters, message):
    with pytest.raises(ValueError, match="^" + message.replace("?", r"\?")):
        cls(**parameters)


def test_registered():
    registry = Registry.from_installed(quiet=True)
    lif = registry.create("neuron", "snnplug-lif:lif", tau=3)
    assert isinstance(lif, SpikingNeuron)
    assert lif.tau == 3.0
    assert isinstance(registry.create("neuron", "if"), IF)
    assert registry.find("neuron", "integrate_and_fire").name == "if"
    with pytest.raises(ParameterError, match="'steep' is not one of 'hard', 'soft', 'none'"):
        registry.create("neuron", "lif", reset="steep")
    with pytest.raises(ParameterError, match=r"tau must be above 1, got 0\.5"):
        registry.create("neuron", "lif", tau=0.5)


def test_repr():
    assert repr(LIF(reset_value=-1.0)) == (
        "LIF(tau=2.0, decay_input=True, threshold=1.0, reset='hard', reset_value=-1.0, "
        "detach_reset=True, surrogate='atan', alpha=2.0)"
    )
