"""The spike recorder: what a network did, counted exactly.

    with record(model) as activity:
        model(inputs)                      # as many batches as wanted
    activity.spikes_per_sample

Every neuron's output is seen, through `forward` and through `step`, and every operation that multiplies,
whether a layer makes it or a function. A neuron inside a neuron is part of it and not seen again; what a
neuron multiplies stands with the neuron. What makes weights of weights is no work of the network.

An input that holds only whole numbers is spikes: each counts with its true fan-out, so a spike at the border
of a padded image counts less. Any other input is analog and is billed in multiply-accumulates, for as many
passes as the layer really made. Where the network computes both factors, as in attention, the first that is
spikes counts, each of its values that is not zero once. Values that a graded neuron sends are spikes, whole
or not, as long as they are only moved, selected or scaled: see `SpikeCounts`.

What multiplies and is not counted is named in `Activity.uncounted`. A compiled network runs uncompiled
meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from snnplug.contracts.activity import Activity
from snnplug.nn.recording.decoded import SpikeCounts
from snnplug.nn.recording.recorder import Recorder
from snnplug.nn.watch import SpikeObserver

__all__ = ["SpikeCounts", "record"]


@contextmanager
def record(
    model: nn.Module,
    *,
    on_spikes: SpikeObserver | None = None,
    raster: int = 0,
    encoder: nn.Module | None = None,
) -> Iterator[Activity]:
    """Record what a model does inside the block.

    Args:
        model: called with `[T, B, *]`, the first tensor among its arguments; every call is one batch.
        on_spikes: called with a layer's name and its spikes `[t, B, *]` as they come, t being
            all steps of a sequence or a single one; for scorers that need the patterns.
        raster: keep the spikes of this many neurons per layer for the first sample.
        encoder: that made the inputs. If it is a `SpikeCounts`, they stand for as many spikes as it says; a
            window of `slots` time steps, if it has one, comes before the first layer's.

    Yields:
        The activity, complete when the block ends.

    Raises:
        ContractError: the model is called without a tensor `[T, B, *]`.
    """
    recorder = Recorder(model, on_spikes, raster, encoder)
    with _as_written():
        recorder.attach()
        try:
            yield recorder.activity
        finally:
            recorder.detach()


@contextmanager
def _as_written() -> Iterator[None]:
    """Let networks run operation by operation as they are written.

    Compiled code calls no hooks that came after it, and torch's attention layer may be one operation.
    """
    compiled = "torch._dynamo" in sys.modules  # else nothing is, and to ask would take seconds
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.compiler.set_stance("force_eager") if compiled else nullcontext():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
