"""The hooks that a plugin implements: one per kind, no arguments, returning specs.

A plugin implements any of them in its torch-free module `<package>.plugin`:

    from snnplug import NeuronSpec, hookimpl

    @hookimpl
    def snnplug_neurons():
        yield NeuronSpec(name="my_neuron", target="acme_neurons.neuron:MyNeuron", summary="A neuron of mine.")

Order never matters: results are sorted, and wrappers, `tryfirst` and `trylast` are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snnplug.registry.kinds import (
        ArchitectureSpec,
        BenchmarkSpec,
        CallbackSpec,
        ChipSpec,
        DatasetSpec,
        EncoderSpec,
        EnergyModelSpec,
        ExecutorSpec,
        ExporterSpec,
        LossSpec,
        NeuronSpec,
        ScorerSpec,
        SearchSpaceSpec,
        StrategySpec,
        TrackerSpec,
    )

__all__ = ["hookimpl"]

hookimpl = pluggy.HookimplMarker("snnplug")
_hookspec = pluggy.HookspecMarker("snnplug")


@_hookspec
def snnplug_neurons() -> Iterable[NeuronSpec]:  # type: ignore[empty-body]
    """Return the neurons: subclasses of `snnplug.nn.SpikingNeuron`."""


@_hookspec
def snnplug_encoders() -> Iterable[EncoderSpec]:  # type: ignore[empty-body]
    """Return the encoders: subclasses of `snnplug.nn.Encoder`."""


@_hookspec
def snnplug_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Return the datasets: functions that return `snnplug.Splits`."""


@_hookspec
def snnplug_architectures() -> Iterable[ArchitectureSpec]:  # type: ignore[empty-body]
    """Return the architectures: builders `(task, *, neuron, ...)` of a module."""


@_hookspec
def snnplug_search_spaces() -> Iterable[SearchSpaceSpec]:  # type: ignore[empty-body]
    """Return the search spaces: builders `(task, *, neuron, ...)` of a `snnplug.SearchSpace`."""


@_hookspec
def snnplug_scorers() -> Iterable[ScorerSpec]:  # type: ignore[empty-body]
    """Return the scorers: builders of a callable from `snnplug.Candidate` to a float."""


@_hookspec
def snnplug_strategies() -> Iterable[StrategySpec]:  # type: ignore[empty-body]
    """Return the search strategies: builders `(space, seed, *, ...)` of a `snnplug.Strategy`."""


@_hookspec
def snnplug_losses() -> Iterable[LossSpec]:  # type: ignore[empty-body]
    """Return the losses: subclasses of `snnplug.nn.Loss`."""


@_hookspec
def snnplug_energy_models() -> Iterable[EnergyModelSpec]:  # type: ignore[empty-body]
    """Return the energy models: builders of a callable from activity to `snnplug.EnergyEstimate`."""


@_hookspec
def snnplug_benchmarks() -> Iterable[BenchmarkSpec]:  # type: ignore[empty-body]
    """Return the benchmarks: functions that return a `snnplug.Benchmark`."""


@_hookspec
def snnplug_executors() -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
    """Return the executors: builders `(build, workers, *, ...)` of a `snnplug.Executor`."""


@_hookspec
def snnplug_callbacks() -> Iterable[CallbackSpec]:  # type: ignore[empty-body]
    """Return the callbacks: builders of a `snnplug.nn.Callback`."""


@_hookspec
def snnplug_chips() -> Iterable[ChipSpec]:  # type: ignore[empty-body]
    """Return the chips: builders of a callable from `snnplug.LayerGraph` to `snnplug.Fit`."""


@_hookspec
def snnplug_exporters() -> Iterable[ExporterSpec]:  # type: ignore[empty-body]
    """Return the exporters: builders of a `snnplug.Exporter`."""


@_hookspec
def snnplug_trackers() -> Iterable[TrackerSpec]:  # type: ignore[empty-body]
    """Return the trackers: builders of a `snnplug.Tracker`."""
