"""How far a converted network is from the ANN that it was made of, layer by layer."""

from __future__ import annotations

import attrs

__all__ = ["QUANTILES", "ErrorPart", "LayerError", "LayerTrace", "Trace"]

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@attrs.frozen
class ErrorPart:
    """One kind of error of a layer.

    Attributes:
        count: values that have it.
        total: sum of their absolute errors.
    """

    count: int
    total: float


@attrs.frozen
class LayerError:
    """Decoded values of a layer of the SNN minus the activations `a` of the same layer of the ANN.

    The split is that of Eqs. 8, 18 and 19 of Feng et al., Computer Science
    51(3):244-250, 2024.

    Attributes:
        mean, absolute: mean of the errors and of their absolute values.
        rms: root of the mean square; relative: divided by that of the activations, None where these are 0.
        correlation: Pearson's, between values and activations; None where either is constant.
        quantiles: of the errors, at `QUANTILES`.
        worst: the channels whose mean absolute error is greatest, and that error.
        lower: where 0 < a < lowest level of the code, but 0.
        upper: where a > highest level.
        quantisation: everywhere else.
    """

    mean: float
    absolute: float
    rms: float
    relative: float | None
    correlation: float | None
    quantiles: tuple[float, ...]
    worst: tuple[tuple[int, float], ...]
    lower: ErrorPart
    upper: ErrorPart
    quantisation: ErrorPart

    @property
    def total(self) -> float:
        """Sum of the absolute errors."""
        return self.lower.total + self.upper.total + self.quantisation.total


@attrs.frozen
class LayerTrace:
    """One layer of neurons.

    Attributes:
        name: module name, the same in both networks.
        neuron: class name of the neuron of the SNN.
        values: values that were compared.
        channels: how many the layer has.
        active: activations of the ANN above 0.
        silent: of these, those for which the SNN sends no spike.
        silent_channels: channels that are active in the ANN and never send a spike in the SNN.
        own: error of this layer alone: it codes the potential that the ANN has.
        accumulated: error in the SNN, with that of all layers before it.
    """

    name: str
    neuron: str
    values: int
    channels: int
    active: int
    silent: int
    silent_channels: tuple[int, ...]
    own: LayerError
    accumulated: LayerError

    @property
    def silent_share(self) -> float:
        """Share of the active values that send no spike."""
        return self.silent / self.active if self.active else 0.0


@attrs.frozen
class Trace:
    """All layers of neurons of a network, in the order of first use.

    Attributes:
        samples: how many were compared.
        steps: time steps of the input of the SNN.
        layers: the layers.
    """

    samples: int
    steps: int
    layers: tuple[LayerTrace, ...]

    def start(self, bound: float = 0.1) -> LayerTrace | None:
        """Return the first layer whose accumulated relative error exceeds a bound, or None."""
        return next((one for one in self.layers if (one.accumulated.relative or 0.0) > bound), None)
