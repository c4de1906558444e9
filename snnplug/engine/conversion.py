"""A trained network with other neurons: built anew, given the weights, calibrated by training samples."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from snnplug.engine.data import order
from snnplug.engine.parts import Parts
from snnplug.engine.stage import Restored
from snnplug.errors import ContractError, RecipeError, RunDirectoryError, in_one_line
from snnplug.nn import SpikingNeuron, WindowNeuron, as_neuron, calibrate, convert, seeded
from snnplug.nn.mode import evaluating
from snnplug.registry.component import Component
from snnplug.runs.damage import UNREADABLE
from snnplug.runs.directory import RunDirectory
from snnplug.seeds import derive_seed, digest

if TYPE_CHECKING:
    from snnplug.engine.session import Session

__all__ = [
    "CHECKPOINT",
    "Calibration",
    "calibrated",
    "check_conversion",
    "convert_network",
    "converted_from",
    "converted_parts",
    "load_weights",
    "parts_of_coding",
    "restore_converted",
    "steps_of",
]

CHECKPOINT = "checkpoint-convert.pt"


class Calibration(NamedTuple):
    """How many training samples neurons are calibrated by, and how many go at a time."""

    samples: int
    batch_size: int


def converted_parts(parts: Parts) -> Parts:
    """Return the parts around the network that `[convert]` makes."""
    plan = parts.plan
    steps = steps_of(plan["convert.neuron"], plan.recipe.convert.steps)
    return parts_of_coding(parts, plan["convert.neuron"], steps, plan.get("convert.encoder"))


def parts_of_coding(parts: Parts, neuron: Component, steps: int, encoder: Component | None = None) -> Parts:
    """Return parts for a neuron in place of the recipe's.

    Args:
        parts: of the network that is converted.
        neuron: what stands in its neurons' place.
        steps: number of time steps.
        encoder: in place of the recipe's; its number of steps is its own where it says one.
    """
    around = encoder if encoder is not None else parts.encoded_by
    if encoder is None or "steps" not in encoder.parameters:
        around = around.with_parameters(steps=steps)
    return parts.with_neuron(neuron).with_encoder(around)


def steps_of(neuron: Component, steps: int) -> int:
    """Return how many time steps a neuron is given: a window takes its current at once."""
    kind = neuron.load()
    return 1 if isinstance(kind, type) and issubclass(kind, WindowNeuron) else steps


def converted_from(source: Restored, target: Parts, genotype: Any, purpose: str) -> nn.Module:
    """Return a network of another neuron with the weights of the source.

    Architectures add their biases in every step, which is right for neurons that want just that, and for
    those that get one step. For any other the graph of the source is converted.

    Args:
        source: the network that is converted.
        target: parts of what it becomes.
        genotype: of both.
        purpose: what its seed depends on.

    Raises:
        ContractError: they differ in more than their neurons.
        ConversionError: the graph holds what cannot be converted.
    """
    neuron = target.plan["neuron"]
    if as_neuron(neuron).bias_every in (1, None):
        network = target.network(genotype, purpose)
        load_weights(source.network, network)
        return network
    example = source.parts.sample(2)[0]
    return target.build(
        lambda: convert(source.network, example, neuron, fold_batch_norm=False, skip_idle=False).network,
        purpose,
    )


def check_conversion(source: Parts, target: Parts, key: str) -> None:
    """Try a conversion on networks that are not trained.

    Raises:
        ContractError: weights of the one do not fit the other, or it cannot run.
        RecipeError: the neuron sends no spikes.
    """
    if target.plan["neuron"].load().analog:
        raise RecipeError(
            [f"{key}.neuron: {target.plan['neuron'].name} sends no spikes; take a neuron that does"]
        )
    genotype = None if source.space is None else source.space.sample(random.Random(0))
    snn = converted_from(Restored(source, source.network(genotype, "check")), target, genotype, "check")
    with evaluating(snn), torch.no_grad():
        x = target.sample(2)
        outputs = target.calls.network(snn, x)
    if not bool(outputs.isfinite().all()):
        target.calls.refuse_network(snn, x, outputs)


def load_weights(ann: nn.Module, snn: nn.Module) -> None:
    """Give a network the weights of another that has other neurons at the same places.

    Raises:
        ContractError: they differ in more than their neurons.
    """
    own = {
        f"{name}.{key}" if name else key
        for name, module in snn.named_modules()
        if isinstance(module, SpikingNeuron)
        for key in module.state_dict()
    }
    try:
        found = snn.load_state_dict(ann.state_dict(), strict=False)
    except RuntimeError as error:
        raise ContractError(
            f"the weights of the trained network do not fit the converted one: {error}"
        ) from error
    missing = [key for key in found.missing_keys if key not in own]
    if missing or found.unexpected_keys:
        named = ", ".join([*missing, *found.unexpected_keys][:5])
        raise ContractError(
            f"the trained network and the converted one differ in more than their neurons: {named}; "
            "an architecture has to give its layers the same names whatever neuron it is built of"
        )


def convert_network(
    session: Session, source: Restored, parts: Parts, genotype: Any, calibration: Calibration
) -> nn.Module:
    """Return the converted, calibrated network: that of the checkpoint, or a new one."""
    kept = restore_converted(source.parts, parts, session.directory, genotype, CHECKPOINT)
    if kept is not None:
        return kept.network
    network = calibrated(session, source, parts, genotype, calibration, "convert")
    if session.leads:
        content = {"model": network.state_dict(), "genotype": digest(genotype)}
        session.directory.save_checkpoint(content, CHECKPOINT)
    session.wait()
    return network


def calibrated(
    session: Session, source: Restored, parts: Parts, genotype: Any, calibration: Calibration, purpose: str
) -> nn.Module:
    """Return a new network of the parts with the weights of the source, its neurons calibrated."""
    network = converted_from(source, parts, genotype, purpose)
    if not calibration.samples:
        return network.eval()
    batches = _inputs(source.parts, calibration)
    with (
        session.report.bar(f"calibrate {parts.plan['neuron'].name}", _neurons(network)) as bar,
        evaluating(source.network),
        evaluating(network),
        torch.no_grad(),
        parts.calls.running,
    ):
        calibrate(
            source.network,
            network,
            batches,
            steps=parts.encoder.steps,
            seed=derive_seed(parts.seed, "calibrate"),
            progress=lambda *_: bar.advance(),
        )
    return network.eval()


def _inputs(parts: Parts, calibration: Calibration) -> list[Tensor]:
    """Return encoded training samples in batches, as the source network gets them."""
    split = parts.splits.train
    indices = order(len(split), derive_seed(parts.seed, "calibration samples"))[: calibration.samples]
    pieces = torch.split(indices, calibration.batch_size)
    with seeded(derive_seed(parts.seed, "calibrate")):  # a split may augment
        batches = parts.batches(split, pieces, "calibrate")
        return [parts.encode(values, "calibrate", index) for index, (values, _) in enumerate(batches)]


def _neurons(network: nn.Module) -> int:
    return sum(isinstance(module, SpikingNeuron) for module in network.modules())


def restore_converted(
    source: Parts, parts: Parts, directory: RunDirectory, genotype: Any, name: str
) -> Restored | None:
    """Return the network of a checkpoint; None where there is none, or one of another candidate.

    Raises:
        RunDirectoryError: the checkpoint is damaged, or does not fit.
    """
    state = directory.load_checkpoint(name)
    if state is None or state.get("genotype") != digest(genotype):
        return None
    network = converted_from(
        Restored(source, source.network(genotype, "convert")), parts, genotype, "convert"
    )
    try:
        network.load_state_dict(state["model"])
    except (*UNREADABLE, RuntimeError) as error:
        raise RunDirectoryError(
            f"{directory.file(name)} does not fit the converted network of this recipe: "
            f"{in_one_line(str(error))[:300]}"
        ) from error
    return Restored(parts, network.eval())
