"""The books of a recording: what each layer was given to multiply, use by use.

A layer that is used twice in a time step has two uses, and each is spikes or analog on its own: one that was
analog once is analog. The uses of a layer are added up under its name; where some are spikes and some analog,
the analog ones stand apart as "name (analog)".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

import torch
from torch import Tensor

from snnplug.contracts.activity import Activity, NeuronActivity, SynapseActivity
from snnplug.nn.recording.operations import Input, Multiplied
from snnplug.nn.recording.origin import Origins, Place, Steps, locate
from snnplug.nn.recording.products import Padded, Product
from snnplug.nn.recording.scope import Scope, Site
from snnplug.nn.recording.tally import Side, Tally, add_up, count_operand

__all__ = ["Ledger"]


class Ledger:
    """Enters every product under the layer or the neuron at work.

    Args:
        activity: where the sums go.
        scope: the modules at work.
        origins: where tensors come from.
    """

    def __init__(self, activity: Activity, scope: Scope, origins: Origins) -> None:
        self.activity, self.scope, self.origins = activity, scope, origins
        self._synapses: dict[Hashable, Tally] = {}
        self._neurons: dict[tuple[str, Hashable], Tally] = {}
        self._start = 0
        self._calls: Counter[Hashable] = Counter()
        self._uses: Counter[Hashable] = Counter()
        self._in_order: set[Hashable] = set()
        self._effective: dict[Hashable, float | Tensor | None] = {}
        self._taps: dict[Hashable, Tensor] = {}  # of layers that pad their input

    def begin(self, start: int) -> None:
        """Begin a pass whose first time step is that one."""
        self._start = start
        for book in (self._calls, self._uses, self._in_order):
            book.clear()

    def enter(self, made: Multiplied) -> None:
        """Count a product."""
        if self.scope.frames[-1].input is not None:
            made = self._before_padding(made)
        neuron = self.scope.neuron
        tally, places = self._outside(made) if neuron is None else self._inside(neuron, made)
        for one, place, book in zip(made.inputs, places, tally.sides, strict=False):
            if book.analog and neuron is not None:
                continue  # its multiply-accumulates are all that is told of it
            steps = one.steps or Steps()
            counted = count_operand(
                one.x,
                place,
                made.product.fan_out(one.side),
                None if made.computed else self._over_weights(made, one),
                spikes=steps.spikes,
                binary=steps.binary,
                analog=steps.analog,
                once=made.computed,
            )
            book.add(counted, place.start)
        tally.macs += made.product.macs
        tally.inputs += made.inputs[0].x.numel()
        tally.outputs += made.product.results

    def weigh(self, neuron: str, values: int) -> None:
        """Count values that a neuron multiplies by its parameters one by one, as a filter does."""
        key = neuron, "elementwise"
        if key not in self._neurons:
            self._neurons[key] = Tally(neuron, "elementwise", 0, (Side(analog=True),))
        self._neurons[key].macs += values

    def _inside(self, neuron: str, made: Multiplied) -> tuple[Tally, list[Place]]:
        key = neuron, made.weights or made.operation
        if key not in self._neurons:
            self._neurons[key] = _new(Site(neuron, made.operation), made)
        return self._neurons[key], [Place()] * len(made.inputs)

    def _outside(self, made: Multiplied) -> tuple[Tally, list[Place]]:
        site = self.scope.site(made.operation, made.weights, computed=made.computed)
        what = site.name, made.weights or made.operation  # a layer may have several weights
        places = self._places(what, made.inputs)
        at = what, places[0].start
        key = what, self._uses[at]
        self._uses[at] += 1
        tally = self._synapses.get(key)
        if tally is None:
            tally = self._synapses[key] = _new(site, made)
        return tally, places

    def _places(self, what: Hashable, inputs: list[Input]) -> list[Place]:
        """Return where the steps lie in the inputs.

        Weights that begin on what no input led to, such as an initial state, take one step after the other.
        """
        calls = self._calls[what]
        self._calls[what] = calls + 1
        first = next((one.place for one in inputs if one.place is not None), None)
        if first is None or (first.length == 1 and what in self._in_order):
            self._in_order.add(what)
            return [Place(self._start + calls)] * len(inputs)
        return [one.place or Place(first.start) for one in inputs]

    def _over_weights(self, made: Multiplied, one: Input) -> float | Tensor | None:
        """Return the fan-out over the weights that are not zero; None if all are such."""
        weights, origin = made.product.operands[1 - one.side], made.weights
        assert weights is not None
        if origin is None or not origin.itself or weights.is_inference():
            return _effective(made.product, one.side, weights)
        view = weights.shape, weights.stride(), weights.storage_offset(), weights._version
        key = origin.names, view, one.side, one.x.shape[1:]
        if key not in self._effective:
            self._effective[key] = _effective(made.product, one.side, weights)
        return self._effective[key]

    def _before_padding(self, made: Multiplied) -> Multiplied:
        """Return a convolution by the input of its layer, which pads it."""
        frame = self.scope.frames[-1]
        if frame.input is None or not made.operation.startswith("convolution"):
            return made
        at = frame.name, frame.input.shape
        product = Padded(frame.module, frame.input, made.product, self._taps.get(at))
        self._taps[at] = product.taps
        steps = self.origins.steps(frame.input)
        place = None if steps is None else locate(product.x, steps)
        return made._replace(product=product, inputs=[Input(0, product.x, steps, place)])

    def publish(self) -> None:
        """Write the sums to the activity."""
        layers: dict[tuple[str, bool], list[Tally]] = {}
        for tally in self._synapses.values():
            layers.setdefault((tally.name, tally.input.analog), []).append(tally)
        for (name, _), tally in self._neurons.items():
            if name not in self.activity.neurons:  # it sends analog values, and is a layer like any other
                layers.setdefault((name, tally.input.analog), []).append(tally)
        self.activity.synapses.clear()
        for (name, analog), uses in layers.items():
            apart = analog and (name, False) in layers
            entry = _entry(f"{name} (analog)".strip() if apart else name, analog, uses)
            self.activity.synapses[entry.name] = entry
        for neuron in self.activity.neurons.values():
            neuron.operations = neuron.effective = neuron.macs = 0.0
        for (name, _), tally in self._neurons.items():
            if name in self.activity.neurons:
                _add_inside(self.activity.neurons[name], tally)


def _new(site: Site, made: Multiplied) -> Tally:
    tally = Tally(site.name, site.kind, site.parameters, tuple(Side() for _ in made.inputs))
    side = made.inputs[0].side
    weights = made.product.operands[1 - side]
    if not made.computed and weights is not None:
        tally.layout, tally.weights = made.product.layout(side), weights.numel()
        tally.zeros = tally.weights - int(weights.count_nonzero())
    return tally


def _effective(product: Product, side: int, weights: Tensor) -> float | Tensor | None:
    mask = weights.bool()
    if not mask.numel() or bool(mask.view(torch.uint8).amin()):
        return None
    return product.fan_out(side, mask)


def _add_inside(neuron: NeuronActivity, tally: Tally) -> None:
    if tally.input.analog:
        neuron.macs += tally.macs
    else:
        neuron.operations += sum(tally.input.operations)
        neuron.effective += sum(tally.input.operations) - sum(tally.input.idle)


def _entry(name: str, analog: bool, uses: Iterable[Tally]) -> SynapseActivity:
    first, *_ = uses
    fan_in, filters, kernel, stride = first.layout
    entry = SynapseActivity(
        name,
        first.kind,
        first.parameters,
        analog=analog,
        weights=first.weights,
        zeros=first.zeros,
        fan_in=fan_in,
        filters=filters,
        kernel=list(kernel),
        stride=list(stride),
    )
    for use in uses:
        add_up(entry.events, use.input.events)
        add_up(entry.operations, use.input.operations)
        add_up(entry.effective, use.input.operations)
        add_up(entry.effective, use.input.idle, sign=-1)
        entry.macs += use.macs
        entry.inputs += use.inputs
        entry.outputs += use.outputs
        entry.effective_acs += use.input.effective_acs
        entry.effective_macs += use.input.effective_macs
    return entry
