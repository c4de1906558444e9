"""Programs of torch.export, ONNX models and safetensors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from snnplug_exporters import onnx_model
from snnplug_exporters.onnx_model import ONNX
from snnplug_exporters.program import TorchExport
from snnplug_exporters.weights import Safetensors
from torch import nn

from snnplug.errors import ExportError, TargetError
from snnplug.nn import TimeSequential
from snnplug.testing import ExporterConformance, PluginConformance
from snnplug.testing.exporter import tiny_inputs, tiny_network


class TestPlugin(PluginConformance):
    name = "snnplug-exporters"


class TestTorch(ExporterConformance):
    name = "snnplug-exporters:torch"


@pytest.mark.skipif(
    "not all(__import__('importlib.util').util.find_spec(n) for n in ('onnx', 'onnxscript'))",
    reason="onnx and onnxscript are not installed",
)
class TestONNX(ExporterConformance):
    name = "snnplug-exporters:onnx"


class TestSafetensors(ExporterConformance):
    name = "snnplug-exporters:safetensors"


@pytest.mark.parametrize("batch", [1, 5])
def test_a_program_takes_any_batch(batch: int, tmp_path: Path) -> None:
    network, x = tiny_network(), tiny_inputs()
    exported = TorchExport()(network, x[:, :1], tmp_path / "a.pt2")
    program = torch.export.load(exported.files[0]).module()
    x = torch.rand(4, batch, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(program(x), network(x))
    assert exported.notes == [
        "it takes inputs [4, B, 1, 8, 8] of float32 as the run encodes them, for any batch size B"
    ]


def test_an_onnx_model_takes_any_batch(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = tiny_network()
    ONNX()(network, tiny_inputs(), tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    x = torch.rand(4, 3, 1, 8, 8)
    (output,) = session.run(["output"], {"input": x.numpy()})
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(output), network(x), atol=1e-5)


class Undecided(nn.Module):
    """Its way depends on values, which no program can have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum() > 0 else x


def test_what_torch_cannot_follow_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"^torch.export cannot follow the network: .+$"):
        TorchExport()(TimeSequential(Undecided()).eval(), tiny_inputs(), tmp_path / "a.pt2")
    assert not list(tmp_path.iterdir())


def test_onnx_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_model, "_NEEDS", ("no_such_package",))
    with pytest.raises(
        TargetError, match=r"no_such_package must be installed: pip install 'snnplug-exporters"
    ):
        ONNX()


def test_weights_that_are_one_are_written_twice(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    tied = nn.Linear(3, 3)
    other = nn.Linear(3, 3)
    other.weight = tied.weight
    network = TimeSequential(tied, other).to(memory_format=torch.contiguous_format).eval()
    Safetensors()(network, torch.rand(2, 1, 3), tmp_path / "a.safetensors")
    held = load_file(tmp_path / "a.safetensors")
    assert torch.equal(held["layers.0.weight"], held["layers.1.weight"])


def test_readers_import_nothing_of_snnplug() -> None:
    folder = Path(sys.modules["snnplug_exporters"].__file__ or "").parent / "readers"
    scripts = sorted(folder.glob("*.py"))
    assert len(scripts) == 3
    assert not [script.name for script in scripts if "import snnplug" in script.read_text()]
