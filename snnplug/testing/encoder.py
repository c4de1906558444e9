"""Conformance of encoders."""

from __future__ import annotations

from typing import ClassVar, cast

import attrs
import pytest
import torch
from torch import Generator, Tensor

from snnplug.contracts import Task
from snnplug.errors import SnnplugError
from snnplug.nn import Encoder, is_static
from snnplug.registry.component import Component
from snnplug.registry.kinds import EncoderSpec
from snnplug.registry.registration import Registration
from snnplug.testing.base import Conformance
from snnplug.testing.close import check_close

__all__ = ["EncoderConformance"]


class EncoderConformance(Conformance):
    """Checks of an encoder: values `[B, C, H, W]` in [0, 1] to input `[T, B, C', H', W']`.

        class TestRate(EncoderConformance):
            name = "acme-encoders:rate"

    Attributes:
        task: what it encodes.
        lowest, highest: range of its output for a task without normalisation.
    """

    kind = "encoder"
    task: ClassVar[Task] = Task(input_shape=(2, 5, 5), classes=3)
    lowest: ClassVar[float] = 0.0
    highest: ClassVar[float] = 1.0

    def values(self) -> Tensor:
        """Return values in [0, 1], black and white among them."""
        values = torch.rand(4, *self.task.input_shape, generator=Generator().manual_seed(0))
        values[0], values[1] = 0.0, 1.0
        return values

    def encode(self, component: Component, seed: int | None = 0, steps: int = 6) -> Tensor:
        """Encode the values with a generator of that seed, or without one."""
        encoder: Encoder = component.build(self.task, steps=steps)
        generator = None if seed is None else Generator().manual_seed(seed)
        encoded: Tensor = encoder(self.values(), generator)
        return encoded

    @pytest.mark.parametrize("steps", [1, 2, 7])
    def test_output_has_the_steps_and_shape_it_states(self, component: Component, steps: int) -> None:
        """The output is `[T, B, *output_shape]`, T the number of steps asked for."""
        encoder: Encoder = component.build(self.task, steps=steps)
        encoded = encoder(self.values(), Generator().manual_seed(0))
        expected = (steps, len(self.values()), *encoder.output_shape)
        assert encoder.steps == steps, (
            f"asked for steps = {steps} it says {encoder.steps}; pass it on by super().__init__(task, steps)"
        )
        assert encoded.shape == expected, (
            f"the input must be [T, B, *output_shape] = {list(expected)}, got {list(encoded.shape)}; "
            "override output_shape where it is not the task's"
        )

    def test_events_keep_their_steps(self, component: Component) -> None:
        """An encoder that takes data with a time axis has, unless told, as many steps as the data."""
        task = attrs.evolve(self.task, events=True, steps=5)
        values = self.values().unsqueeze(1).expand(-1, 5, *self.task.input_shape)
        try:
            told = component.build(task, steps=5)
            encoded = told(values, Generator().manual_seed(0))
        except SnnplugError as error:
            pytest.skip(str(error))
        if encoded.shape != (5, len(values), *told.output_shape):
            pytest.skip("takes no events")
        steps = component.build(task).steps
        assert steps == 5, f"{steps} steps; have steps: int | None = None, and pass it to super().__init__"

    def test_steps_below_one_are_refused(self, component: Component) -> None:
        """No time step is an error that the user sees."""
        with pytest.raises(SnnplugError, match="steps"):
            component.build(self.task, steps=0)

    def test_output_is_in_range(self, component: Component) -> None:
        """The output is finite and between `lowest` and `highest`."""
        encoded = self.encode(component)
        assert torch.isfinite(encoded).all(), (
            "the input must be finite, got NaN or infinity; look at values of 0 and 1"
        )
        least, most = encoded.min().item(), encoded.max().item()
        assert self.lowest <= least and most <= self.highest, (
            f"the input must be from {self.lowest:g} to {self.highest:g}, got {least:g} to {most:g}; set "
            "`lowest` and `highest` in the test class where the code has another range"
        )

    def test_output_is_finite_with_normalisation(self, component: Component) -> None:
        """A task with mean and standard deviation is taken too."""
        channels = self.task.input_shape[0]
        task = attrs.evolve(self.task, mean=(0.5,) * channels, std=(0.25,) * channels)
        encoded = component.build(task, steps=3)(self.values(), Generator().manual_seed(0))
        assert torch.isfinite(encoded).all(), "with Task.mean and Task.std the input is NaN or infinite"

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=("float32", "float64"))
    def test_type_is_kept(self, component: Component, dtype: torch.dtype) -> None:
        """The input has the floating-point type of the values."""
        values = self.values().to(dtype)
        found = component.build(self.task, steps=3)(values, Generator().manual_seed(0)).dtype
        assert found == dtype, (
            f"values in {dtype} must give an input in {dtype}, got {found}; convert by .to(values.dtype)"
        )

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_cuda_equals_cpu(self, component: Component) -> None:
        """The same generator, which is on the CPU, gives the same input on both devices."""
        there = component.build(self.task, steps=6)(self.values().cuda(), Generator().manual_seed(0))
        assert there.is_cuda, "values on CUDA must give an input on CUDA"
        check_close(
            there.cpu(),
            self.encode(component),
            "the same generator must give the same input on both devices; draw on the CPU, then move",
        )

    def test_same_seed_gives_the_same_output(self, component: Component) -> None:
        """All randomness comes from the generator."""
        torch.rand(3)
        check_close(
            self.encode(component),
            self.encode(component),
            "the same generator must give the same input; draw from the generator that `forward` is given",
            exact=True,
        )

    def test_randomness_is_as_declared(self, component: Component, registration: Registration) -> None:
        """A stochastic encoder follows the seed; any other needs no generator and ignores it."""
        spec = cast(EncoderSpec, registration.spec)
        if spec.stochastic:
            assert not torch.equal(self.encode(component, seed=0), self.encode(component, seed=1)), (
                "its EncoderSpec says stochastic=True, and two seeds give the same input; draw from the "
                "generator, or say stochastic=False"
            )
        else:
            check_close(
                self.encode(component, seed=None),
                self.encode(component, seed=1),
                "its EncoderSpec says stochastic=False, and its output depends on the generator; say "
                "stochastic=True",
                exact=True,
            )

    def test_global_generator_is_left_alone(self, component: Component) -> None:
        """Encoding draws nothing from torch's global generator."""
        before = torch.get_rng_state()
        self.encode(component)
        assert torch.equal(torch.get_rng_state(), before), (
            "encoding draws from torch's global generator; draw from the one that `forward` is given"
        )

    def test_values_are_left_alone(self, component: Component) -> None:
        """The input is not written to."""
        values = self.values()
        component.build(self.task, steps=3)(values, Generator().manual_seed(0))
        assert torch.equal(values, self.values()), "the values were written to; make a new tensor"

    def test_constant_output_is_an_expansion(self, component: Component, registration: Registration) -> None:
        """What is the same at every step is returned with stride 0, so that layers run on it once."""
        encoded = self.encode(component)
        spec = cast(EncoderSpec, registration.spec)
        if spec.stochastic or not (encoded == encoded[:1]).all():
            pytest.skip("not constant in time")
        assert is_static(encoded), (
            "the input is the same in every step and written out; return values.expand(steps, "
            "*values.shape), so that the layers before the first neuron run once"
        )
