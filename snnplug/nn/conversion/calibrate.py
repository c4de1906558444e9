"""Calibration: the parameters of an SNN's neurons, set from the potentials that its ANN has.

Codes of a window that correct their potentials, and others whose `sequential` is true, depend on the neurons
before them (threshold balancing: Han, Srinivasan and Roy, CVPR 2020; calibration of conversion: Li et al.,
ICML 2021): they are set one after the other, each from the potentials of the ANN and from the currents that
it gets in the SNN as calibrated so far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs
from torch import Tensor, nn

from snnplug.errors import ContractError
from snnplug.nn.code import WindowNeuron
from snnplug.nn.conversion.before_pools import placed_as
from snnplug.nn.conversion.decoding import decode, repeat
from snnplug.nn.conversion.observe import Enough, observe
from snnplug.nn.conversion.pairs import matched_neurons
from snnplug.nn.conversion.sample import Sample
from snnplug.nn.neuron import SpikingNeuron

__all__ = ["CalibrationProgress", "calibrate"]

CalibrationProgress: TypeAlias = Callable[[str, int, int], None]


def calibrate(
    ann: nn.Module,
    snn: nn.Module,
    batches: Iterable[Tensor],
    *,
    steps: int = 1,
    samples_per_layer: int = 2**17,
    seed: int = 0,
    progress: CalibrationProgress | None = None,
) -> tuple[str, ...]:
    """Set the parameters of an SNN's neurons from the potentials of its ANN, layer by layer.

    Of a `WindowNeuron` this calls `calibrate(samples, received)`, or `calibrate(samples)` where `corrects` is
    false; of any other that has it, `start(samples)`; where `sequential` is true, `start(samples, received)`.
    Neurons without a `start` are left alone.

    Args:
        ann: the network with analog neurons.
        snn: the same with spiking ones; changed in place.
        batches: inputs `[1, B, *]`.
        steps: time steps that clocked neurons are given.
        samples_per_layer: values of each layer that are kept, at least one row. A row is one place of one
            sample with all its channels, `[C]`; for a neuron whose `whole_samples` is true a whole sample,
            `[C, *]`.
        seed: of the choice of rows.
        progress: called with the name of a layer that is done, its number and how many there are.

    Returns:
        Names of the neurons that were calibrated, in the order of first use.

    Raises:
        ContractError: the networks do not fit each other, or there is no batch.
    """
    wanted = {name: neuron for name, neuron in matched_neurons(ann, snn).items() if _has_any(neuron)}
    if any(map(_depends, wanted.values())):
        batches = list(batches)  # passed once more for each such neuron
    rows = {name: _Rows(samples_per_layer, neuron.whole_samples, seed) for name, neuron in wanted.items()}
    uses: Counter[str] = Counter()
    with placed_as(ann, snn):
        kept = _sampled(ann, batches, rows, decode, uses)
    if wanted and not kept:
        raise ContractError("there is no batch of inputs; give at least one")
    for number, (name, samples) in enumerate(kept.items(), 1):
        neuron: Any = wanted[name]
        given = [samples]
        if _depends(neuron):
            axis, of = (0, decode) if neuron.windowed else (1, _as_it_is)
            here = {name: attrs.evolve(rows[name], axis=axis)}
            inputs = [repeat(x, steps) for x in batches]
            received = _sampled(snn, inputs, here, of, Counter(), uses[name] // len(inputs))[name]
            given.append(received.transpose(0, axis))
        neuron.calibrate(*given) if isinstance(neuron, WindowNeuron) else neuron.start(*given)
        if progress is not None:
            progress(name, number, len(kept))
    return tuple(kept)


def _depends(neuron: SpikingNeuron) -> bool:
    return neuron.corrects if isinstance(neuron, WindowNeuron) else neuron.sequential


def _as_it_is(current: Tensor, every: int | None) -> Tensor:
    return current


def _has_any(neuron: SpikingNeuron) -> bool:
    start = getattr(type(neuron), "start", None)
    return start is not None and start is not WindowNeuron.start


def _sampled(
    model: nn.Module,
    inputs: Iterable[Tensor],
    rows: Mapping[str, _Rows],
    of: Callable[[Tensor, int | None], Tensor],
    uses: Counter[str],
    enough: int = 0,
) -> dict[str, Tensor]:
    """Return a sample of what some layers of neurons get, by name in the order of first use.

    Args:
        model, inputs: what runs.
        rows: how currents are cut, by name of the layer.
        of: what is kept of a current, whose neuron adds its bias at so many steps.
        uses: gets how often each layer was used.
        enough: uses of them in a pass, behind which it may end; 0: not known.
    """
    samples: dict[str, Sample] = {}

    def saw(name: str, neuron: SpikingNeuron, current: Tensor, sent: Tensor) -> None:
        if name in rows:
            found = rows[name].of(of(current, neuron.bias_every))
            samples.setdefault(name, rows[name].sample(found)).add(found)
            uses[name] += 1
            if enough and uses[name] % enough == 0:
                raise Enough

    for x in inputs:
        observe(model, x, saw)
    return {name: sample.rows for name, sample in samples.items()}


@attrs.frozen
class _Rows:
    """How currents are cut into rows: by place, with all channels of it, or by sample.

    Attributes:
        values: how many values of a layer are kept.
        whole: rows are samples.
        seed: of the choice.
        axis: of the samples: 0, or 1 where time steps are in front and stay with their row.
    """

    values: int
    whole: bool
    seed: int
    axis: int = 0

    def of(self, current: Tensor) -> Tensor:
        """Return rows `[n, C, *]`, or `[n, T, C, *]`, of currents `[B, C, *]` or `[T, B, C, *]`."""
        if not self.whole:
            current = current.movedim(self.axis + 1, -1).flatten(self.axis, -2)
        return current.transpose(0, self.axis)

    def sample(self, rows: Tensor) -> Sample:
        """Return an empty sample for such rows."""
        steps = rows.shape[1] if self.axis else 1
        return Sample(max(1, self.values * steps // max(1, rows[0].numel())), self.seed)
