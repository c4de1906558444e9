"""Networks of one task measured alike, one row each, against the first."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import nn

from snnplug.contracts import Activity, Trace
from snnplug.engine.compare_section import CompareSection
from snnplug.engine.data import some
from snnplug.engine.parts import Parts
from snnplug.engine.session import Session
from snnplug.engine.stage import Work
from snnplug.engine.stages.measure import energy_models, estimates, recorded
from snnplug.errors import SnnplugError
from snnplug.nn import SpikingNeuron, WindowNeuron, seeded, staircase, trace
from snnplug.nn.mode import evaluating
from snnplug.registry.component import Component
from snnplug.runs.conversion_records import ConversionErrors, ConversionRecord, ConversionRow
from snnplug.seeds import derive_seed
from snnplug.statistics.intervals import paired_difference

__all__ = ["Case", "Judge", "label"]


def label(neuron: Component, steps: int) -> str:
    """Return a name for a row: the neuron, what its parameters are, and its time steps if it has some."""
    said = [f"{name} = {_short(value)}" for name, value in neuron.parameters.items()]
    said += [f"T = {steps}"] if steps > 1 else []
    return f"{neuron.name} ({', '.join(said)})" if said else neuron.name


def _short(value: Any) -> str:
    return value.name if isinstance(value, Component) else str(value)


@attrs.frozen
class Case:
    """A network that gets a row.

    Attributes:
        name: of the row.
        parts, network: what is measured.
        chosen: it is the result of the run.
    """

    name: str
    parts: Parts
    network: nn.Module
    chosen: bool = False


class Judge:
    """Measures cases as they come; the first is the one that the others are compared with."""

    def __init__(self, session: Session, work: Work, section: CompareSection) -> None:
        assert work.source is not None
        self.session, self.source = session, work.source
        self.section, self.measure = section, work.parts.plan.recipe.measure
        self.rows: list[ConversionRow] = []
        self._first: list[float] = []
        self._traces: dict[str, Trace] = {}
        self._curves: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {}

    def add(self, case: Case) -> None:
        """Measure a case."""
        right = self._right(case, 0.0)
        if not self.rows:
            self._first = right
        activity = recorded(self.session, case.parts, case.network, self.measure, raster=0)
        difference = paired_difference(right, self._first)
        self.rows.append(
            ConversionRow(
                name=case.name,
                neuron=case.parts.plan["neuron"].to_dict(),
                chosen=case.chosen,
                accuracy=sum(right) / len(right),
                difference=difference.value,
                low=difference.low,
                high=difference.high,
                latency=self._latency(case, activity),
                interval=_interval(case, activity),
                spikes=activity.spikes_per_sample,
                operations=activity.synaptic_operations,
                macs=activity.macs,
                energy=tuple(estimates(self.session, energy_models(case.parts), activity)),
                noise={str(level): _mean(self._right(case, level)) for level in self.section.noise},
            )
        )
        if case.parts is not self.source.parts and self.section.samples:
            self._traces[case.name] = self._trace(case)
            self._curves[case.name] = self._curve(case)

    @staticmethod
    def _latency(case: Case, activity: Activity) -> int:
        """Return the time steps of one sample; an ANN has none."""
        return 0 if case.parts.plan["neuron"].load().analog else activity.latency_steps

    def record(self) -> ConversionRecord:
        """Return all rows."""
        return ConversionRecord(rows=tuple(self.rows), samples=len(self._first))

    def errors(self) -> ConversionErrors:
        """Return where each network errs, by the name of its row."""
        return ConversionErrors(traces=self._traces, curves=self._curves)

    @torch.no_grad()
    def _right(self, case: Case, noise: float) -> list[float]:
        """Return 1 for every test sample that is classified rightly, else 0."""
        parts, split, found = case.parts, case.parts.splits.test, []
        indices = some(len(split), self.section.test_samples, derive_seed(parts.seed, "compared"))
        pieces = torch.split(indices, self.measure.batch_size)
        name = f"compare {case.name}" + (f", noise {noise:g}" if noise else "")
        with (
            evaluating(case.network),
            seeded(derive_seed(parts.seed, "compare")),  # a split may augment
            self.session.report.bar(name, len(pieces)) as bar,
        ):
            for index, (values, labels) in enumerate(parts.batches(split, pieces, "test")):
                if noise:
                    seed = derive_seed(parts.seed, "noise", index)
                    drawn = torch.randn(values.shape, generator=torch.Generator().manual_seed(seed))
                    values = (values.float() + noise * drawn).clamp(0, 1)
                outputs = parts.calls.network(case.network, parts.encode(values, "evaluate", "test", index))
                found.append(parts.readout(outputs).argmax(1).cpu() == labels)
                bar.advance()
        return torch.cat(found).float().tolist()

    def _curve(self, case: Case) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the staircase of the neurons of the first layer, over what the ANN has there."""
        steps = case.parts.encoder.steps
        for module in case.network.modules():
            if isinstance(module, SpikingNeuron) and not module.analog:
                top = _top(module)
                try:
                    potentials, values = staircase(module, -0.1 * top, 1.2 * top, 401, steps=steps)
                except SnnplugError:  # one that has parameters for every place cannot be asked about one
                    return (), ()
                return tuple(potentials.tolist()), tuple(values.tolist())
        return (), ()

    def _trace(self, case: Case) -> Trace:
        with evaluating(case.network), evaluating(self.source.network), torch.no_grad():
            return trace(
                self.source.network,
                case.network,
                self._inputs(),
                steps=case.parts.encoder.steps,
                seed=derive_seed(case.parts.seed, "trace"),
            )

    def _inputs(self) -> list[Any]:
        parts = self.source.parts
        indices = some(len(parts.splits.test), self.section.samples, derive_seed(parts.seed, "traced"))
        pieces = torch.split(indices, self.measure.batch_size)
        with seeded(derive_seed(parts.seed, "trace")):
            batches = parts.batches(parts.splits.test, pieces, "trace")
            return [parts.encode(values, "trace", index) for index, (values, _) in enumerate(batches)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _interval(case: Case, activity: Activity) -> int:
    """Return the time steps from one sample to the next where every layer works on one of its own."""
    neurons = [m for m in case.network.modules() if isinstance(m, SpikingNeuron) and not m.analog]
    windows = [neuron.slots for neuron in neurons if isinstance(neuron, WindowNeuron)]
    return max(windows, default=activity.steps if neurons else 0)


def _top(neuron: SpikingNeuron) -> float:
    """Return the greatest value that a neuron can send, 1 where it does not say."""
    if isinstance(neuron, WindowNeuron):
        return float(neuron.code().levels.detach().max())
    theta = getattr(neuron, "theta", None)
    return float(theta.detach().abs().max()) if isinstance(theta, torch.Tensor) else 1.0
