"""A coding as a table: edges half-way, both domains, gradients, calibration, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug.errors import ContractError
from snnplug.nn import (
    Code,
    State,
    WindowNeuron,
    is_used,
    midpoints,
    quantiles,
    record,
    squared_errors,
    staircase,
)
from snnplug.nn.time import TimeSequential

TABLE = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]])  # levels 0, 1, 2, 3


class Binary(WindowNeuron):
    """Two entries worth one and two units; `start` sets the unit from the greatest potential."""

    def __init__(self, unit: float | Tensor = 1.0, *, slots: int = 2, upper: float = math.inf) -> None:
        super().__init__(slots=slots, upper=upper)
        self.unit = nn.Parameter(torch.as_tensor(unit))

    def code(self) -> Code:
        values = TABLE.to(self.unit) * self.unit[..., None, None]
        return Code(midpoints(values.sum(-1)), values)

    def start(self, samples: Tensor) -> None:
        self.unit.fill_(samples.max() / 3)


class Doubling(Binary):
    """One that is started wrongly."""

    def start(self, samples: Tensor) -> None:
        self.unit.mul_(2)


def row(*potentials: float) -> Tensor:
    """Return potentials `[T = 1, B, C = 1]`."""
    return torch.tensor(potentials).view(1, -1, 1)


class PerChannel(Binary):
    """One with a unit for each channel of its current."""

    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.UninitializedParameter()

    def sequence(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if isinstance(self.unit, nn.UninitializedParameter):
            self.unit.materialize((x.shape[2],))
            self.unit.data.fill_(1)
        return super().sequence(x, state)


# tables


def test_levels_and_spikes_are_those_of_each_case() -> None:
    code = Binary(0.5).code()
    assert code.levels.tolist() == [0, 0.5, 1, 1.5]
    assert code.spikes.tolist() == [0, 1, 1, 2]


def test_midpoints_send_the_nearest_level() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = torch.rand(4, 9, generator=generator).sort(-1).values
    v = torch.rand(4, 200, generator=generator)
    cases = torch.searchsorted(midpoints(levels), v, right=True)
    nearest = (v.unsqueeze(-1) - levels.unsqueeze(1)).abs().min(-1).values
    assert_close((v - levels.gather(1, cases)).abs(), nearest, rtol=0, atol=0)


def test_midpoints_pass_by_cases_that_do_not_occur() -> None:
    levels = torch.tensor([0.0, 5.0, 1.0, 4.0, 9.0, 2.0])
    used = torch.tensor([True, False, True, False, False, True])
    edges = midpoints(levels, used)
    assert edges.tolist() == [0.5, 0.5, 1.5, 1.5, 1.5]
    assert is_used(edges).tolist() == used.tolist()


@pytest.mark.parametrize("ends", [[False, True, True], [True, True, False], [False, True, False]])
def test_midpoints_where_an_end_does_not_occur(ends: list[bool]) -> None:
    edges = midpoints(torch.tensor([0.0, 1.0, 2.0]), torch.tensor(ends))
    assert is_used(edges).tolist() == ends
    assert torch.searchsorted(edges, torch.tensor([0.9]), right=True).item() == 1


def test_edges_carry_no_gradient() -> None:
    assert not midpoints(torch.tensor([0.0, 1.0], requires_grad=True)).requires_grad


# domains


def test_value_and_window_are_the_same_code() -> None:
    v = torch.linspace(-1, 5, 61).view(1, -1, 1)
    neuron = Binary()
    values = neuron(v)
    neuron.domain = "event"
    window = neuron(v)
    assert window.shape == (2, 61, 1)
    assert_close(window.sum(0), values[0], rtol=0, atol=0)
    assert values[0].flatten()[[0, 14, 16, 60]].tolist() == [0, 0, 1, 3]


def test_the_recorder_counts_entries_in_both_domains() -> None:
    v = row(-1, 0.2, 1.1, 2.3, 2.7, 40)
    for domain in ("value", "event"):
        neuron = Binary()
        neuron.domain = domain
        network = TimeSequential(neuron)
        with record(network) as activity:
            network(v)
        (layer,) = activity.neurons.values()
        assert sum(layer.spikes) == 0 + 0 + 1 + 1 + 2 + 2


def test_a_greater_potential_than_the_bound_counts_as_the_bound() -> None:
    bounded = Binary(upper=2.2)
    assert bounded(row(1.9, 2.2, 3.0, 1e9)).flatten().tolist() == [2, 2, 2, 2]
    assert bounded.error(torch.tensor([[5.0]])) == pytest.approx(0.2**2, rel=1e-5)


def test_no_number_is_below_all_edges() -> None:
    assert Binary()(row(math.nan, -math.inf, math.inf)).flatten().tolist() == [0, 0, 3]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_short_type_is_looked_up_in_float32(dtype: torch.dtype) -> None:
    found = Binary()(row(0.4, 1.6).to(dtype))
    assert found.dtype == dtype
    assert found.flatten().tolist() == [0, 2]


# gradients


@pytest.mark.parametrize("domain", ["value", "event"])
def test_gradients_by_hand(domain: str) -> None:
    neuron = Binary(0.5)
    neuron.domain = domain  # type: ignore[assignment]
    v = row(-0.1, 0.24, 0.25, 0.6, 1.4, 1.5, 9.0).requires_grad_()  # cases 0, 0, 1, 1, 3, 3, 3
    weights = row(1, 2, 4, 8, 16, 32, 64)
    (neuron(v).sum(0) * weights[0]).sum().backward()
    assert v.grad is not None
    assert v.grad.flatten().tolist() == [0, 0, 4, 8, 16, 0, 0]  # from 0.25 to 1.5
    assert neuron.unit.grad is not None
    assert neuron.unit.grad == 1 * (4 + 8) + 3 * (16 + 32 + 64)


def test_an_entry_of_its_own_has_its_own_gradient() -> None:
    neuron = Binary()
    neuron.domain = "event"
    (neuron(row(2.2, 3.0))[0] * 5).sum().backward()  # 2.2 sends the second entry alone, 3.0 both
    assert neuron.unit.grad == 5


# channels


def test_channels_have_tables_of_their_own() -> None:
    neuron = Binary(torch.tensor([1.0, 2.0, 0.5]))
    v = torch.full((1, 2, 3, 4), 2.1)
    assert neuron(v)[0, 0, :, 0].tolist() == [2, 2, 1.5]


@pytest.mark.parametrize("shape", [(1, 2, 4, 5, 5), (1, 2, 1), (1, 2)])
def test_another_number_of_channels_is_refused_in_one_line(shape: tuple[int, ...]) -> None:
    neuron = Binary(torch.tensor([1.0, 2.0, 0.5]))
    with pytest.raises(ContractError) as error:
        neuron(torch.zeros(shape))
    assert str(error.value) == (
        f"Binary has parameters for 3 channels, but its current [T, B, C, ...] is {list(shape)}; "
        "build it for these channels, or share them in the layer"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slots": 0}, "slots must be at least 1, got 0"),
        ({"upper": 0.0}, "upper must be above 0, got 0.0"),
        ({"upper": math.nan}, "upper must be above 0, got nan"),
    ],
)
def test_what_is_out_of_range_is_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Binary(**given)  # type: ignore[arg-type]


# calibration


def samples(scale: float = 1.0) -> Tensor:
    return scale * torch.randn(500, 1, generator=torch.Generator().manual_seed(1))


def test_calibration_takes_what_brings_it_nearer() -> None:
    neuron = Binary(10.0)
    before = neuron.error(samples())
    neuron.calibrate(samples())
    assert neuron.unit.item() == pytest.approx(samples().max().item() / 3)
    assert neuron.error(samples()) < before


@pytest.mark.parametrize(("unit", "kept"), [(1e-3, 2e-3), (0.3, 0.6), (1.0, 1.0)])
def test_calibration_never_worsens(unit: float, kept: float) -> None:
    neuron = Doubling(unit)
    before = neuron.error(samples())
    neuron.calibrate(samples())
    assert neuron.error(samples()) <= before
    assert neuron.unit.item() == pytest.approx(kept)


def test_calibration_that_ends_in_no_number_is_undone() -> None:
    class Broken(Binary):
        def start(self, samples: Tensor) -> None:
            self.unit.fill_(math.nan)

    neuron = Broken(0.7)
    neuron.calibrate(samples())
    assert neuron.unit.item() == pytest.approx(0.7)


def test_the_error_is_that_against_a_relu() -> None:
    v = samples(2.0)
    decoded = Binary()(v.unsqueeze(0))[0]
    assert Binary().error(v) == pytest.approx((decoded - v.relu()).square().mean().item(), rel=1e-6)


# fitting


def test_few_samples_stand_for_themselves() -> None:
    assert quantiles(torch.tensor([3.0, 1.0, 2.0])).tolist() == [1, 2, 3]


def test_quantiles_are_the_middles_of_equal_shares() -> None:
    shuffled = torch.randperm(100, generator=torch.Generator().manual_seed(0)).float()
    assert quantiles(shuffled, 4).tolist() == [12, 37, 62, 87]
    rows = quantiles(torch.stack([shuffled, -shuffled]), 4)
    assert rows.tolist() == [[12, 37, 62, 87], [-87, -62, -37, -12]]


def test_squared_errors_of_many_tables_are_those_of_each() -> None:
    units = torch.tensor([0.2, 0.5, 1.0])
    code = Binary(units).code()
    v = samples()[:, 0]
    expected = [Binary(unit).error(v.view(-1, 1)) for unit in units]
    assert squared_errors(code, v).tolist() == pytest.approx(expected, rel=1e-5)
    own = torch.stack([v, 2 * v, 3 * v])
    expected = [Binary(u).error(k * v.view(-1, 1)) for u, k in zip(units, (1, 2, 3), strict=True)]
    assert squared_errors(code, own).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "ask",
    [
        lambda neuron: neuron.code(),
        lambda neuron: neuron.corrected(),
        lambda neuron: neuron.levels,
        lambda neuron: neuron.spike_counts(torch.zeros(1, 2, 3)),
        lambda neuron: neuron.decoded(torch.zeros(2, 3)),
        lambda neuron: staircase(neuron, 0, 1),
    ],
)
def test_a_table_for_each_channel_asked_for_too_early_says_what_to_do(
    ask: Callable[[PerChannel], object],
) -> None:
    neuron = PerChannel()
    with pytest.raises(
        ContractError, match=r"PerChannel has parameters whose shape follows .*call it .*or calibrate it"
    ):
        ask(neuron)
    neuron(torch.zeros(1, 2, 3))
    ask(neuron)


def test_an_error_of_a_table_itself_is_left_as_it_is() -> None:
    class Broken(Binary):
        def code(self) -> Code:
            raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        Broken().code()
