"""The device table of keras-spiking's ModelEnergy: a price for a synaptic operation and for a neuron update.

    spiking device:  E = synaptic operations * E_synop + neurons * steps * E_neuron
    any other:       E = connections * steps * E_synop + neurons * steps * E_neuron

A CPU, GPU or ARM computes every synapse in every step, whatever spikes. Prices and their sources stand in
`devices.toml`; keras-spiking 0.3, Applied Brain Research, warns as we do that no overhead is in them. What
differs: spikes are counted with their true fan-out, not as mean rate times connections, and analog input of a
spiking device is billed in full with a warning, where keras-spiking takes it to be spikes of that rate.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import attrs

from snnplug import EnergyEstimate, EnergyItem
from snnplug_energy.baselines import ann_baselines
from snnplug_energy.checks import require_samples, uncovered
from snnplug_energy.events import EventTable, Prices

if TYPE_CHECKING:
    from snnplug.nn import Activity

__all__ = ["ClockedDevice", "keras_spiking"]

_OVERHEAD = "no overhead: moving data on and off the device, idle power and software cost nothing here"


@attrs.frozen(kw_only=True)
class ClockedDevice:
    """A device that computes every synapse and every neuron in every step.

    Attributes:
        table: its prices.
    """

    table: EventTable

    def __call__(self, activity: Activity) -> EnergyEstimate:
        """Return the estimate, which does not depend on the spikes.

        Raises:
            ContractError: nothing was recorded.
        """
        require_samples(activity)
        prices, inside = self.table.prices, activity.neuron_macs + activity.neuron_operations
        every_step = activity.one_pass_macs * activity.steps
        items = [
            EnergyItem("synapses in every step", every_step, prices.mac or 0.0, "compute"),
            EnergyItem("neuron updates", activity.neuron_updates, prices.neuron_update or 0.0, "neurons"),
        ]
        if inside:
            items.append(EnergyItem("products inside neurons", inside, prices.mac or 0.0, "neurons"))
        return EnergyEstimate(
            unit="J",
            items=tuple(items),
            reference=self.table.reference,
            node=self.table.node,
            assumptions=(
                *self.table.assumptions,
                "every synapse is computed in every step: spikes save nothing",
            ),
            warnings=tuple(uncovered(activity, inside_neurons=True)),
            baselines=ann_baselines(activity, lambda bits: self.table.dense_pass(activity, bits)),
        )


def keras_spiking(
    *,
    device: Literal["cpu", "gpu", "arm", "loihi", "spinnaker", "spinnaker2"] = "loihi",
    ann_device: Literal["cpu", "gpu", "arm"] = "gpu",
) -> EventTable | ClockedDevice:
    """Return the model of a device.

    Args:
        device: that runs the network.
        ann_device: that runs the ANN which a spiking device is compared with; any other runs it itself.
    """
    table = _table(device, _table(ann_device) if _devices()[device]["spiking"] else None)
    return table if _devices()[device]["spiking"] else ClockedDevice(table=table)


def _table(device: str, ann: EventTable | None = None) -> EventTable:
    facts = _devices()[device]
    price = facts["synaptic_operation"]
    return EventTable(
        name=f"keras_spiking's {device}",
        prices=Prices(
            synaptic_operation=price,
            mac=None if facts["spiking"] else price,
            neuron_update=facts["neuron_update"],
        ),
        reference=f"{facts['reference']}, as in keras-spiking",
        node=facts["node"],
        assumptions=(facts["what"], _OVERHEAD),
        ann=ann,
        analog_as_spikes=True,
    )


@cache
def _devices() -> dict[str, Any]:
    return tomllib.loads(resources.files("snnplug_energy").joinpath("devices.toml").read_text("utf-8"))
