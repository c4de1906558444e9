"""ONNX models, by torch's exporter, for onnxruntime and whatever else runs them."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from snnplug import Exported, Reader
from snnplug.errors import ExportError, TargetError
from snnplug_exporters.program import first_line, notes, several, unrolled

__all__ = ["ONNX"]

_FOLDER = Path(__file__).parent / "readers"
_NEEDS = ("onnx", "onnxscript")


class ONNX:
    """`.onnx` files.

    Args:
        opset: version of ONNX's operators; None for that which torch takes.
    """

    suffix = ".onnx"
    readers = (
        Reader(
            name="onnxruntime",
            module="onnxruntime",
            distribution="onnxruntime",
            script=_FOLDER / "read_onnxruntime.py",
        ),
    )

    def __init__(self, *, opset: int | None = None) -> None:
        missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
        if missing:
            raise TargetError(
                f"to write ONNX {' and '.join(missing)} must be installed: pip install "
                "'snnplug-exporters[onnx]'"
            )
        self.opset = opset

    def __call__(self, network: nn.Module, x: Tensor, path: Path) -> Exported:
        """Write a network; see `snnplug.Exporter`."""
        program = unrolled(network, x)
        try:
            with _quiet():
                torch.onnx.export(
                    program,
                    (several(x),),
                    str(path),
                    dynamo=True,
                    input_names=["input"],
                    output_names=["output"],
                    opset_version=self.opset,
                    external_data=False,
                )
        except Exception as error:  # of many kinds, and long
            raise ExportError([f"ONNX cannot say what the network does: {first_line(error)}"]) from error
        return Exported(files=[path], notes=notes(x))


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """Keep what the exporter prints on its way from the user, who is told the outcome."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
