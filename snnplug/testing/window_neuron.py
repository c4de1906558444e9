"""Conformance of neurons that send a code of the potential of a whole window."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from snnplug.nn import SpikingNeuron, TimeSequential, WindowNeuron, is_used, record
from snnplug.registry.component import Component
from snnplug.registry.registration import Registration
from snnplug.testing.close import check_close
from snnplug.testing.neuron import NeuronConformance
from snnplug.testing.neuron_module import SHAPES

__all__ = ["WindowNeuronConformance"]


class WindowNeuronConformance(NeuronConformance):
    """Checks of a `snnplug.nn.WindowNeuron`, beside those of any neuron.

        class TestMyCode(WindowNeuronConformance):
            name = "acme-codes:my_code"
            most_spikes = 2

    Attributes:
        most_spikes: the most spikes that a neuron sends in a window; to be set.
        highest: an upper end of the potentials that the code is made for.
    """

    most_spikes: int = 0
    highest: float = 3.0

    def window_neuron(self, component: Component, x: Tensor | None = None) -> WindowNeuron:
        """Return it in float64."""
        neuron = self.build(component, self.current() if x is None else x)
        assert isinstance(neuron, WindowNeuron), (
            f"expected a snnplug.nn.WindowNeuron, got {type(neuron).__name__}; derive from it, or use "
            "NeuronConformance"
        )
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
        value, window = neuron(x), self.events(neuron)(x)
        entries = neuron.code().values.shape[-1]
        assert value.shape == (1, *shape), (
            f"in the value domain the output must be {[1, *shape]}, got {list(value.shape)}; leave `forward` "
            "to WindowNeuron"
        )
        assert window.shape == (entries, *shape), (
            f"in the event domain the output must be {[entries, *shape]}, got {list(window.shape)}"
        )

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
            sent = int(events(x).count_nonzero())
            assert sum(layer.spikes) == sent, (
                f"in the {one.domain} domain {sum(layer.spikes):g} spikes were counted, and the window has "
                f"{sent} entries that are not 0"
            )
            assert activity.latency_steps == len(x) + neuron.slots, (
                f"a window of {neuron.slots} slots after {len(x)} steps must take {len(x) + neuron.slots} "
                f"steps, got {activity.latency_steps}; give the length of the window by "
                "super().__init__(slots=...)"
            )

    # the code

    def test_table_is_one(self, component: Component) -> None:
        """Edges ascend and have no gradient, used levels ascend, and the first case is silence."""
        neuron = self.window_neuron(component)
        code = neuron.code()
        cases, edges = code.values.shape[-2], code.edges.shape[-1]
        assert cases == edges + 1, (
            f"{edges} edges divide the potentials into {edges + 1} cases, got values for {cases}"
        )
        assert not code.edges.requires_grad, (
            "the edges of the code must have no gradient; detach them, the gradient goes straight through"
        )
        assert (code.edges.diff(dim=-1) >= 0).all(), f"the edges of the code must ascend, got {code.edges}"
        for levels, used in zip(_rows(code.levels), _rows(is_used(code.edges)), strict=True):
            assert (levels[used].diff() > 0).all(), (
                f"a higher potential must mean a higher value, got the values {levels[used].tolist()}; sort "
                "the cases"
            )
        assert neuron.slots >= 1, f"a window has at least one slot, got {neuron.slots}"
        if self.silent_without_input:
            silent = code.values[..., 0, :]
            assert not silent.any(), (
                f"the first case must send nothing, got {silent.tolist()}; if it means to send something, "
                "set silent_without_input = False in the test class"
            )

    def test_value_is_the_sum_of_the_window(self, component: Component) -> None:
        """What is decoded is what the entries of the window add up to."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        check_close(
            self.events(neuron)(v).sum(0),
            neuron(v)[0],
            "the entries of a window must add up to the value that is decoded",
            atol=1e-12,
        )

    def test_steps_before_it_are_summed(self, component: Component) -> None:
        """A current that comes in parts is the potential that it adds up to."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        parts = torch.cat([0.5 * v, 0.25 * v, 0.25 * v])
        check_close(
            neuron(parts),
            neuron(v),
            "a current in parts must be the potential that it adds up to",
            exact=True,
        )

    def test_window_and_value_give_equal_outputs(self, component: Component) -> None:
        """A linear layer behind cannot tell them apart."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        layer = nn.Conv2d(2, 3, 3, bias=False).double()
        windows = layer(self.events(neuron)(v).flatten(0, 1)).unflatten(0, (-1, v.shape[1])).sum(0)
        check_close(
            windows,
            layer(neuron(v)[0]),
            "a linear layer must give the same for the window, summed up, as for the value",
            atol=1e-12,
        )

    def test_no_more_spikes_than_declared(self, component: Component) -> None:
        """No potential makes a neuron send more spikes."""
        v = self.potentials()
        window = self.events(self.window_neuron(component, v))(v)
        most = int(window.count_nonzero(0).amax())
        assert most == self.most_spikes, (
            f"a neuron sends up to {most} spikes in a window, the test class says most_spikes = "
            f"{self.most_spikes}; set what the code means to send, and `highest` where its range is not "
            "reached"
        )

    def test_calibration_does_not_worsen_its_own_samples(self, component: Component) -> None:
        """`calibrate` does not make the mean squared error over its own samples greater."""
        for scale in (0.3, 1.0, 4.0):
            samples = scale * self.potentials()[0]
            neuron = self.window_neuron(component, self.potentials())
            target = samples.relu()
            before = (neuron(samples.unsqueeze(0))[0] - target).square().mean()
            neuron.calibrate(samples)
            after = (neuron(samples.unsqueeze(0))[0] - target).square().mean()
            assert after <= before * (1 + 1e-9), (
                f"calibration raised the mean squared error over its own samples from {before:g} to "
                f"{after:g}, samples {scale:g} times as large as usual; let `start` fit the parameters, not "
                "guess them"
            )

    def test_correction_does_not_worsen_its_own_samples(self, component: Component) -> None:
        """Given what it gets in place of the samples, `calibrate` does not make the error of that greater."""
        samples = self.potentials()[0]
        received = 0.7 * samples - 0.1 * self.highest + 0.05 * self.highest * torch.sin(40 * samples)
        neuron = self.window_neuron(component, self.potentials())
        before = neuron.error(samples, received)
        neuron.calibrate(samples, received)
        after = neuron.error(samples, received)
        assert after <= before, f"calibration raised the error of what it gets from {before:g} to {after:g}"
        assert (neuron.correction is None) or neuron.corrects, (
            "calibration set a correction, and the neuron says corrects = False"
        )

    def test_corrected_window_is_that_of_the_corrected_table(self, component: Component) -> None:
        """A line before the code and a factor behind it make a table of each channel, in both domains."""
        v = self.potentials()
        neuron = self.window_neuron(component, v)
        neuron.correction = nn.Parameter(v.new_tensor([[0.8, 1.3], [0.1, -0.2], [1.1, 0.9]]))
        code = neuron.corrected()
        cases = torch.searchsorted(code.edges, v[0].transpose(0, 1).flatten(1), right=True)
        found = neuron(v)[0].transpose(0, 1).flatten(1)
        check_close(
            found,
            code.levels.gather(1, cases),
            "a corrected code must decode as its table `corrected()` says",
            atol=1e-12,
        )
        check_close(
            self.events(neuron)(v).sum(0),
            neuron(v)[0],
            "the entries of a corrected window must add up to the value that is decoded",
            atol=1e-12,
        )

    def test_calibration_is_repeatable(self, component: Component) -> None:
        """The same samples give the same parameters."""
        one, two = (self.window_neuron(component, self.potentials()) for _ in range(2))
        for neuron in (one, two):
            neuron.calibrate(self.potentials()[0])
        check_close(
            one.state_dict(),
            two.state_dict(),
            "the same samples must give the same parameters; `start` draws nothing at random",
            exact=True,
        )

    def test_spec_names_a_window(self, registration: Registration) -> None:
        """Its spec declares `windowed` and `graded`."""
        neuron: type[SpikingNeuron] = registration.load()
        assert neuron.windowed and neuron.graded, (
            f"a neuron of a window declares windowed = True and graded = True, got {neuron.windowed} and "
            f"{neuron.graded}; set both in the class and in its NeuronSpec"
        )


def _rows(x: Tensor) -> list[Tensor]:
    return list(x.reshape(-1, x.shape[-1]))
