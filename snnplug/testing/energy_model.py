"""Conformance of energy models."""

from __future__ import annotations

import copy
import math
from typing import ClassVar, cast

import pytest

from snnplug.contracts import EnergyEstimate, EnergyModel
from snnplug.nn import Activity, NeuronActivity, SynapseActivity
from snnplug.registry.component import Component
from snnplug.registry.kinds import EnergyModelSpec
from snnplug.registry.registration import Registration
from snnplug.testing.base import Conformance

__all__ = ["EnergyModelConformance", "tiny_activity"]


class EnergyModelConformance(Conformance):
    """Checks of an energy model: measured activity to an itemised estimate for one sample.

        class TestHorowitz(EnergyModelConformance):
            name = "acme-energy:horowitz"

    Attributes:
        fixed_items: names of items that grow with the spikes and cost something without them too, such as a
            term that is measured against a dense reference.
    """

    kind = "energy_model"
    fixed_items: ClassVar[tuple[str, ...]] = ()

    def estimate(self, component: Component, rate: float = 0.1, *, samples: int = 2) -> EnergyEstimate:
        """Return the estimate for a small network whose neurons fire at a rate."""
        model: EnergyModel = component.build()
        return model(tiny_activity(rate, samples=samples))

    def test_items_are_finite_and_not_negative(self, component: Component) -> None:
        """No count and no price is negative."""
        estimate = self.estimate(component)
        assert estimate.items, "the estimate has no items; it is the sum of at least one EnergyItem"
        for item in estimate.items:
            assert math.isfinite(item.value) and item.count >= 0 and item.each >= 0, (
                f"the item {item.name!r} must have a finite count and price, neither negative, got "
                f"{item.count:g} of {item.each:g}"
            )

    def test_items_add_up(self, component: Component) -> None:
        """The estimate is the sum of its items."""
        estimate = self.estimate(component)
        total = sum(item.count * item.each for item in estimate.items)
        assert estimate.value == pytest.approx(total), (
            f"the items add up to {total:g} {estimate.unit}, the estimate says {estimate.value:g}"
        )
        assert estimate.value > 0, (
            f"a network of a convolution, 64 neurons and a linear layer costs {estimate.value:g} "
            f"{estimate.unit}; price what `snnplug.testing.energy_model.tiny_activity` has"
        )

    def test_no_spikes_cost_nothing(self, component: Component) -> None:
        """An item that grows with the spikes is zero where there are none."""
        silent = {item.name: item.value for item in self.estimate(component, 0.0).items}
        estimate = self.estimate(component, 0.5)
        for item in estimate.items:
            before = silent.get(item.name, 0.0)
            if item.name not in self.fixed_items and item.value > before:
                assert before == 0, (
                    f"the item {item.name!r} grows with the spikes, from {before:g} {estimate.unit} where "
                    f"there are none to {item.value:g} at half a spike a neuron and step; without spikes it "
                    "must be 0. Put what does not depend on spikes into an item of its own, or set in the "
                    f"test class fixed_items = ({item.name!r},) where the model means it so"
                )

    def test_spikes_matter_and_never_save_energy(self, component: Component) -> None:
        """More spikes never cost less, and many cost more than none."""
        rates = (0.0, 0.1, 0.2, 0.5, 1.0)
        values = [self.estimate(component, rate).value for rate in rates]
        told = ", ".join(f"{value:g} at {rate:g}" for rate, value in zip(rates, values, strict=True))
        assert values == sorted(values), (
            f"more spikes must never cost less, got by spikes a neuron and step: {told}"
        )
        assert values[-1] > values[0], f"spikes must cost something, got by spikes a neuron and step: {told}"

    def test_estimate_is_for_one_sample(self, component: Component) -> None:
        """Twice the samples with twice the activity give the same estimate."""
        one, two = self.estimate(component, samples=2), self.estimate(component, samples=4)
        assert two.value == pytest.approx(one.value), (
            f"twice the samples with twice the activity must give the same estimate, got {one.value:g} and "
            f"{two.value:g}; the totals of Activity are per sample, those of a layer are to be divided by "
            "activity.samples"
        )

    def test_unit_is_that_of_the_spec(self, component: Component, registration: Registration) -> None:
        """The estimate's unit is what the spec announces."""
        spec = cast(EnergyModelSpec, registration.spec)
        unit = self.estimate(component).unit
        assert unit == spec.unit != "", (
            f"the estimate is in {unit!r}, its EnergyModelSpec says unit={spec.unit!r}; name the same unit "
            "in both"
        )

    def test_source_and_assumptions_are_stated(self, component: Component) -> None:
        """A number without its source and what it assumes is no estimate."""
        estimate = self.estimate(component)
        assert estimate.reference, "EnergyEstimate.reference is empty; name the source of the constants"
        assert estimate.assumptions, (
            "EnergyEstimate.assumptions is empty; say what has to be true for the number to mean something"
        )

    def test_baselines_say_what_they_are(self, component: Component) -> None:
        """Each is another network by the same model: named once, with items that cost something."""
        baselines = self.estimate(component).baselines
        names = [baseline.name for baseline in baselines]
        assert len(set(names)) == len(names), f"each baseline needs a name of its own, got {names}"
        for baseline in baselines:
            assert baseline.name and baseline.how, (
                f"a baseline must have a name and say how it was computed: {baseline}"
            )
            assert 0 < baseline.value < math.inf, (
                f"the baseline {baseline.name!r} must cost something finite, got {baseline.value:g}"
            )
            for item in baseline.items:
                assert item.count >= 0 and item.each >= 0, (
                    f"the item {item.name!r} of the baseline {baseline.name!r} is negative: {item.count:g} "
                    f"of {item.each:g}"
                )

    def test_facts_are_finite(self, component: Component) -> None:
        """What is no energy is a number all the same."""
        for name, value in self.estimate(component).facts.items():
            assert math.isfinite(value), (
                f"the fact {name!r} must be finite, got {value}; leave it out where it is not known"
            )

    def test_activity_is_left_alone(self, component: Component) -> None:
        """Several models can read one activity."""
        model: EnergyModel = component.build()
        activity = tiny_activity(0.1)
        before = copy.deepcopy(activity)
        model(activity)
        assert activity == before, (
            "the model changed the activity, which other models read too; copy what is changed"
        )


