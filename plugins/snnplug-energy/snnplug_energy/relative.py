"""Energy of spikes and of time, relative to a named reference network.

    E = E_i N / N_ref + E_l L / L_ref

N spikes of one inference, L latency in time steps; (E_i, E_l) are the shares of dynamic
and of static energy: TrueNorth (0.4, 0.6), SpiNNaker (0.64, 0.36). Feng et al., Computer
Science 51(3):244-250, 2024, Eq. 25, after Park et al. (T2FSNN), DAC 2020, arXiv:2003.11741,
and Moradi & Manohar, J. Phys. D 52:014003, 2018. The papers print "normalised" without
saying to what, although the ranking of methods depends on it, so here the reference has
to be named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import attrs
from annotated_types import Gt

from snnplug import EnergyEstimate, EnergyItem, check_ranges
from snnplug_energy.checks import require_samples

if TYPE_CHECKING:
    from snnplug.nn import Activity

__all__ = ["SPINNAKER", "TRUENORTH", "Relative", "spinnaker_relative", "truenorth_relative"]

TRUENORTH, SPINNAKER = (0.4, 0.6), (0.64, 0.36)  # shares of spikes and of latency


@check_ranges
@attrs.frozen(kw_only=True)
class Relative:
    """The weighted sum of spikes and latency, each divided by that of the reference.

    Attributes:
        chip: whose shares they are.
        spike_share, latency_share: E_i and E_l.
        reference: name of the reference network.
        reference_spikes: its spikes of one inference.
        reference_latency: its latency in time steps.
    """

    chip: str
    spike_share: float
    latency_share: float
    reference: str = attrs.field()
    reference_spikes: Annotated[float, Gt(0)] = attrs.field()
    reference_latency: Annotated[float, Gt(0)] = attrs.field()

    @reference.validator
    def _named(self, field: attrs.Attribute[str], value: str) -> None:
        if not value.strip():
            raise ValueError("reference must name the network that counts as 1, got an empty text")

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate for one sample.

        Raises:
            ContractError: nothing was recorded.
        """
        require_samples(activity)
        per_spike, per_step = self._prices
        return EnergyEstimate(
            unit="relative",
            items=(
                EnergyItem("spikes", activity.spikes_per_sample, per_spike, "communication"),
                EnergyItem("time steps", activity.latency_steps, per_step, "static"),
            ),
            reference="Park et al., DAC 2020, arXiv:2003.11741; Moradi & Manohar 2018",
            assumptions=(
                f"1 is {self.reference!r}: {self.reference_spikes:g} spikes "
                f"in {self.reference_latency:g} steps; another reference gives another ranking",
                f"{self.chip}: {self.spike_share:g} of the energy goes with spikes, "
                f"{self.latency_share:g} with time",
                "neither fan-out nor the MACs of layers with analog input are counted",
            ),
            warnings=tuple(self._warnings(activity)),
        )

    def energy(self, spikes: float, latency: float) -> float:
        """Return the energy of so many spikes in so many steps."""
        per_spike, per_step = self._prices
        return spikes * per_spike + latency * per_step

    @property
    def _prices(self) -> tuple[float, float]:
        return self.spike_share / self.reference_spikes, self.latency_share / self.reference_latency

    @staticmethod
    def _warnings(activity: Activity) -> list[str]:
        lines = []
        if scripted := [name for name, kind in activity.uncounted.items() if kind == "ScriptModule"]:
            lines.append(f"neurons in {', '.join(scripted)} are not seen, so the estimate may be too low")
        if graded := [n.name for n in activity.neurons.values() if n.graded]:
            lines.append(f"graded spikes from {', '.join(graded)} count like any others")
        return lines


@check_ranges
def truenorth_relative(
    *, reference: str, reference_spikes: Annotated[float, Gt(0)], reference_latency: Annotated[float, Gt(0)]
) -> Relative:
    """Return the model with TrueNorth's shares: 0.4 for spikes, 0.6 for time.

    Args:
        reference: name of the network that counts as 1.
        reference_spikes: its spikes of one inference, greater than 0.
        reference_latency: its latency in time steps, greater than 0.

    Raises:
        ValueError: the reference has no name, or a number is not positive.
    """
    return Relative(
        chip="TrueNorth",
        spike_share=TRUENORTH[0],
        latency_share=TRUENORTH[1],
        reference=reference,
        reference_spikes=reference_spikes,
        reference_latency=reference_latency,
    )


@check_ranges
def spinnaker_relative(
    *, reference: str, reference_spikes: Annotated[float, Gt(0)], reference_latency: Annotated[float, Gt(0)]
) -> Relative:
    """Return the model with SpiNNaker's shares: 0.64 for spikes, 0.36 for time.

    Args:
        reference: name of the network that counts as 1.
        reference_spikes: its spikes of one inference, greater than 0.
        reference_latency: its latency in time steps, greater than 0.

    Raises:
        ValueError: the reference has no name, or a number is not positive.
    """
    return Relative(
        chip="SpiNNaker",
        spike_share=SPINNAKER[0],
        latency_share=SPINNAKER[1],
        reference=reference,
        reference_spikes=reference_spikes,
        reference_latency=reference_latency,
    )
