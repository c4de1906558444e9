"""The conversion stage: the trained network once more, with spiking neurons where its analog ones stand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from snnplug.engine.stage import Restored, Stage, Work
from snnplug.errors import RecipeError
from snnplug.recipe.section import Table, uses

if TYPE_CHECKING:
    from snnplug.engine.parts import Parts
    from snnplug.engine.session import Session
    from snnplug.runs.directory import RunDirectory

__all__ = ["Convert", "ConvertSection"]

_at_least_1: Any = attrs.validators.ge(1)


@attrs.frozen(kw_only=True)
class ConvertSection:
    """`[convert]`: what the trained network becomes.

    Attributes:
        neuron: what stands in place of every analog neuron.
        encoder: of the converted network; None for that of the recipe.
        steps: time steps of neurons that run step by step; a neuron of windows gets its input at once.
        samples: training samples whose potentials neurons are calibrated by; 0 leaves neurons as they are.
        batch_size: samples at a time.
    """

    neuron: Table = uses("neuron")
    encoder: Table | None = uses("encoder", None)
    steps: int = attrs.field(default=32, validator=_at_least_1)
    samples: int = attrs.field(default=1024, validator=attrs.validators.ge(0))
    batch_size: int = attrs.field(default=128, validator=_at_least_1)


class Convert(Stage):
    """Build the network again with other neurons, give it the weights, and calibrate the neurons."""

    name = "convert"
    sections: ClassVar = {"convert": ConvertSection}
    gives = "network"

    def check(self, parts: Parts, directory: RunDirectory | None = None) -> None:
        """Refuse a network that is no ANN, and build the converted one."""
        from snnplug.engine.conversion import check_conversion, converted_parts

        recipe, neuron = parts.plan.recipe, parts.plan["neuron"]
        if recipe.sections.get("train") is None and not _is_trained(parts):
            raise RecipeError([f"{self.name}: there is no trained network to convert; add [train]"])
        if not neuron.load().analog:
            raise RecipeError(
                [
                    f"{self.name}: [neuron] use = {neuron.name!r} spikes already; what is converted is "
                    "trained with an analog neuron, such as relu"
                ]
            )
        if parts.encoder.steps != 1:
            raise RecipeError(
                [f"encoder.steps: an ANN has no time, so [{self.name}] needs 1, got {parts.encoder.steps}"]
            )
        check_conversion(parts, converted_parts(parts), self.name)

    def restore(self, parts: Parts, directory: RunDirectory, genotype: Any) -> Restored | None:
        """Return the calibrated network."""
        from snnplug.engine.conversion import CHECKPOINT, converted_parts, restore_converted

        return restore_converted(parts, converted_parts(parts), directory, genotype, CHECKPOINT)

    def run(self, session: Session, work: Work) -> None:
        """Convert and calibrate, or take what was calibrated before."""
        from snnplug.engine.conversion import Calibration, convert_network, converted_parts

        started = time.perf_counter()
        network = work.network
        if network is None:  # the architecture brings its weights
            network = work.parts.network(work.genotype, "train").eval()
        source = Restored(work.parts, network)
        parts = converted_parts(work.parts)
        section = parts.plan.recipe.convert
        calibration = Calibration(section.samples, section.batch_size)
        work.network = convert_network(session, source, parts, work.genotype, calibration)
        work.source, work.parts = source, parts
        work.seconds[self.name] = time.perf_counter() - started


def _is_trained(parts: Parts) -> bool:
    architecture = parts.plan.get("architecture")
    return architecture is not None and bool(getattr(architecture.spec, "trained", False))
