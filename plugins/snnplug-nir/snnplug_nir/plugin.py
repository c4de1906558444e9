"""What snnplug-nir offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ArchitectureSpec, ExporterSpec, hookimpl

_PAPER = "Pedersen et al., Nature Communications 2024, arXiv:2311.14641"


@hookimpl
def snnplug_exporters() -> Iterable[ExporterSpec]:
    """Return the exporter."""
    yield ExporterSpec(
        name="nir",
        target="snnplug_nir.exporter:NIR",
        summary="NIR, a graph of layers that simulators and chips read; canonical, or in a dialect.",
        reference=_PAPER,
    )


@hookimpl
def snnplug_architectures() -> Iterable[ArchitectureSpec]:
    """Return the architecture."""
    yield ArchitectureSpec(
        name="nir",
        target="snnplug_nir.architecture:nir_network",
        summary="The network of a NIR file, with its weights.",
        reference=_PAPER,
        trained=True,
    )
