"""The torch side of the contracts: neurons, time folding, encoders, losses, surrogates, the recorder."""

from snnplug.contracts import Activity, NeuronActivity, SynapseActivity
from snnplug.nn.encoder import Encoder
from snnplug.nn.leak import Leak
from snnplug.nn.loss import Loss
from snnplug.nn.materialize import is_materialized, materialize
from snnplug.nn.membrane import IntegrateAndFire
from snnplug.nn.memory_format import channels_last, flat_samples
from snnplug.nn.neuron import (
    MembraneState,
    SpikingNeuron,
    State,
    as_neuron,
    detach_state,
)
from snnplug.nn.record import record
from snnplug.nn.reset import Reset, reset_membrane
from snnplug.nn.seeding import seeded
from snnplug.nn.spikes_only import is_spikes_only, spikes_only
from snnplug.nn.splits import ImageSplit
from snnplug.nn.surrogate import SURROGATES, sharpness, spike
from snnplug.nn.time import (
    Dropout,
    StepwiseBatchNorm2d,
    TimeModule,
    TimeSequential,
    fold,
    is_static,
    join_steps,
)
from snnplug.nn.watch import SpikeWatch, outermost, repeat_spikes, watch_spikes

__all__ = [
    "SURROGATES",
    "Activity",
    "Dropout",
    "Encoder",
    "ImageSplit",
    "IntegrateAndFire",
    "Leak",
    "Loss",
    "MembraneState",
    "NeuronActivity",
    "Reset",
    "SpikeWatch",
    "SpikingNeuron",
    "State",
    "StepwiseBatchNorm2d",
    "SynapseActivity",
    "TimeModule",
    "TimeSequential",
    "as_neuron",
    "channels_last",
    "detach_state",
    "flat_samples",
    "fold",
    "is_materialized",
    "is_spikes_only",
    "is_static",
    "join_steps",
    "materialize",
    "outermost",
    "record",
    "repeat_spikes",
    "reset_membrane",
    "seeded",
    "sharpness",
    "spike",
    "spikes_only",
    "watch_spikes",
]
