"""A chip of Loihi's class, event by event.

    E = synaptic operations * E_synapse + neurons * steps * (E_access + E_update)
      + spikes * (E_spike + axons * (E_axon + hops * E_hop))

Constants of Loihi 1 as SANA-FE has them (Boyle et al., "SANA-FE: simulating advanced neuromorphic
architectures for fast exploration", IEEE TCAD 2025; architecture file `loihi.yaml`): a synapse takes 35.5 pJ
dense, 33.6 pJ sparse or 24.0 pJ in a convolution, an access to a neuron 51.2 pJ, its update 21.6 pJ, a spike
69.3 pJ, an axon 111 pJ, a hop 3.0 pJ east or west and 4.2 pJ north or south. SANA-FE places a network on
cores and counts axons and hops; here both are parameters, an average over all spikes. Static energy is not
in the table: a step takes 0.6 to 1.8 us for its barrier alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge

from snnplug import check_ranges
from snnplug_energy.events import EventTable, Prices

__all__ = ["loihi"]

_SYNAPSE = {"dense": 35.5e-12, "sparse": 33.6e-12}
_CONVOLUTION = 24.0e-12
_ACCESS, _UPDATE, _SPIKE, _AXON = 51.2e-12, 21.6e-12, 69.3e-12, 111e-12
_HOP = (3.0e-12 + 4.2e-12) / 2


@check_ranges
def loihi(
    *,
    synapses: Literal["dense", "sparse"] = "dense",
    axons_per_spike: Annotated[float, Ge(0)] = 1.0,
    hops_per_axon: Annotated[float, Ge(0)] = 0.0,
) -> EventTable:
    """Return the model.

    Args:
        synapses: how fully connected layers are stored; convolutions have a price of their own.
        axons_per_spike: cores that a spike is sent to, on average; at least 0.
        hops_per_axon: routers on the way to each of them, on average, as many sideways as up and down.

    Raises:
        ValueError: a number is negative or infinite.
    """
    return EventTable(
        name="loihi",
        prices=Prices(
            synaptic_operation=_SYNAPSE[synapses],
            convolution=_CONVOLUTION,
            neuron_update=_ACCESS + _UPDATE,
            spike=_SPIKE + axons_per_spike * (_AXON + hops_per_axon * _HOP),
        ),
        reference="SANA-FE's Loihi 1 (Boyle et al., IEEE TCAD 2025); Davies et al., IEEE Micro 2018",
        node="14 nm",
        assumptions=(
            "every neuron is read and updated in every step, whether it gets spikes or not",
            f"a spike goes to {axons_per_spike:g} cores over {hops_per_axon:g} hops each, as placed",
            "the network fits the chip; host, input and output are not counted",
            "a step lasts at least the 0.6 to 1.8 us of its barrier, whose static power is not known",
        ),
        analog_as_spikes=True,
    )
