"""What a network did, as the recorder counts it and as scorers, energy models and reports read it."""

from __future__ import annotations

import math

import attrs

__all__ = ["Activity", "NeuronActivity", "SynapseActivity"]


@attrs.define
class NeuronActivity:
    """Output of one layer of neurons.

    Attributes:
        name: module name.
        size: neurons per sample.
        spikes: spikes per time step, summed over all samples.
        updates: state updates, summed over all samples.
        raster: spikes of some neurons for the first sample, `[T, n]`, if asked for.
        graded: spikes carry values; `spikes` counts them, whatever their value.
        operations: spikes times their fan-out in products that the neuron makes itself, such as those of
            recurrent weights, summed over all samples.
        effective: the same without weights that are zero.
        macs: multiply-accumulates of its products with analog input, such as a mix of time steps.
        levels: of graded neurons, how many values the output of one window can stand for, silence
            included; 0: not known.
    """

    name: str
    graded: bool = False
    size: int = 0
    spikes: list[float] = attrs.field(factory=list)
    updates: int = 0
    raster: list[list[float]] = attrs.field(factory=list)
    operations: float = 0.0
    effective: float = 0.0
    macs: float = 0.0
    levels: int = 0

    @property
    def rate(self) -> float:
        """Firing rate: spikes per neuron and step."""
        return sum(self.spikes) / max(self.updates, 1)


@attrs.define
class SynapseActivity:
    """Input of one synaptic layer, or of a product that is no layer.

    Attributes:
        name: module name; "module (operation)" for a product without weights of its own, and
            "module (analog)" for the analog uses of a layer that elsewhere gets spikes.
        layer: class name, such as "Conv2d", or the operation.
        events: non-zero input values per time step, summed over all samples.
        operations: spikes times their fan-out per time step, summed over all samples.
        effective: the same without weights that are zero.
        macs: multiply-accumulates had the input been dense, padding excluded, summed over all passes.
        analog: an input value was no whole number.
        parameters: weights and biases.
        inputs, outputs: values of its input and of its output, summed over all passes.
        weights: of them without biases; `zeros` of these are zero.
        fan_in: input values that an output value is made of, padding included; 0: not known, as of what
            is neither a convolution nor fully connected.
        filters: output values at one place that an input value goes into: the output channels of its group
            of a convolution, all outputs of a fully connected layer.
        kernel, stride: of a convolution, by axis; empty for a fully connected layer.
        effective_acs, effective_macs: pairs of an input value and a weight, neither of them zero, summed over
            all passes: of passes whose input was 0, 1 and -1 alone, and of all others.
    """

    name: str
    layer: str
    parameters: int
    events: list[float] = attrs.field(factory=list)
    operations: list[float] = attrs.field(factory=list)
    macs: float = 0.0
    analog: bool = False
    effective: list[float] = attrs.field(factory=list)
    inputs: float = 0.0
    outputs: float = 0.0
    weights: int = 0
    zeros: int = 0
    fan_in: int = 0
    filters: int = 0
    kernel: list[int] = attrs.field(factory=list)
    stride: list[int] = attrs.field(factory=list)
    effective_acs: float = 0.0
    effective_macs: float = 0.0

    @property
    def passes(self) -> int:
        """How often it runs for one sample: once for each time step, or once if its input is constant."""
        return max(len(self.events), 1)

    def naive_operations(self, *, strided: bool) -> float:
        """Return synaptic operations by the usual formula, which ignores borders, summed over all samples.

        Args:
            strided: divide by the stride, so that a value reaches its share of the places.

        Returns:
            Events times `filters` times the size of the kernel; see `operations` for the exact number.
        """
        reach = self.filters * math.prod(self.kernel)
        return sum(self.events) * reach / (math.prod(self.stride) if strided else 1)


@attrs.define
class Activity:
    """What a network did over `samples` samples and `steps` time steps.

    Attributes:
        neurons, synapses: by module name, in the order of first use.
        windows: time steps of the windows along the longest path; 0 without windowed codes.
        uncounted: what has weights or multiplies and was not counted: class or operations by module name.
        parameters: of the whole network.
        footprint: bytes of its parameters and buffers.
    """

    samples: int = 0
    steps: int = 0
    neurons: dict[str, NeuronActivity] = attrs.field(factory=dict)
    synapses: dict[str, SynapseActivity] = attrs.field(factory=dict)
    uncounted: dict[str, str] = attrs.field(factory=dict)
    windows: int = 0
    parameters: int = 0
    footprint: int = 0

    def _per_sample(self, total: float) -> float:
        return total / self.samples if self.samples else 0.0

    @property
    def spikes_per_sample(self) -> float:
        """Spikes of all neurons over all steps."""
        return self._per_sample(sum(sum(n.spikes) for n in self.neurons.values()))

    @property
    def synaptic_operations(self) -> float:
        """Accumulates that spikes cause, per sample."""
        return self._per_sample(sum(sum(s.operations) for s in self.synapses.values() if not s.analog))

    @property
    def effective_operations(self) -> float:
        """Synaptic operations without those over weights that are zero, per sample."""
        return self._per_sample(sum(sum(s.effective) for s in self.synapses.values() if not s.analog))

    @property
    def macs(self) -> float:
        """Multiply-accumulates of layers with analog input, per sample."""
        return self._per_sample(sum(s.macs for s in self.synapses.values() if s.analog))

    @property
    def dense_macs(self) -> float:
        """Multiply-accumulates of all layers, had every input been dense, per sample."""
        return self._per_sample(sum(s.macs for s in self.synapses.values()))

    @property
    def one_pass_macs(self) -> float:
        """Multiply-accumulates of one dense pass of the same layers, as an ANN makes it, per sample."""
        return self._per_sample(sum(s.macs / s.passes for s in self.synapses.values()))

    @property
    def neuron_operations(self) -> float:
        """Accumulates that spikes cause inside neurons, per sample."""
        return self._per_sample(sum(n.operations for n in self.neurons.values()))

    @property
    def neuron_macs(self) -> float:
        """Multiply-accumulates of products inside neurons, per sample."""
        return self._per_sample(sum(n.macs for n in self.neurons.values()))

    @property
    def neuron_updates(self) -> float:
        """State updates per sample."""
        return self._per_sample(sum(n.updates for n in self.neurons.values()))

    @property
    def latency_steps(self) -> int:
        """Time steps until the answer: those of the input, and then one window after the other.

        An input of one step, given at once, takes no time of its own before the first window.
        """
        return self.windows + (self.steps if self.steps > 1 or not self.windows else 0)

    def rate(self, name: str) -> float:
        """Return the firing rate of a layer: spikes per neuron and step."""
        return self.neurons[name].rate