def tiny_activity(rate: float, *, samples: int = 2, steps: int = 4) -> Activity:
    """Return what a convolution, 64 neurons and a linear layer with 10 outputs did.

    The convolution is 3x3 on one 4x4 image, 4 channels wide, its input analog and static.

    Args:
        rate: firing rate: spikes per neuron and step.
        samples: number of samples.
        steps: number of time steps.
    """
    spikes = [rate * 64 * samples] * steps
    analog = SynapseActivity(
        name="0",
        layer="Conv2d",
        parameters=36,
        events=[16.0 * samples],
        operations=[400.0 * samples],
        macs=400.0 * samples,
        analog=True,
        effective=[400.0 * samples],
        inputs=16.0 * samples,
        outputs=64.0 * samples,
        weights=36,
        fan_in=9,
        filters=4,
        kernel=[3, 3],
        stride=[1, 1],
        effective_macs=400.0 * samples,
    )
    spiking = SynapseActivity(
        name="3",
        layer="Linear",
        parameters=650,
        events=list(spikes),
        operations=[10 * count for count in spikes],
        macs=640.0 * samples * steps,
        effective=[10 * count for count in spikes],
        inputs=64.0 * samples * steps,
        outputs=10.0 * samples * steps,
        weights=640,
        fan_in=64,
        filters=10,
        effective_acs=sum(10 * count for count in spikes),
    )
    neurons = NeuronActivity(name="1", size=64, spikes=list(spikes), updates=64 * samples * steps)
    return Activity(
        samples=samples,
        steps=steps,
        neurons={"1": neurons},
        synapses={"0": analog, "3": spiking},
        parameters=686,
        footprint=4 * 686,
    )
