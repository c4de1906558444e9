"""What snnplug-exporters offers. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

from snnplug import ExporterSpec, hookimpl


@hookimpl
def snnplug_exporters() -> Iterable[ExporterSpec]:
    """Return the exporters."""
    yield ExporterSpec(
        name="torch",
        target="snnplug_exporters.program:TorchExport",
        summary="A program of torch.export, of any batch size.",
    )
    yield ExporterSpec(
        name="onnx",
        target="snnplug_exporters.onnx_model:ONNX",
        summary="An ONNX model, of any batch size, for onnxruntime and others.",
    )
    yield ExporterSpec(
        name="safetensors",
        target="snnplug_exporters.weights:Safetensors",
        summary="The weights alone, by name.",
    )
