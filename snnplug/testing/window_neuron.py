"""Conformance of neurons that send a code of the potential of a whole window."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from snnplug.nn import SpikingNeuron, TimeSequential, WindowNeuron, is_used, record
from snnplug.registry.component import Component
from snnplug.registry.registration import Registration
from snnplug.testing.neuron import SHAPES, NeuronConformance

__all__ = ["WindowNeuronConformance"]


class WindowNeuronConformance(NeuronConformance):
    """Checks of a `snnplug.nn.WindowNeuron`, beside those of any neuron.

        class TestMyCode(WindowNeuronConformance):
            name = "acme-codes:my_code"
            most_spikes = 2

    Attributes:
        most_spikes: the most spikes that a neuron sends in a window.
        highest: an upper end of the potentials that the code is made for.
    """

    most_spikes: int
    highest: float = 3.0

    def window_neuron(self, component: Component, x: Tensor | None = None) -> WindowNeuron:
        """Return it in float64."""
        neuron = self.build(component, self.current() if x is None else x)
        assert isinstance(neuron, WindowNeuron)
        return neuron

    def events(self, neuron: WindowNeuron) -> WindowNeuron:
        """Return a copy in the event domain."""
        copied = copy.deepcopy(neuron)
        copied.domain = "event"
        return copied

    def potentials(self) -> Tensor:
        """Return potentials of one step `[1, B, C, H, W]`: below, in and above the code's range."""
        generator = torch.Generator().manual_seed(3)
        drawn = torch.rand(1, 3, 2, 16, 16, generator=generator, dtype=torch.float64)
        return 1.5 * self.highest * drawn - 0.25 * self.highest

    # of all neurons, where a window changes what is said

    @pytest.mark.parametrize("shape", SHAPES, ids=("BN", "BCHW"))
    def test_output_has_the_shape_of_the_input(self, component: Component, shape: tuple[int, ...]) -> None:
        """Current `[T, B, *]` gives `[1, B, *]` in the value domain and `[R, B, *]` in the event domain."""
        x = self.current(shape)
        neuron = self.window_neuron(component, x)
        assert neuron(x).shape == (1, *shape)
        assert self.events(neuron)(x).shape == (neuron.code().values.shape[-1], *shape)

    @pytest.mark.parametrize("way", ["forward"])
    def test_recorder_sees_each_spike_once(self, component: Component, way: str) -> None:
        """`record` counts as many spikes in the value domain as entries that are sent in the event domain."""
        x = self.current()
        neuron = self.window_neuron(component)
        events = self.events(neuron)
        for one in (neuron, events):
            model = TimeSequential(nn.Identity(), one)
            with record(model) as activity:
                model(x)
            (layer,) = activity.neurons.values()
            assert sum(layer.spikes) == events(x).count_nonzero()
            assert activity.latency_steps == len(x) + neuron.slots

    # the code

    def test_table_is_one(self, component: Component) -> None:
        """Edges ascend and have no gradient, used levels ascend, and the first case is silence."""
        neuron = self.window_neuron(component)
        code = neuron.code()
        assert code.values.shape[-2] == code.edges.shape[-1] + 1
        assert not code.edges.requires_grad
        assert (code.edges.diff(dim=-1) >= 0).all()
        for levels, used in zip(_rows(code.levels), _rows(is_used(code.edges)), strict=True):
            assert (levels[used].diff() > 0).all()
        assert neuron.slots >= 1
        if self.silent_without_input:
            assert not code.values[..., 0, :].any()

    def test_value_is_the_sum_of_the_window(self, component: Component) -> None:
        """What is decoded is what the entries of the window add up to."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        assert_close(self.events(neuron)(v).sum(0), neuron(v)[0], rtol=0, atol=1e-12)

    def test_steps_before_it_are_summed(self, component: Component) -> None:
        """A current that comes in parts is the potential that it adds up to."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        parts = torch.cat([0.5 * v, 0.25 * v, 0.25 * v])
        assert_close(neuron(parts), neuron(v), rtol=0, atol=0)

    def test_window_and_value_give_equal_outputs(self, component: Component) -> None:
        """A linear layer behind cannot tell them apart."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        layer = nn.Conv2d(2, 3, 3, bias=False).double()
        windows = layer(self.events(neuron)(v).flatten(0, 1)).unflatten(0, (-1, v.shape[1])).sum(0)
        assert_close(windows, layer(neuron(v)[0]), rtol=0, atol=1e-12)

    def test_no_more_spikes_than_declared(self, component: Component) -> None:
        """No potential makes a neuron send more spikes."""
        v = self.potentials()
        window = self.events(self.window_neuron(component, v))(v)
        counts = window.count_nonzero(0)
        assert counts.amax() == self.most_spikes

    def test_calibration_does_not_worsen_its_own_samples(self, component: Component) -> None:
        """`calibrate` does not make the mean squared error over its own samples greater."""
        for scale in (0.3, 1.0, 4.0):
            samples = scale * self.potentials()[0]
            neuron = self.window_neuron(component, self.potentials())
            target = samples.relu()
            before = (neuron(samples.unsqueeze(0))[0] - target).square().mean()
            neuron.calibrate(samples)
            after = (neuron(samples.unsqueeze(0))[0] - target).square().mean()
            assert after <= before * (1 + 1e-9)

    def test_correction_does_not_worsen_its_own_samples(self, component: Component) -> None:
        """Given what it gets in place of the samples, `calibrate` does not make the error of that greater."""
        samples = self.potentials()[0]
        received = 0.7 * samples - 0.1 * self.highest + 0.05 * self.highest * torch.sin(40 * samples)
        neuron = self.window_neuron(component, self.potentials())
        before = neuron.error(samples, received)
        neuron.calibrate(samples, received)
        assert neuron.error(samples, received) <= before
        assert (neuron.correction is None) or neuron.corrects

    def test_corrected_window_is_that_of_the_corrected_table(self, component: Component) -> None:
        """A line before the code and a factor behind it make a table of each channel, in both domains."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        neuron.correction = nn.Parameter(v.new_tensor([[0.8, 1.3], [0.1, -0.2], [1.1, 0.9]]))
        code = neuron.corrected()
        cases = torch.searchsorted(code.edges, v[0].transpose(0, 1).flatten(1), right=True)
        found = neuron(v)[0].transpose(0, 1).flatten(1)
        assert_close(found, code.levels.gather(1, cases), rtol=0, atol=1e-12)
        assert_close(self.events(neuron)(v).sum(0), neuron(v)[0], rtol=0, atol=1e-12)

    def test_calibration_is_repeatable(self, component: Component) -> None:
        """The same samples give the same parameters."""
        one, two = (self.window_neuron(component, self.potentials()) for _ in range(2))
        for neuron in (one, two):
            neuron.calibrate(self.potentials()[0])
        assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)

    def test_spec_names_a_window(self, registration: Registration) -> None:
        """Its spec declares `windowed` and `graded`."""
        neuron: type[SpikingNeuron] = registration.load()
        assert neuron.windowed
        assert neuron.graded


def _rows(x: Tensor) -> list[Tensor]:
    return list(x.reshape(-1, x.shape[-1]))
