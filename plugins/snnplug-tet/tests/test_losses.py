from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from snnplug_tet.readout import LTS, SDT
from snnplug_tet.tet import TET, TETS, RateCE

from snnplug import Registry
from snnplug.errors import ContractError, ParameterError
from snnplug.nn import Loss

NAMES = ["lts", "rate_ce", "sdt", "tet", "tet_s"]


def outputs(T=4, B=3, K=10, seed=0):
    return torch.randn(T, B, K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


TARGET = torch.tensor([1, 7, 0])


def test_two_steps_two_classes_by_hand():
    # logit gaps for the right class: 2 and 0. CE of a gap g is ln(1 + e^-g)
    o = torch.tensor([[[2.0, 0.0]], [[0.0, 0.0]]], dtype=torch.float64)
    y = torch.tensor([0])
    ce = lambda gap: math.log(1 + math.exp(-gap))  # noqa: E731
    assert SDT()(o, y).item() == pytest.approx(ce(1))
    assert LTS()(o, y).item() == pytest.approx(ce(0))
    assert LTS(steps=(0,))(o, y).item() == pytest.approx(ce(2))
    assert TET()(o, y).item() == pytest.approx((ce(2) + ce(0)) / 2)
    # smoothing 0.2: the right class gets 0.9, the other 0.1
    smooth = [0.9 * ce(gap) + 0.1 * ce(-gap) for gap in (2, 0)]
    assert TETS(label_smoothing=0.2)(o, y).item() == pytest.approx(sum(smooth) / 2)
    # mean squared distance to 1 over all four outputs: (1 + 1 + 1 + 1) / 4
    expected = 0.9 * (ce(2) + ce(0)) / 2 + 0.1 * 1.0
    assert TET(mse_weight=0.1)(o, y).item() == pytest.approx(expected)


def test_mse_term_uses_its_target():
    o = torch.full((2, 1, 2), 3.0, dtype=torch.float64)
    expected = 0.5 * math.log(2) + 0.5 * (3 - 0.5) ** 2
    assert TET(mse_weight=0.5, mse_target=0.5)(o, torch.tensor([0])).item() == pytest.approx(expected)


def test_tet_is_the_mean_of_the_losses_of_the_steps():
    o = outputs()
    expected = sum(F.cross_entropy(step, TARGET) for step in o) / 4
    assert TET()(o, TARGET).item() == pytest.approx(expected.item(), rel=1e-12)


def test_one_step_makes_all_losses_equal():
    o = outputs(T=1)
    expected = F.cross_entropy(o[0], TARGET).item()
    for loss in (SDT(), LTS(), TET(), TETS(label_smoothing=0.0), RateCE()):
        assert loss(o, TARGET).item() == pytest.approx(expected, rel=1e-12)


def test_smoothing_makes_tet_and_tet_s_equal():
    o = outputs()
    assert TETS(label_smoothing=0.0)(o, TARGET) == TET()(o, TARGET)
    assert TETS()(o, TARGET) == TET(label_smoothing=0.01)(o, TARGET)
    assert TETS()(o, TARGET) != TET()(o, TARGET)


# the optimum gap of TET-S is ln(((1 - e) K + e) / e), and the loss there its floor
@pytest.mark.parametrize(("K", "gap", "floor"), [(10, 6.898715, 0.0711292), (101, 9.210340, 0.1011418)])
def test_label_smoothing_optimum(K, gap, floor):
    best = torch.zeros(3, 1, K, dtype=torch.float64)
    best[..., 2] = math.log((0.99 * K + 0.01) / 0.01)
    assert best.max().item() == pytest.approx(gap, abs=1e-6)
    best.requires_grad_()
    loss = TETS()(best, torch.tensor([2]))
    (grad,) = torch.autograd.grad(loss, best)
    assert loss.item() == pytest.approx(floor, abs=1e-7)
    assert grad.abs().max() < 1e-12


def test_rate_ce_bounds():
    y = torch.tensor([3])
    silent = torch.zeros(5, 1, 10, dtype=torch.float64)
    right, wrong, all_wrong = silent.clone(), silent.clone(), torch.ones_like(silent)
    right[..., 3], wrong[..., 4], all_wrong[..., 3] = 1, 1, 0
    assert RateCE()(silent, y).item() == pytest.approx(math.log(10), abs=1e-12)
    assert RateCE()(right, y).item() == pytest.approx(1.461151, abs=1e-6)
    assert RateCE()(wrong, y).item() == pytest.approx(2.461151, abs=1e-6)
    assert RateCE()(all_wrong, y).item() == pytest.approx(math.log(1 + 9 * math.e), abs=1e-12)


def test_readouts():
    o = outputs()
    for loss in (SDT(), TET(), TETS(), RateCE()):
        assert torch.equal(loss.readout(o), o.mean(0))
    assert torch.equal(LTS().readout(o), o[3])
    assert torch.equal(LTS(steps=(0, -1)).readout(o), (o[0] + o[3]) / 2)
    torch.testing.assert_close(LTS(steps=(0, 1, 2, 3))(o, TARGET), SDT()(o, TARGET))


def test_gradients_go_where_the_loss_looks():
    o = outputs().requires_grad_()
    (lts,) = torch.autograd.grad(LTS()(o, TARGET), o)
    assert lts[:3].count_nonzero() == 0
    assert lts[3].count_nonzero() == 30
    (sdt,) = torch.autograd.grad(SDT()(o, TARGET), o)
    torch.testing.assert_close(sdt[0], sdt[3])
    (tet,) = torch.autograd.grad(TET()(o, TARGET), o)
    one_hot = F.one_hot(TARGET, 10)
    torch.testing.assert_close(tet, (o.softmax(-1) - one_hot).detach() / 12)


@pytest.mark.parametrize(
    "loss", [SDT(), LTS(), TET(), TET(mse_weight=0.1), TETS(), RateCE()], ids=lambda loss: type(loss).__name__
)
class TestTargets:
    def test_class_probabilities_extend_class_indices(self, loss):
        o = outputs()
        torch.testing.assert_close(loss(o, F.one_hot(TARGET, 10).double()), loss(o, TARGET))

    def test_mixed_targets_mix_the_loss(self, loss):
        o = outputs()
        one, other = F.one_hot(TARGET, 10).double(), F.one_hot(TARGET.flip(0), 10).double()
        torch.testing.assert_close(
            loss(o, 0.3 * one + 0.7 * other), 0.3 * loss(o, one) + 0.7 * loss(o, other)
        )

    def test_averaged_over_the_batch(self, loss):
        o = outputs()
        alone = torch.stack([loss(o[:, i : i + 1], TARGET[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(loss(o, TARGET), alone.mean())


def test_step_out_of_range():
    with pytest.raises(ContractError, match=r"reads the steps \[5\].* runs 4; choose among 0 to 3"):
        LTS(steps=(5,))(outputs(), TARGET)
    with pytest.raises(ContractError, match="not as many different steps"):
        LTS(steps=(3, -1))(outputs(), TARGET)  # the same one


@pytest.mark.parametrize(
    ("loss", "parameters", "message"),
    [
        (TET, {"mse_weight": 1.5}, r"mse_weight must be at least 0 and at most 1, got 1.5"),
        (TET, {"label_smoothing": 1.0}, r"label_smoothing must be at least 0 and below 1, got 1.0"),
        (TETS, {"label_smoothing": -0.1}, r"label_smoothing must be at least 0 and below 1, got -0.1"),
        (LTS, {"steps": ()}, r"steps must have at least 1 entry, got \[\]"),
        (LTS, {"steps": (1, 1)}, r"steps must name no step twice, got \[1, 1\]"),
    ],
)
def test_parameter_errors(loss, parameters, message):
    with pytest.raises(ValueError, match="^" + message):
        loss(**parameters)


@pytest.mark.parametrize("name", NAMES)
def test_registered(name):
    registry = Registry.from_installed(quiet=True)
    loss = registry.create("loss", f"snnplug-tet:{name}")
    assert isinstance(loss, Loss)
    assert loss(outputs(), TARGET).shape == ()
    with pytest.raises(ParameterError, match="unknown parameter"):
        registry.create("loss", name, no_such=1)


def test_steps_come_as_a_list_from_a_recipe():
    loss = Registry.from_installed(quiet=True).create("loss", "lts", steps=[1, 2])
    assert repr(loss) == "LTS(steps=[1, 2])"
