"""The torch side of the contracts: neurons, time folding, encoders, losses, surrogates, the recorder."""

from snnplug.contracts import (
    Activity,
    ErrorPart,
    LayerError,
    LayerTrace,
    NeuronActivity,
    SynapseActivity,
    Trace,
    advice,
)
from snnplug.nn.activity_scorer import ActivityScorer
from snnplug.nn.augmentation import Augment, Augmentation, Augmentations, Change, Mix
from snnplug.nn.callback import Batch, Callback, Training
from snnplug.nn.check_data import as_labels, check_split
from snnplug.nn.classifier import Classifier
from snnplug.nn.code import Code, WindowNeuron, is_used, midpoints
from snnplug.nn.conversion import (
    CalibrationProgress,
    Conversion,
    ConvertedNetwork,
    Entry,
    calibrate,
    convert,
    staircase,
    trace,
)
from snnplug.nn.crop_and_flip import CropAndFlip
from snnplug.nn.data_root import at_home, data_root
from snnplug.nn.dropout import Dropout
from snnplug.nn.dynamics import Dynamics
from snnplug.nn.encoder import Encoder
from snnplug.nn.fit import quantiles, squared_errors
from snnplug.nn.kernel import kernel_surrogate
from snnplug.nn.layer_graph import layer_graph
from snnplug.nn.layers import SYNAPTIC
from snnplug.nn.leak import Leak
from snnplug.nn.looped import Stepwise
from snnplug.nn.loss import Loss
from snnplug.nn.margins import Margin, Sent, sent_by_layers
from snnplug.nn.materialize import is_materialized, materialize
from snnplug.nn.membrane import IntegrateAndFire
from snnplug.nn.memory_format import channels_last, flat_samples
from snnplug.nn.naming import outermost
from snnplug.nn.neuron import (
    MembraneState,
    SpikingNeuron,
    State,
    as_neuron,
    detach_state,
)
from snnplug.nn.recalibrate import recalibrate
from snnplug.nn.record import SpikeCounts, record
from snnplug.nn.replace import replace
from snnplug.nn.reset import Reset, reset_membrane
from snnplug.nn.saturate import saturate
from snnplug.nn.seeding import SeededSamples, seeded
from snnplug.nn.shuffle_time import shuffle_time
from snnplug.nn.spike_total import SpikeTotal, count_spikes
from snnplug.nn.spikes_only import is_spikes_only, spikes_only
from snnplug.nn.splits import FrameSplit, ImageSplit
from snnplug.nn.stateful import StatefulModule
from snnplug.nn.stepwise import StepwiseBatchNorm2d, keep_statistics_of_steps
from snnplug.nn.stream import (
    StreamState,
    continue_stream,
    current_pass,
    start_stream,
    step_stream,
    steps_before,
)
from snnplug.nn.surrogate import SURROGATES, sharpness, spike
from snnplug.nn.take_weights import Taken, take_weights
from snnplug.nn.time import (
    TimeModule,
    TimeSequential,
    fold,
    is_static,
    join_steps,
)
from snnplug.nn.time_axis import explaining_time
from snnplug.nn.watch import SpikeWatch, repeat_spikes, watch_spikes

__all__ = [
    "SURROGATES",
    "SYNAPTIC",
    "Activity",
    "ActivityScorer",
    "Augment",
    "Augmentation",
    "Augmentations",
    "Batch",
    "CalibrationProgress",
    "Callback",
    "Change",
    "Classifier",
    "Code",
    "Conversion",
    "ConvertedNetwork",
    "CropAndFlip",
    "Dropout",
    "Dynamics",
    "Encoder",
    "Entry",
    "ErrorPart",
    "FrameSplit",
    "ImageSplit",
    "IntegrateAndFire",
    "LayerError",
    "LayerTrace",
    "Leak",
    "Loss",
    "Margin",
    "MembraneState",
    "Mix",
    "NeuronActivity",
    "Reset",
    "SeededSamples",
    "Sent",
    "SpikeCounts",
    "SpikeTotal",
    "SpikeWatch",
    "SpikingNeuron",
    "State",
    "StatefulModule",
    "Stepwise",
    "StepwiseBatchNorm2d",
    "StreamState",
    "SynapseActivity",
    "Taken",
    "TimeModule",
    "TimeSequential",
    "Trace",
    "Training",
    "WindowNeuron",
    "advice",
    "as_labels",
    "as_neuron",
    "at_home",
    "calibrate",
    "channels_last",
    "check_split",
    "continue_stream",
    "convert",
    "count_spikes",
    "current_pass",
    "data_root",
    "detach_state",
    "explaining_time",
    "flat_samples",
    "fold",
    "is_materialized",
    "is_spikes_only",
    "is_static",
    "is_used",
    "join_steps",
    "keep_statistics_of_steps",
    "kernel_surrogate",
    "layer_graph",
    "materialize",
    "midpoints",
    "outermost",
    "quantiles",
    "recalibrate",
    "record",
    "repeat_spikes",
    "replace",
    "reset_membrane",
    "saturate",
    "seeded",
    "sent_by_layers",
    "sharpness",
    "shuffle_time",
    "spike",
    "spikes_only",
    "squared_errors",
    "staircase",
    "start_stream",
    "step_stream",
    "steps_before",
    "take_weights",
    "trace",
    "watch_spikes",
]
